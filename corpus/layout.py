"""Pieces of lines on pages as text in reading order: columns one after another, a paragraph a line.

Coordinates are points, y upwards. The pieces of a page come in the order in which the file draws them, which mostly is
that of reading; it is changed only where columns of prose stand side by side.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import median

_COMPOUND = re.compile(r"\w+(?:-\w+)+")
_FIGURES = re.compile(r"\d{1,5}")
_HYPHENS = ("-", "\u2010", "\u00ad")
_BULLETS = tuple("•◦▪‣●■")
_MARKER = re.compile(r"[•◦▪‣●■–—*-]|\(?\w{1,3}[.)]|\[\w{1,8}\]")
_ENDED = re.compile(r"[.!?…:][\"'”’»)\]]*$")
_COLUMN_LINES, _COLUMN_CHARACTERS, _FULL = 4, 15, 0.6
_EDGE, _REPEATS, _SHARE = 3, 3, 0.05


@dataclass(frozen=True, slots=True)
class Piece:
    """Text on one baseline `y` from `x0` to `x1`, in type of height `size`; `is_row` says that it has wide gaps."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    is_row: bool = False


def read_pages(pages: Iterable[Sequence[Piece]]) -> tuple[str, tuple[int, ...]]:
    """The text of all pages, and the offset at which each of them starts.

    Lines are joined to paragraphs, also over columns and pages, and words that were cut at the end of a line are whole
    again. What repeats at the edge of three pages or more, and page numbers there, is left out.
    """
    runs_by_page = _without_edges([list(_runs(page)) for page in pages])
    words = (word for runs in runs_by_page for run in runs for line in run for word in _COMPOUND.findall(line.text))
    writer = _Writer({word.lower() for word in words})
    column = _Column(())
    last: Piece | None = None
    for runs in runs_by_page:
        writer.new_page()
        for run in runs:
            previous, column = column, _Column(run)
            for line in run:
                above = previous if line is run[0] else column
                writer.write(line.text, goes_on=last is not None and above.joins(last, line, new=line is run[0]))
                last = line
    return writer.finished()


class _Writer:
    """Lines written one after another, with the offsets of the pages; `compounds` are words that have a hyphen."""

    def __init__(self, compounds: set[str]) -> None:
        self._compounds = compounds
        self._written: list[str] = []
        self._length = 0
        self._starts: list[int] = []
        self._new_pages = 0

    def new_page(self) -> None:
        """What is written from here on stands on the next page."""
        self._new_pages += 1

    def write(self, line: str, *, goes_on: bool) -> None:
        """Write a line that goes on with the paragraph of the one before, or begins one."""
        seam = "\n" if self._written else ""
        if goes_on:
            last = self._written[-1]
            seam = "" if last.endswith(_HYPHENS) and last[-2:-1].isalpha() and line[0].isalpha() else " "
            if not seam and not self._is_compound(last, line):
                self._written[-1] = last[:-1]
                self._length -= 1
        self._starts += [self._length + len(seam)] * self._new_pages
        self._new_pages = 0
        self._written.append(seam + line)
        self._length += len(seam) + len(line)

    def finished(self) -> tuple[str, tuple[int, ...]]:
        """The text, and the offset of each page; pages without text at the end start where it ends."""
        return "".join(self._written), (*self._starts, *[self._length] * self._new_pages)

    def _is_compound(self, last: str, line: str) -> bool:
        """Whether the hyphen between two lines belongs to the word, and not to the end of the line."""
        found = _COMPOUND.search(f"{last.rsplit(maxsplit=1)[-1][:-1]}-{line.split(maxsplit=1)[0]}")
        return line[0].isupper() or (found is not None and found[0].lower() in self._compounds)


class _Column:
    """The lines of a column, which tell how its paragraphs are set."""

    def __init__(self, lines: Sequence[Piece]) -> None:
        self.tells = len(lines) > 1
        self.right = max((line.x1 for line in lines), default=0.0)
        self.width = self.right - min((line.x0 for line in lines), default=0.0)
        steps = [a.y - b.y for a, b in pairwise(lines) if 0 < a.y - b.y < 4 * a.size and _same_type(a, b)]
        self.leading = median(steps) if steps else 0.0

    def joins(self, a: Piece, b: Piece, *, new: bool) -> bool:
        """Whether the line `b`, in this column or `new` in the next, goes on with the paragraph of `a` before it."""
        if a.is_row or b.is_row or not _same_type(a, b) or b.text.startswith(_BULLETS):
            return False
        ended = _ENDED.search(a.text) is not None
        if new:
            return not ended and (b.text[0].islower() or (self.tells and self._was_full(a, b)))
        if not 0 < a.y - b.y <= 1.3 * self.leading:
            return False
        if self._was_full(a, b):
            return not (ended and b.x0 - a.x0 > 0.8 * a.size)  # the first line of a paragraph may be indented
        return not ended and b.text[0].islower() and self.right - a.x1 < self.width / 2

    def _was_full(self, a: Piece, b: Piece) -> bool:
        """Whether the first word of `b` had no more room at the end of `a`, so that the line had to be broken there."""
        word = (b.x1 - b.x0) / len(b.text) * (1 + len(b.text.split()[0]))
        return self.right - a.x1 < word + 0.5 * a.size


def _runs(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The lines of a page in reading order, those of one column together."""
    gutter = _gutter(pieces)
    if gutter is None:
        if pieces:
            yield list(_lines(pieces))
        return
    ordered = sorted(pieces, key=lambda piece: (-piece.y, piece.x0))
    for spans, band in groupby(ordered, key=lambda piece: piece.x0 < gutter < piece.x1):
        found = list(band)
        if spans:
            yield list(_lines(found))
        else:
            for side in (True, False):
                yield from _runs([piece for piece in found if (piece.x0 < gutter) is side])


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """Where a second column of prose begins, less a little; None when the page has one column."""
    edges = Counter(round(piece.x0) for piece in pieces)
    for edge, count in edges.most_common(4):
        if count < _COLUMN_LINES:
            break
        x = edge - 2.0
        left = [piece for piece in pieces if piece.x1 <= x + 1]
        right = [piece for piece in pieces if piece.x0 >= x]
        crossing = len(pieces) - len(left) - len(right)
        if _is_prose(left) and _is_prose(right) and crossing < min(len(left), len(right)):
            overlap = min(max(p.y for p in side) for side in (left, right)) - max(
                min(p.y for p in side) for side in (left, right)
            )
            if overlap > 0:
                return x
    return None


def _is_prose(pieces: Sequence[Piece]) -> bool:
    """Whether pieces fill a column with lines of text, as the cells of a table do not."""
    edge = Counter(round(piece.x0) for piece in pieces).most_common(1)
    pieces = [piece for piece in pieces if abs(piece.x0 - edge[0][0]) <= 3]
    if len({round(piece.y) for piece in pieces}) < _COLUMN_LINES:
        return False
    width = max(piece.x1 for piece in pieces) - min(piece.x0 for piece in pieces)
    return (
        median(piece.x1 - piece.x0 for piece in pieces) >= _FULL * width
        and median(len(piece.text) for piece in pieces) >= _COLUMN_CHARACTERS
    )


def _lines(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Pieces one after another on the same baseline as one line."""
    line: Piece | None = None
    for piece in pieces:
        if line and abs(piece.y - line.y) < 0.3 * min(piece.size, line.size) and piece.x0 >= line.x1:
            is_item = _MARKER.fullmatch(line.text) is not None
            is_row = line.is_row or (piece.x0 - line.x1 > 1.5 * line.size and not is_item)
            size = piece.size if is_item else line.size
            line = replace(line, text=f"{line.text} {piece.text}", x1=piece.x1, size=size, is_row=is_row)
            continue
        if line:
            yield line
        line = piece
    if line:
        yield line


def _without_edges(pages: Sequence[list[list[Piece]]]) -> list[list[list[Piece]]]:
    """The pages without headers, footers and page numbers: what is the same at the same height of several pages."""
    seen: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    keys: list[dict[Piece, list[tuple[str, int]]]] = []
    for number, runs in enumerate(pages):
        lines = sorted((line for run in runs for line in run), key=lambda line: line.y)
        edge = {*_edge(lines), *_edge(lines[::-1])}
        keys.append({line: _edge_keys(line, number) for line in edge})
        for line in edge:
            for key in keys[-1][line]:
                seen[key].add(number)
    least = max(_REPEATS, _SHARE * len(pages))
    return [
        [kept for run in runs if (kept := [p for p in run if all(len(seen[key]) < least for key in known.get(p, []))])]
        for runs, known in zip(pages, keys, strict=True)
    ]


def _edge(lines: Sequence[Piece]) -> Sequence[Piece]:
    """The few lines before a wide gap, at one end of a page."""
    for count, (a, b) in enumerate(pairwise(lines[: _EDGE + 1]), start=1):
        if abs(a.y - b.y) > 1.8 * a.size and 2 * count < len(lines):
            return lines[:count]
    return []


def _edge_keys(line: Piece, number: int) -> list[tuple[str, int]]:
    """What a line has in common with its like on other pages: its words, and its words with the page it may count."""
    figures = list(_FIGURES.finditer(line.text))
    texts = {line.text}
    for found in figures[:1] + figures[-1:]:
        texts.add(f"{line.text[: found.start()]}#{int(found[0]) - number}{line.text[found.end() :]}")
    return [(text, round(line.y / 3)) for text in texts]


def _same_type(a: Piece, b: Piece) -> bool:
    return abs(a.size - b.size) <= 0.15 * max(a.size, b.size)
