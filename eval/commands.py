"""What `articleqa eval` and `articleqa read-eval` do: measure, print the tables, write the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from corpus import Article, samples
from eval import compare, html_report, reading_report, report
from eval.dataset import BUNDLED_QUESTIONS, load_reading
from eval.facts import collect
from eval.figures import Table, markdown
from eval.gate import Baseline
from eval.output import check_output, check_page, write_output, write_text
from eval.question_files import load_question_file
from eval.reading import ReadingReport, evaluate_reader
from eval.run import evaluate
from eval.summary import Report
from eval.wrong_passages import with_wrong_passages
from index import Library, load_embedder
from qa import ArticleQA
from qa.reader import load_reader

_TERMINAL_TABLES = ("Scores", "Measures", "Retrieval alone", "By category")


def run_eval(
    questions_path: Path | None,
    library: str | Path | None,
    json_out: Path | None,
    reader: str | None,
    embedder: str | None,
    console: Console,
    *,
    html_out: Path | None = None,
    baseline: Baseline | None = None,
) -> Report:
    """Ask a file of questions of a library, and print the numbers to `console`.

    They are also written to `json_out` and, beside it, a .md and a .html, or to `html_out` and, beside it, the other
    two. Without a file of questions the bundled ones are asked. Without a library it is the default one, but for the
    bundled questions and for data sets that bring their passages: then their articles, in memory. A `baseline` of other
    questions is refused before anything is asked. Raises `ArticleQAError` when a file, the library or a model is not
    usable.
    """
    json_out, html_out = json_out or _beside(html_out, ".json"), html_out or _beside(json_out, ".html")
    check_output(json_out)
    check_page(html_out)
    asked = load_question_file(questions_path or BUNDLED_QUESTIONS)
    if library is not None:
        asked = asked.without_articles()
    if baseline is not None:
        baseline.check(asked.questions)
    articles = asked.articles if questions_path else samples()
    begun = time.perf_counter()
    with _assistant(articles, library, reader, embedder) as bot:
        passages = sum(info.passages for info in bot.library.articles())
        facts = collect(bot.reader.name, embedder=bot.library.embedder.name, passages=passages)
        with progress("asking", len(asked.questions)) as advance:
            found = evaluate(bot, asked.questions, parts=True, on_progress=advance)
    facts = replace(facts, seconds=round(time.perf_counter() - begun, 1))
    tables = report.tables(found)
    print_tables(console, [table for table in tables if table.title in _TERMINAL_TABLES])
    if json_out is not None and html_out is not None:
        text = markdown("Evaluation, end to end", facts, [*tables, report.wrong_answers(found)])
        write_output(json_out, report.to_dict(found, facts), text)
        write_text(html_out, html_report.page(found, facts, tables))
    return found


def run_compare(a: Path, b: Path, json_out: Path | None, console: Console) -> compare.Comparison:
    """Compare the figures of two runs on the questions both have, and print and write what differs.

    Raises `ArticleQAError` when a file is not usable or the runs cannot be compared.
    """
    check_output(json_out)
    runs = compare.load_run(a), compare.load_run(b)
    found = compare.compare(*runs)
    tables = compare.tables(found)
    print_tables(console, tables)
    if json_out is not None:
        facts = collect(" / ".join(str(run["run"]["reader"]) for run in runs))
        sides = {
            side: {"file": str(path), "run": run["run"]} for side, path, run in zip("ab", (a, b), runs, strict=True)
        }
        text = markdown(f"Comparison of {a.name} (A) and {b.name} (B)", facts, tables)
        write_output(json_out, compare.to_dict(found) | sides | {"run": asdict(facts)}, text)
    return found


def run_read_eval(
    dataset_path: Path, reader: str | None, json_out: Path | None, console: Console, *, wrong_passages: bool = False
) -> ReadingReport:
    """Read the gold passages of a data set, print the numbers to `console`, and write them to `json_out` and a .md.

    With `wrong_passages` each question is also read on the closest passage of the set that does not answer it.
    Raises `ArticleQAError` when a file or the model is not usable.
    """
    check_output(json_out)
    examples = load_reading(dataset_path)
    if wrong_passages:
        examples = with_wrong_passages(examples)
    model = load_reader(reader)
    facts = collect(model.name)
    with progress("reading", len(examples)) as advance:
        found = evaluate_reader(model, examples, on_progress=advance)
    tables = reading_report.tables(found)
    print_tables(console, tables)
    if json_out is not None:
        text = markdown("Evaluation of the reader alone", facts, [*tables, reading_report.wrong_answers(found)])
        write_output(json_out, reading_report.to_dict(found, facts), text)
    return found


def print_tables(console: Console, tables: Sequence[Table]) -> None:
    """Print tables one below the other, numbers to the right; text stands as it is, brackets included."""
    for table in tables:
        shown = RichTable(title=Text(table.title), title_justify="left", title_style="bold")
        for index, column in enumerate(table.columns):
            shown.add_column(Text(column), justify="left" if index == 0 or table.is_text else "right")
        for row in table.rows:
            shown.add_row(*map(Text, row))
        console.print(shown)


@contextmanager
def progress(verb: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr if that is a terminal; yields what to call with the number finished since last."""
    columns = (TextColumn(verb), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    stderr = Console(stderr=True)
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(verb, total=total)
        yield lambda count: bar.advance(task, count)


def _assistant(
    articles: Sequence[Article], library: str | Path | None, reader: str | None, embedder: str | None
) -> ArticleQA:
    """An assistant over the library, or without one over these articles, in memory; over the default one if none."""
    if library is not None or not articles:
        return ArticleQA.open(library, reader=reader, embedder=embedder)
    brought = Library.in_memory(load_embedder(embedder))
    with progress("adding", len(articles)) as advance:
        brought.add(articles, on_stored=lambda _: advance(1))
    return ArticleQA(brought, load_reader(reader))


def _beside(path: Path | None, suffix: str) -> Path | None:
    return path.with_suffix(suffix) if path else None
