"""The article: one text, where it came from and when, and the identifier it goes by."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Anchor:
    """A named place in an article, such as a heading: its offset in characters and its label."""

    start: int
    label: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an article something stands: its page, counted from 1, and its heading, where there are such."""

    page: int | None
    heading: str | None


@dataclass(frozen=True, slots=True)
class Article:
    """One article as it was loaded; `text` is never altered afterwards, since every offset refers to it.

    `id` is unique in a library. `pages` holds the character offset at which each page starts, in order, and is
    empty for articles without pages; `anchors` holds the headings, in order.
    """

    id: str
    title: str
    text: str
    source: str
    published: date | None = None
    author: str | None = None
    language: str | None = None
    pages: tuple[int, ...] = ()
    anchors: tuple[Anchor, ...] = ()

    @property
    def sha256(self) -> str:
        """The hash of the text (UTF-8), in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def page_at(self, offset: int) -> int | None:
        """The number of the page, counted from 1, that holds the character at `offset`; None without pages."""
        return max(1, bisect_right(self.pages, offset)) if self.pages else None

    def place(self, offset: int) -> Place:
        """The page and the heading that the character at `offset` stands under; the article's title is no heading."""
        number = bisect_right(self.anchors, offset, key=lambda anchor: anchor.start)
        heading = self.anchors[number - 1].label if number else None
        return Place(self.page_at(offset), None if heading == self.title else heading)


def slug(name: str) -> str:
    """Make an identifier out of a file name or title: lower-case letters, digits, single hyphens, 80 at most.

    >>> slug("2023-10-19 Blomqvist joins Action Express!")
    '2023-10-19-blomqvist-joins-action-express'
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.findall(r"\w+", plain.lower().replace("_", "-"))
    return "-".join(words)[:80].strip("-") or "article"
