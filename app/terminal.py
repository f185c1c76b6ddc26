"""What the command line prints: answers, articles, tables and progress."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from app.render import NO_ANSWER, confidence_word
from corpus import Article
from index import ArticleInfo
from qa import Answer, Quote

_WORTH_SHOWING = 0.1


def complain(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"articleqa: {plain(' '.join(message.split()))}\n")


def plain(text: str) -> str:
    """Text that cannot steer a terminal: control and format characters replaced, line ends and tabs kept."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"} else "\ufffd" for c in text)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, shown on a terminal only; call what it gives with the number of steps done."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


@contextmanager
def growing_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar as `progress`; call what it gives with the number of steps done and the number known so far."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, known: bar.update(task, completed=done, total=known)


def print_answer(answer: Answer) -> None:
    """The quote in bold inside its sentence, where it stands, and how sure it is."""
    console = Console(highlight=False)
    if answer.understood_as != answer.question:
        console.print(Text(plain(f"understood as: {answer.understood_as}"), style="italic"))
    if answer.choices:
        console.print(Text("Which one do you mean?", style="bold"))
        for choice in answer.choices:
            _indented(console, Text(plain(choice)))
        return
    if answer.best is None:
        _print_nothing(console, answer)
        return
    console.print(Text(plain(answer.best.span.text), style="bold"))
    _quoted(console, answer, answer.best)
    for item in answer.items:
        _indented(console, Text(f"- {plain(item)}"))
    if answer.longer:
        console.print(Text("in its passage:", style="dim"))
        _indented(console, Text(plain(answer.longer.text)))
    _print_groups(console, answer)
    likely = [quote for quote in answer.alternatives if quote.confidence >= _WORTH_SHOWING]
    if likely:
        console.print(Text("or perhaps:", style="dim"))
        for quote in likely:
            sure = f"{plain(quote.span.text)}  ({confidence_word(quote.confidence)}, {quote.confidence:.0%})"
            _indented(console, Text(sure, style="dim"))


def _print_nothing(console: Console, answer: Answer) -> None:
    """That the articles do not say, why, the closest passage, and what would help."""
    console.print(Text(NO_ANSWER, style="bold"))
    console.print(Text(plain(answer.reason or ""), style="dim"))
    if answer.unknown_words:
        console.print(Text(plain(f"nowhere in the library: {', '.join(answer.unknown_words)}"), style="dim"))
    if answer.hits:
        console.print(Text("closest passage:", style="dim"))
        _indented(console, Text(plain(answer.hits[0].passage.text)))
        _indented(console, _place(answer.hits[0].article, answer.hits[0].passage.start))
    if answer.hint:
        console.print(Text(plain(f"what would help: {answer.hint}"), style="dim"))


def _print_groups(console: Console, answer: Answer) -> None:
    """The answers of several articles with their dates, newest first."""
    if not answer.groups:
        return
    agree = len(answer.groups) == 1
    console.print(Text("several articles say so:" if agree else "the articles differ (newest first):", style="dim"))
    for group in answer.groups:
        for quote in group.quotes:
            line = Text("" if agree else f"{plain(group.text)}  ")
            article = answer.articles[quote.span.passage.article_id]
            _indented(console, line.append_text(_place(article, quote.span.start, quote.confidence)))


def article_table(articles: Sequence[ArticleInfo]) -> None:
    """A table of the library's articles."""
    table = Table(box=None, pad_edge=False, expand=True)
    # an id has to be whole to be typed again; of a title, the beginning will do
    table.add_column("ID", no_wrap=True, min_width=max(len(info.id) for info in articles))
    table.add_column("Date", no_wrap=True)
    table.add_column("Title", no_wrap=True, ratio=1)
    table.add_column("Passages", justify="right")
    for info in articles:
        table.add_row(
            info.id, info.published.isoformat() if info.published else "", Text(plain(info.title)), str(info.passages)
        )
    Console(highlight=False).print(table)


def print_article(article: Article) -> None:
    """What is known about an article, and its text."""
    console = Console(highlight=False)
    facts = article_dict(article)
    facts["pages"] = len(article.pages)
    facts["headings"] = "; ".join(anchor.label for anchor in article.anchors)
    for name, value in facts.items():
        if name not in {"text", "anchors"} and value:
            console.print(Text(f"{name}: ", style="dim").append(plain(str(value)), style="not dim"))
    console.print()
    sys.stdout.write(plain(article.text).rstrip("\n") + "\n")


def info_dict(info: ArticleInfo) -> dict[str, Any]:
    """One row of the list as JSON."""
    return {
        "id": info.id,
        "title": info.title,
        "source": info.source,
        "published": info.published.isoformat() if info.published else None,
        "author": info.author,
        "characters": info.characters,
        "passages": info.passages,
    }


def article_dict(article: Article) -> dict[str, Any]:
    """One article as JSON."""
    return {
        "id": article.id,
        "title": article.title,
        "source": article.source,
        "published": article.published.isoformat() if article.published else None,
        "author": article.author,
        "language": article.language,
        "sha256": article.sha256,
        "pages": list(article.pages),
        "anchors": [{"start": anchor.start, "label": anchor.label} for anchor in article.anchors],
        "text": article.text,
    }


def _quoted(console: Console, answer: Answer, quote: Quote) -> None:
    first = quote.span.start - quote.sentence_start
    last = first + len(quote.span.text)
    sentence = Text(plain(quote.sentence[:first]))
    sentence.append(plain(quote.sentence[first:last]), style="bold")
    sentence.append(plain(quote.sentence[last:]))
    _indented(console, sentence)
    _indented(console, _place(answer.articles[quote.span.passage.article_id], quote.span.start, quote.confidence))


def _place(article: Article, offset: int, confidence: float | None = None) -> Text:
    place = article.place(offset)
    parts = [plain(article.title), article.published.isoformat() if article.published else ""]
    parts += [f"page {place.page}" if place.page else "", plain(place.heading or "")]
    if confidence is not None:
        parts.append(f"{confidence_word(confidence)} ({confidence:.0%})")
    return Text(" · ".join(part for part in parts if part), style="dim")


def _indented(console: Console, text: Text) -> None:
    console.print(Padding(text, (0, 0, 0, 2)))
