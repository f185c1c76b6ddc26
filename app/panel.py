"""The library beside the conversation: its articles, to open, to choose, to filter and to remove."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

from app.markup import Html, button, counted, dotted, join, tag
from app.places import day, place_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.scope import Scope
    from index import ArticleInfo

LONGEST_LIST = 200


def library_html(articles: Sequence[ArticleInfo], filtered_by: str = "") -> Html:
    """The counts and the list of the articles, the newest first; only those whose words begin as `filtered_by` says.

    The list says what it was filtered by: the page's script sees whether that is what the person typed last.
    """
    words = filtered_by.casefold().split()
    found = [info for info in articles if all(word in _sought(info) for word in words)]
    newest = sorted(found, key=lambda info: (info.published or date.min, info.title), reverse=True)
    total = dotted(counted(len(articles), "article"), counted(sum(info.passages for info in articles), "passage"))
    count = dotted(f"{len(found):,} of {counted(len(articles), 'article')}", "filtered") if words else total
    more = len(newest) - LONGEST_LIST
    return join(
        tag("p", count, class_="aq-count", id="aq-count", data_filter=filtered_by),
        tag("ul", *map(_row, newest[:LONGEST_LIST])) if newest else tag("p", _empty(bool(articles)), class_="aq-hint"),
        tag("p", f"and {more:,} more; filter to find them", class_="aq-hint") if more > 0 else Html(),
    )


def _row(info: ArticleInfo) -> Html:
    facts = dotted(day(info.published), counted(info.passages, "passage"))
    pick = tag(
        "input",
        type="checkbox",
        value=info.id,
        class_="aq-pick",
        aria_label=f"Search in {info.title}",
        title="Search only in what is ticked",
    )
    title = button(tag("bdi", info.title), "open", class_="aq-name", data=place_data(info.id, 0, 0))
    remove = button("×", "remove", class_="aq-remove", aria_label=f"Remove {info.title}", title="Remove")
    sure = tag(
        "div",
        tag("span", "Remove it from the library?"),
        button("Remove", "remove-surely", class_="aq-danger", data={"article": info.id}),
        button("Keep", "keep"),
        class_="aq-confirm",
        role="group",
        aria_label=f"Remove {info.title}?",
        hidden="hidden",
    )
    return tag("li", pick, tag("div", title, tag("span", facts, class_="aq-muted")), remove, sure)


def _sought(info: ArticleInfo) -> str:
    return f"{info.title} {info.source} {info.author or ''} {info.published or ''}".casefold()


def _empty(any_articles: bool) -> str:
    if any_articles:
        return "No article fits this filter."
    return "Nothing here yet. Drop files anywhere on this page, or paste an address or a text above."


def scope_html(scope: Scope) -> Html:
    """The line above the box that says what is searched, when it is not everything; the page's script reads it too."""
    words = scope.in_words()
    said = [tag("span", f"Searching: {words}"), button("Search everything", "everything")] if words else []
    return tag("div", *said, data_scope=json.dumps(scope.to_record()), class_="aq-scope")
