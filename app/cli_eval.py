"""The commands that measure; the only part of `app` that knows `eval`, and only inside the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Library = Annotated[
    Path | None,
    typer.Option(
        "--library", help="The library's folder (default: the bundled articles' own, or yours with QUESTIONS)."
    ),
]
Reader = Annotated[str | None, typer.Option("--reader", help="A question-answering model in place of the bundled one.")]
Embedder = Annotated[
    str | None, typer.Option("--embedder", help="A sentence-transformers model in place of the bundled one.")
]
JsonOut = Annotated[Path | None, typer.Option("--json", help="Write the figures here as JSON, and a .md beside it.")]


def register(cli: typer.Typer) -> None:
    """Add the commands `eval`, `read-eval` and `bench`."""
    cli.command("eval")(evaluate)
    cli.command("read-eval")(read_eval)
    cli.command("bench")(bench)


def evaluate(
    questions: Annotated[
        Path | None, typer.Argument(help="A JSONL file of questions (default: the bundled ones).")
    ] = None,
    library: Library = None,
    reader: Reader = None,
    embedder: Embedder = None,
    json_out: JsonOut = None,
) -> None:
    """Measure answers to a file of questions end to end, and say which stage each wrong one failed in."""
    from rich.console import Console

    from eval.commands import run_eval

    run_eval(questions, library, json_out, reader, embedder, Console())


def read_eval(
    dataset: Annotated[Path, typer.Argument(help="SQuAD JSON or our JSONL of passages; .gz allowed.")],
    reader: Reader = None,
    json_out: JsonOut = None,
) -> None:
    """Measure the reader alone on the passages that hold the answers."""
    from rich.console import Console

    from eval.commands import run_read_eval

    run_read_eval(dataset, reader, json_out, Console())


def bench(json_out: JsonOut = None) -> None:
    """Measure speed and memory on this machine."""
    from rich.console import Console

    from eval.bench import run_bench

    run_bench(Console(), json_out)
