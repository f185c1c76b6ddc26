"""The commands that measure; the only part of `app` that knows `eval`, and only inside the commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.options import EmbedderOption, LibraryOption, ReaderOption

QuestionsLibrary = Annotated[
    str | None,
    typer.Option(
        "--library", help="The library's folder (default: the articles that the questions bring along, or yours)."
    ),
]
JsonOut = Annotated[Path | None, typer.Option("--json", help="Write the figures here as JSON, and a .md beside it.")]


def register(cli: typer.Typer) -> None:
    """Add the commands `eval`, `questions`, `read-eval`, `calibrate` and `bench`."""
    cli.command("eval")(evaluate)
    cli.command("questions")(questions)
    cli.command("read-eval")(read_eval)
    cli.command("calibrate")(calibrate)
    cli.command("bench")(bench)


def evaluate(
    questions: Annotated[
        Path | None, typer.Argument(help="Questions as JSONL, CSV or SQuAD JSON; .gz allowed (default: the bundled).")
    ] = None,
    library: QuestionsLibrary = None,
    reader: ReaderOption = None,
    embedder: EmbedderOption = None,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the figures here as JSON, and a .md and a .html beside it.")
    ] = None,
    html_out: Annotated[
        Path | None, typer.Option("--html", help="Write the report here as a page, a .json and a .md beside it.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Figures of an earlier run; exit code 1 when these are worse than tolerated.")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="A.json B.json", help="Compare two runs; nothing is asked.")
    ] = None,
) -> None:
    """Measure answers to a file of questions end to end, and say which stage each wrong one failed in."""
    from rich.console import Console

    from corpus import QuestionError
    from eval.commands import run_compare, run_eval
    from eval.gate import Baseline

    if compare:
        if any(one is not None for one in (questions, library, reader, embedder, html_out, baseline)):
            raise QuestionError("--compare asks nothing; give it two files of figures, and --json if wanted")
        run_compare(*compare, json_out, Console())
        return
    gate = Baseline.load(baseline) if baseline else None
    found = run_eval(questions, library, json_out, reader, embedder, Console(), html_out=html_out, baseline=gate)
    breaches = gate.breaches(found) if gate else []
    for line in breaches:
        typer.echo(line, err=True)
    if breaches:
        raise typer.Exit(1)


def questions(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARTICLE...", help="Files, folders, or ids of articles in the library."),
    ] = None,
    file: Annotated[Path, typer.Option("--file", help="The file of questions to add to and review.")] = Path(
        "questions.jsonl"
    ),
    library: LibraryOption = None,
    review: Annotated[
        bool | None, typer.Option("--review/--no-review", help="Go through the drafts now (default: on a terminal).")
    ] = None,
) -> None:
    """Draft questions about articles by rule, and go through the drafts; those you accept count for `eval`."""
    from app.terminal import plain
    from corpus import QuestionError
    from eval import drafting

    drafting.check_file(file)
    if not sources and not file.exists():
        raise QuestionError(f"{file}: there is no such file, and no article to draft questions from; name one")
    drafts = drafting.DraftFile(file)
    articles = drafting.find_articles(sources or [], library)
    made = sum(drafts.add(article) for article in articles)
    typer.echo(f"{made} questions drafted into {file}")
    if review or (review is None and sys.stdin.isatty() and sys.stdout.isatty()):
        drafting.review(drafts, articles, input, lambda line: typer.echo(plain(line)))
    waiting = sum(1 for _ in drafts.drafts())
    typer.echo(
        f"{drafts.accepted} questions count, {waiting} drafts wait; `articleqa eval {file}` asks those that count"
    )


def read_eval(
    dataset: Annotated[Path, typer.Argument(help="SQuAD JSON or our JSONL of passages; .gz allowed.")],
    reader: ReaderOption = None,
    wrong_passages: Annotated[
        bool, typer.Option("--wrong-passages", help="Also read each question on a close passage without its answer.")
    ] = False,
    json_out: JsonOut = None,
) -> None:
    """Measure the reader alone on the passages that hold the answers."""
    from rich.console import Console

    from eval.commands import run_read_eval

    run_read_eval(dataset, reader, json_out, Console(), wrong_passages=wrong_passages)


def calibrate(
    questions: Annotated[
        Path | None, typer.Argument(help='A JSONL file of questions; empty "answers": the articles do not say.')
    ] = None,
    library: LibraryOption = None,
    false_answers: Annotated[
        float, typer.Option(help="The most of the questions not answered by the articles that may get an answer.")
    ] = 0.10,
    assurance: Annotated[float, typer.Option(help="How sure that must be.")] = 0.95,
    reader: ReaderOption = None,
    embedder: EmbedderOption = None,
    json_out: JsonOut = None,
    reset: Annotated[bool, typer.Option("--reset", help="Delete it again: back to the bundled one.")] = False,
) -> None:
    """Fit the confidence to your own questions, for a promised rate of false answers."""
    from rich.console import Console

    from corpus import QuestionError
    from eval import calibrate as command

    if (questions is None) != reset:
        raise QuestionError(
            "calibrate needs a file of questions, or --reset without one; see articleqa calibrate --help"
        )
    if questions is None:
        command.reset(library, Console())
        return
    for option, value in (("--false-answers", false_answers), ("--assurance", assurance)):
        if not 0 < value < 1:
            raise QuestionError(f"{option} {value}: give a share between 0 and 1, such as 0.05")
    command.run_calibrate(
        questions, library, json_out, reader, embedder, Console(), target=false_answers, assurance=assurance
    )


def bench(
    json_out: JsonOut = None,
    float_reader: Annotated[
        Path | None, typer.Option("--float", help="A float reader's folder: also measure the peers installed, with it.")
    ] = None,
    peer_embedder: Annotated[
        str | None, typer.Option(help="The peers' sentence-transformers model (default: all-MiniLM-L6-v2 of the hub).")
    ] = None,
) -> None:
    """Measure speed and memory on this machine, beside other pipelines where they are installed."""
    from rich.console import Console

    from eval.bench import run_bench
    from eval.peers.whole import PEER_EMBEDDER

    run_bench(Console(), json_out, peer_reader=float_reader, peer_embedder=peer_embedder or PEER_EMBEDDER)
