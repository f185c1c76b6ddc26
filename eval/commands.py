"""What `articleqa eval` and `articleqa read-eval` do: measure, print the tables, write the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from corpus import samples
from eval import reading_report, report
from eval.dataset import BUNDLED_QUESTIONS, load_questions, load_reading
from eval.facts import collect
from eval.figures import Table, markdown
from eval.output import check_output, write_output
from eval.reading import ReadingReport, evaluate_reader
from eval.run import evaluate
from eval.summary import Report
from eval.wrong_passages import with_wrong_passages
from index import Library, load_embedder
from qa import ArticleQA
from qa.reader import load_reader

_TERMINAL_TABLES = ("Scores", "Measures", "By category")


def run_eval(
    questions_path: Path | None,
    library: Path | None,
    json_out: Path | None,
    reader: str | None,
    embedder: str | None,
    console: Console,
) -> Report:
    """Ask a file of questions of a library, print the numbers to `console`, and write them to `json_out` and a .md.

    Without a file of questions the bundled ones are asked, and then without a library of the bundled articles, in
    memory. Raises `ArticleQAError` when a file, the library or a model is not usable.
    """
    check_output(json_out)
    questions = load_questions(questions_path or BUNDLED_QUESTIONS)
    with _assistant(questions_path, library, reader, embedder) as bot:
        passages = sum(info.passages for info in bot.library.articles())
        facts = collect(bot.reader.name, embedder=bot.library.embedder.name, passages=passages)
        with progress("asking", len(questions)) as advance:
            found = evaluate(bot, questions, on_progress=advance)
    tables = report.tables(found)
    print_tables(console, [table for table in tables if table.title in _TERMINAL_TABLES])
    if json_out is not None:
        text = markdown("Evaluation, end to end", facts, [*tables, report.wrong_answers(found)])
        write_output(json_out, report.to_dict(found, facts), text)
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
    questions_path: Path | None, library: Path | None, reader: str | None, embedder: str | None
) -> ArticleQA:
    if questions_path is not None or library is not None:
        return ArticleQA.open(library, reader=reader, embedder=embedder)
    bundled = Library.in_memory(load_embedder(embedder))
    bundled.add(samples())
    return ArticleQA(bundled, load_reader(reader))
