"""A tree of markup as the text of an article: a block on each line, headings as anchors, tables as sentences.

Reads both HTML and the vocabulary of trafilatura, whose headings are `<head rend="h2">` and lists `<list><item>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from corpus.articles import Anchor
from corpus.tables import LONGEST_CELL, sentences

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

MAX_SPAN = 100
MAX_CELLS = 200_000
_BLOCKS = frozenset(
    "address article aside blockquote body br caption cell center dd details dialog div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 head header hr html item lb li list main nav ol option p pre quote row "
    "section select summary table tbody td tfoot th thead tr ul".split()
)
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_UNSEEN = frozenset("script style template noscript iframe object svg math button title textarea".split())
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))


class Lines:
    """The lines of an article's text, written one after another, with the headings among them."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._anchors: list[Anchor] = []
        self._length = 0

    def add(self, line: str, *, heading: bool = False) -> None:
        """Write a line, white space in it made single; one without text is left out."""
        line = " ".join(line.translate(_INVISIBLE).split())
        if not line:
            return
        if heading:
            self._anchors.append(Anchor(self._length, line))
        self._lines.append(line)
        self._length += len(line) + 1

    @property
    def text(self) -> str:
        """The lines so far as one text."""
        return "\n".join(self._lines)

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """The headings so far, at their offsets in `text`."""
        return tuple(self._anchors)


def lines_of(root: Element) -> Lines:
    """What stands under an element, a block on each line."""
    lines = Lines()
    line: list[str] = []
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        tag = element.tag if isinstance(element.tag, str) else ""
        heading = tag in _HEADINGS or (tag == "head" and bool(element.get("rend")))
        if tag in _BLOCKS:
            lines.add("".join(line), heading=heading and event == "end")
            line.clear()
        if event == "start":
            if tag in _UNSEEN or (tag == "head" and not heading):
                walk.skip_subtree()
            else:
                line.append(element.text or "")
        elif element is not root:
            line.append(element.tail or "")
    lines.add("".join(line))
    return lines


def parse_fragment(markup: str) -> Element:
    """A piece of HTML as a tree, its tables spelt out."""
    root = document_fromstring(f"<div>{markup}</div>", parser=HTMLParser(no_network=True))
    spell_tables(root)
    return root


def spell_tables(root: Element) -> None:
    """Replace each table of data under `root` by paragraphs, a sentence for each row; tables for layout stay.

    Those lose what they say of the spans of their cells, from which trafilatura would make cells without end.
    """
    for table in list(root.iter("table")):
        parent = table.getparent()
        if parent is None or next(table.iterdescendants("table"), None) is not None:
            continue
        spelt = _spelt(table)
        if not spelt:
            continue
        block = table.makeelement("div", {key: table.get(key) for key in ("class", "id") if table.get(key)})
        for sentence in spelt:
            etree.SubElement(block, "p").text = sentence
        block.tail = table.tail
        parent.replace(table, block)
    for cell in root.iter("td", "th"):
        for direction in ("rowspan", "colspan"):
            cell.attrib.pop(direction, None)


def _spelt(table: Element) -> list[str]:
    """The table's caption and its rows as sentences; none for a table that only lays out text."""
    grid = _grid(table)
    if max(map(len, grid), default=0) < 2 or any(len(text) > LONGEST_CELL for row in grid for text, _ in row):
        return []
    top = 0
    while top < len(grid) and len(grid[top]) > 1 and all(is_head for _, is_head in grid[top]):
        top += 1
    header = None
    if top:  # of a heading over several rows, each name once
        columns = zip(*grid[:top], strict=False)
        header = [" ".join(dict.fromkeys(text for text, _ in column if text)) for column in columns]
    labelled = not top and all(row[0][1] for row in grid if len(row) > 1)
    caption = [text for found in table.iter("caption") if (text := _line(found))]
    return caption + sentences([[text for text, _ in row] for row in grid[top:]], header=header, labelled=labelled)


def _grid(table: Element) -> list[list[tuple[str, bool]]]:
    """Rows of cells, each with its text and whether it is a heading; none for a table that is absurdly large.

    A cell over several rows stands in each of them, a heading over several columns in each of those; a row of one cell
    over several columns is that cell alone.
    """
    cells: dict[tuple[int, int], tuple[str, bool]] = {}
    rows = []
    for y, row in enumerate(table.iter("tr")):
        own = [cell for cell in row if cell.tag in {"td", "th"}]
        x = 0
        for cell in own:
            while (y, x) in cells:
                x += 1
            text, is_head = _line(cell), cell.tag == "th"
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            for dy in range(height):
                for dx in range(width):
                    cells.setdefault((y + dy, x + dx), (text if is_head or not dx else "", is_head))
            x += width
            if len(cells) > MAX_CELLS:
                return []
        width = x
        while (y, width) in cells:
            width += 1
        spread = len(own) == 1 and width == _span(own[0], "colspan")
        rows.append([cells[y, x] for x in range(1 if spread else width)])
    return rows


def _span(cell: Element, direction: str) -> int:
    stated = (cell.get(direction) or "").strip()
    return min(max(int(stated), 1), MAX_SPAN) if stated.isascii() and stated.isdigit() and len(stated) < 5 else 1


def _line(element: Element) -> str:
    separator = ", " if next(element.iter("li"), None) is not None else " "
    return lines_of(element).text.replace("\n", separator)
