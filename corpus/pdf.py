"""PDF files as articles: the text in reading order, with the offset at which each page starts."""

from __future__ import annotations

import ctypes
import math
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from ctypes import byref, c_double, c_ushort
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from corpus.articles import Anchor, Article, slug
from corpus.dates import byline_date, first_line_title, header, parse_date
from corpus.layout import Piece, read_pages
from corpus.raw import Loaded, Raw

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

MAX_PAGES = 2_000
MAX_PAGE_CHARACTERS = 200_000
MAX_CHARACTERS = 10_000_000
MAX_OUTLINE = 5_000
_GAP = 0.8  # of the height of the type: what is wider is no space between words
_HYPHEN = "\x02"
_LIGATURES = dict(zip("ﬀﬁﬂﬃﬄﬅﬆ", ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True))
_PLAIN = str.maketrans(
    _LIGATURES | {_HYPHEN: "-", "\xa0": " ", "\t": " "} | dict.fromkeys("\x00\ufeff\ufffe\uffff\u200b")
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EMPTY = {"", "untitled", "anonymous", "unknown", "title", "author"}
_FILE_NAMES = (".doc", ".docx", ".odt", ".pdf", ".tex", ".dvi", ".indd", ".qxd", ".pages")
_LOCK = threading.Lock()  # PDFium is not made for several threads


def load_pdf(raw: Raw) -> Loaded:
    """One article from a PDF file; `pages` holds where its pages start, and the outline's headings are anchors.

    At most 2,000 pages, 200,000 characters on a page and 10,000,000 altogether.
    """
    import pypdfium2

    with _LOCK:
        try:
            document = pypdfium2.PdfDocument(raw.data)
        except pypdfium2.PdfiumError as error:
            locked = "password" in str(error).lower()
            remedy = "locked by a password; save it without one" if locked else "broken or no PDF file; fetch it again"
            raise raw.refused(remedy) from error
        try:
            if len(document) > MAX_PAGES:
                raise raw.refused(f"{len(document):,} pages, more than {MAX_PAGES:,}; split it into several")
            pages = list(_pages(document, raw))
            facts, outline, language = document.get_metadata_dict(), list(_outline(document)), _language(document)
        except pypdfium2.PdfiumError as error:
            raise raw.refused(f"a page cannot be read ({error}); save it again from a PDF viewer") from error
        finally:
            document.close()
    text, starts = read_pages(pages)
    if not text:
        raise raw.refused("there is no text in its pages, only pictures of it; recognize the text (OCR) first")
    stated, title = header(text)
    article = Article(
        id=slug(raw.stem),
        title=_named(facts.get("Title")) or title or first_line_title(text) or raw.stem,
        text=text,
        source=raw.source,
        published=stated or raw.dated or byline_date(text) or parse_date((facts.get("CreationDate") or "")[2:10]),
        author=_named(facts.get("Author")),
        language=language,
        pages=starts,
        anchors=_anchors(text, starts, outline),
    )
    return Loaded((article,))


def _pages(document: PdfDocument, raw: Raw) -> Iterator[list[Piece]]:
    """The pieces of lines on each page, in the order of the file."""
    total = 0
    for number in range(len(document)):
        page = document[number]
        textpage = page.get_textpage()
        count = textpage.count_chars()
        total += count
        if count > MAX_PAGE_CHARACTERS or total > MAX_CHARACTERS:
            raise raw.refused(f"too much text up to page {number + 1}; save the pages you want as a file of their own")
        yield list(_pieces(_characters(textpage, count)))
        textpage.close()
        page.close()


@dataclass(slots=True)
class _Character:
    r"""A character with its left and right end, baseline and height; a break of the line is `\n` and has no place."""

    text: str
    x0: float = 0.0
    x1: float = 0.0
    y: float = 0.0
    size: float = 0.0
    turn: int = -1


def _characters(textpage: PdfTextPage, count: int) -> list[_Character]:
    """The characters of a page, turned so that most of them stand upright; the others are left out."""
    import pypdfium2.raw as pdfium

    x, y, box = c_double(), c_double(), pdfium.FS_RECTF()
    found = []
    for index in range(count):
        letter = chr(pdfium.FPDFText_GetUnicode(textpage, index)).translate(_PLAIN)
        if letter in {"\r", "\n"} or (letter == " " and pdfium.FPDFText_IsGenerated(textpage, index) == 1):
            found.append(_Character("\n" if letter != " " else " "))
        elif letter:
            pdfium.FPDFText_GetLooseCharBox(textpage, index, byref(box))
            pdfium.FPDFText_GetCharOrigin(textpage, index, x, y)
            turn = round(pdfium.FPDFText_GetCharAngle(textpage, index) / (math.pi / 2)) % 4  # clockwise
            (left, _), (right, _) = sorted([_turned(box.left, box.bottom, turn), _turned(box.right, box.top, turn)])
            size = abs(box.top - box.bottom if turn % 2 == 0 else box.right - box.left)
            found.append(_Character(letter, left, right, _turned(x.value, y.value, turn)[1], size, turn))
    turns = Counter(character.turn for character in found if character.turn >= 0)
    usual = turns.most_common(1)[0][0] if turns else 0
    return [character for character in found if character.turn in {usual, -1}]


def _turned(x: float, y: float, quarters: int) -> tuple[float, float]:
    """The point after as many quarter turns against the clock."""
    return ((x, y), (-y, x), (-x, -y), (y, -x))[quarters]


def _pieces(characters: Iterable[_Character]) -> Iterator[Piece]:
    """Characters on one baseline without wide gaps, one piece after another."""
    piece: list[_Character] = []
    for character in characters:
        if character.turn >= 0 and piece:
            last = next((one for one in reversed(piece) if one.turn >= 0), character)
            size = min(last.size, character.size)
            gap = min(
                abs(character.x0 - last.x1), abs(last.x0 - character.x1)
            )  # to the right, or leftwards as in Hebrew
            if abs(character.y - last.y) > size / 2 or gap > _GAP * size:
                yield from _piece(piece)
                piece = []
        if character.text == "\n":
            yield from _piece(piece)
            piece = []
        else:
            piece.append(character)
    yield from _piece(piece)


def _piece(characters: Sequence[_Character]) -> Iterator[Piece]:
    # what PDFium gives beyond the first 65,536 characters of Unicode comes in halves
    joined = "".join(character.text for character in characters).encode("utf-16", "surrogatepass")
    text = " ".join(_CONTROL.sub("", joined.decode("utf-16", "replace")).split())
    placed = [character for character in characters if character.turn >= 0 and not character.text.isspace()]
    if text and placed:
        size = median(character.size for character in placed)
        y = median(character.y for character in placed)
        yield Piece(text, min(one.x0 for one in placed), max(one.x1 for one in placed), y, size)


def _outline(document: PdfDocument) -> Iterator[tuple[str, int]]:
    """The headings that the file's outline names, and their pages from 0."""
    for bookmark in islice(document.get_toc(), MAX_OUTLINE):
        goal = bookmark.get_dest()
        page = goal.get_index() if goal else None
        if page is not None:
            yield " ".join(bookmark.get_title().split()), page


def _anchors(text: str, starts: Sequence[int], outline: Iterable[tuple[str, int]]) -> tuple[Anchor, ...]:
    """The headings that stand as a line of their own on the page where the outline has them."""
    lines: dict[int, dict[str, int]] = {}
    found: dict[int, str] = {}
    for label, page in outline:
        if page not in lines and page < len(starts):
            first = text.rfind("\n", 0, starts[page]) + 1
            end = starts[page + 1] if page + 1 < len(starts) else len(text)
            lines[page] = {}
            for line in text[first:end].split("\n"):
                lines[page].setdefault(_plain(line), first)
                first += len(line) + 1
        start = lines.get(page, {}).get(_plain(label))
        if start is not None and label:
            found.setdefault(start, label)
    return tuple(Anchor(start, label) for start, label in sorted(found.items()))


def _plain(heading: str) -> str:
    """A heading's letters, without its number."""
    return "".join(c for c in heading.lower() if c.isalpha())


def _language(document: PdfDocument) -> str | None:
    import pypdfium2.raw as pdfium

    buffer = (c_ushort * 64)()
    length = pdfium.FPDFCatalog_GetLanguage(document, buffer, ctypes.sizeof(buffer))
    return bytes(buffer)[: max(0, length - 2)].decode("utf-16-le", "replace") or None


def _named(value: str | None) -> str | None:
    """A title or author as the file states it; None for what programs write there by themselves."""
    words = " ".join((value or "").split())
    return None if words.lower() in _EMPTY or words.lower().endswith(_FILE_NAMES) else words
