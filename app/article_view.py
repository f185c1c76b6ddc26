"""A whole article to read beside the conversation, with the quote marked: its text exactly, character for character."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from app.markup import Html, button, counted, dotted, join, tag
from app.places import day, place_data, source

if TYPE_CHECKING:
    from corpus import Article

SHOWN_CHARACTERS = 120_000


def article_html(article: Article, start: int = 0, end: int = 0) -> Html:
    """The article, to be scrolled to `text[start:end]`, which is marked when it holds anything.

    Of an article longer than `SHOWN_CHARACTERS` the part around the mark is shown, with ways to the rest. The text of
    the element of class aq-text is `article.text[first:last]`; its `data-first` says `first`.
    """
    text = article.text
    if not 0 <= start < end <= len(text):
        start = end = min(max(start, 0), len(text))
    first = min(max(0, start - SHOWN_CHARACTERS // 2), max(0, len(text) - SHOWN_CHARACTERS))
    last = min(len(text), first + SHOWN_CHARACTERS)
    end = min(end, last)
    page = article.page_at(start) if end > start else None
    facts = dotted(
        day(article.published),
        tag("bdi", article.author) if article.author else "",
        f"page {page} of {len(article.pages)}" if page else "",
        source(article, start, end),
    )
    shown = tag(
        "div",
        *_lines(text, first, last, start, end),
        class_="aq-text" if "\n\n" in text else "aq-text aq-spaced",
        dir="auto",
        data_article=article.id,
        data_first=str(first),
        data_number=secrets.token_hex(4),
    )
    return join(
        tag("h2", tag("bdi", article.title), id="aq-article-title", dir="auto", tabindex="-1"),
        tag("p", facts, class_="aq-muted"),
        tag("p", button("Draft questions", "drafts", data={"article": article.id}), class_="aq-more"),
        _rest(article, first - 1, first, "earlier") if first else "",
        shown,
        _rest(article, last, len(text) - last, "later") if last < len(text) else "",
    )


def _lines(text: str, first: int, last: int, start: int, end: int) -> list[Html]:
    """`text[first:last]` a line at a time, each with its line break; the mark, cut at the lines, begins at aq-here."""
    lines = []
    while first < last:
        after = text.find("\n", first, last) + 1 or last
        marked_from, marked_to = max(first, start), min(after, end)
        if marked_from < marked_to:
            here = {"id": "aq-here", "tabindex": "-1"} if marked_from == start else {}
            mark = tag("mark", text[marked_from:marked_to], **here)
            lines.append(tag("span", text[first:marked_from], mark, text[marked_to:after], class_="aq-line"))
        else:
            lines.append(tag("span", text[first:after], class_="aq-line"))
        first = after
    return lines


def _rest(article: Article, at: int, left: int, which: str) -> Html:
    words = f"Show {which} text ({counted(left, 'character')} more)"
    return tag("p", button(words, "open", data=place_data(article.id, at, at)), class_="aq-more")
