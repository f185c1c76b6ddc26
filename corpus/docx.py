"""Word documents (DOCX) as articles: a paragraph a line, headings as anchors, rows of tables as sentences."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from corpus.archive import unpack
from corpus.articles import Article, slug
from corpus.dates import byline_date, first_line_title, header, parse_date
from corpus.raw import Loaded, Raw
from corpus.tables import LONGEST_CELL, sentences
from corpus.xml import local, parse_xml

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from corpus.markup import Lines

MAX_SPAN = 100
_OLD = b"\xd0\xcf\x11\xe0"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_UNSEEN = frozenset("del movefrom instrtext fallback txbxcontent ppr rpr tblpr trpr".split())
_WRITTEN = {"tab": "\t", "br": "\n", "cr": "\n", "nobreakhyphen": "-"}
_WANTED = (".rels", "core.xml", "document", "endnotes.xml", "footnotes.xml", "styles.xml")
_MAIN = "word/document.xml"


def load_docx(raw: Raw) -> Loaded:
    """One article from a Word document; tracked deletions are left out, footnotes stand at the end."""
    from corpus.markup import Lines

    parts = _parts(raw)
    main = _main(parts, raw)
    if main not in parts:
        raise raw.refused("no Word document is in this file; save it as .docx again")
    folder = posixpath.dirname(main)
    lines = Lines()
    styles = _outline(_tree(parts, posixpath.join(folder, "styles.xml"), raw))
    for name in (main, posixpath.join(folder, "footnotes.xml"), posixpath.join(folder, "endnotes.xml")):
        root = _tree(parts, name, raw)
        for block in root.iter(f"{_W}body", f"{_W}footnote", f"{_W}endnote") if root is not None else ():
            if block.get(f"{_W}type") not in {"separator", "continuationSeparator"}:
                _write(block, lines, styles)
    if not lines.text:
        raise raw.refused("there is no text in this document; there is nothing to ask about")
    core = _tree(parts, "docProps/core.xml", raw)
    facts = {local(fact): (fact.text or "").strip() for fact in (core if core is not None else ())}
    stated, title = header(lines.text)
    headings = [anchor.label for anchor in lines.anchors if anchor.start == 0]
    article = Article(
        id=slug(raw.stem),
        title=facts.get("title") or title or "".join(headings) or first_line_title(lines.text) or raw.stem,
        text=lines.text,
        source=raw.source,
        published=stated or raw.dated or byline_date(lines.text) or parse_date(facts.get("created")),
        author=facts.get("creator") or None,
        language=facts.get("language") or None,
        anchors=lines.anchors,
    )
    return Loaded((article,))


def _parts(raw: Raw) -> dict[str, bytes]:
    """The parts of the document that hold text or say something about it, by name."""
    if raw.data.startswith(_OLD):
        raise raw.refused("locked by a password, or an old .doc file; save it as .docx without a password")
    parts = {}
    for name, data in unpack(raw, lambda name: posixpath.basename(name).startswith(_WANTED)):
        if not isinstance(data, bytes):
            raise raw.refused(f"its part {name} cannot be unpacked ({data}); save it again")
        parts[name] = data.replace(_STRICT.encode(), _W.strip("{}").encode())
    return parts


def _main(parts: dict[str, bytes], raw: Raw) -> str:
    """The name of the part with the text, as the document states it."""
    relations = _tree(parts, "_rels/.rels", raw)
    for relation in relations if relations is not None else ():
        if (relation.get("Type") or "").endswith("/officeDocument"):
            return (relation.get("Target") or _MAIN).lstrip("/")
    return _MAIN


def _tree(parts: dict[str, bytes], name: str, raw: Raw) -> Element | None:
    return parse_xml(parts[name], raw) if name in parts else None


def _outline(styles: Element | None) -> frozenset[str]:
    """The ids of the styles of headings: the title's, those with a level in the outline, those based on such."""
    found: set[str] = set()
    based: dict[str, str] = {}
    for style in styles.iter(f"{_W}style") if styles is not None else ():
        style_id, name = style.get(f"{_W}styleId") or "", (_value(style, "name") or "").lower()
        based[style_id] = _value(style, "basedOn") or ""
        if name.startswith(("heading ", "title")) or style.find(f"{_W}pPr/{_W}outlineLvl") is not None:
            found.add(style_id)
    for style_id in based:
        seen, parent = set[str](), style_id
        while parent and parent not in seen and parent not in found:
            seen.add(parent)
            parent = based.get(parent, "")
        if parent in found:
            found.add(style_id)
    return frozenset(found)


def _value(element: Element, name: str) -> str | None:
    child = element.find(f"{_W}{name}")
    return child.get(f"{_W}val") if child is not None else None


def _write(block: Element, lines: Lines, styles: frozenset[str]) -> None:
    """Write the paragraphs and tables of a block of the document, and of the text boxes in it."""
    for child in block:
        name = local(child)
        if name == "p":
            style = child.find(f"{_W}pPr")
            is_heading = style is not None and (
                _value(style, "pStyle") in styles or style.find(f"{_W}outlineLvl") is not None
            )
            text = _text(child)
            for line in [text] if is_heading else text.split("\n"):
                lines.add(line, heading=is_heading)
            for box in child.iter(f"{_W}txbxContent"):
                if next(box.iterancestors("{*}Fallback"), None) is None:
                    _write(box, lines, styles)
        elif name == "tbl":
            _write_table(child, lines, styles)
        elif name in {"sdt", "sdtcontent", "ins", "moveto", "customxml", "smarttag"}:
            _write(child, lines, styles)


def _write_table(table: Element, lines: Lines, styles: frozenset[str]) -> None:
    rows: list[list[str]] = []
    top = 0
    for row in _inside(table, "tr"):
        cells: list[str] = []
        for cell in _inside(row, "tc"):
            facts = cell.find(f"{_W}tcPr")
            text = " ".join(_text(paragraph) for paragraph in cell.iter(f"{_W}p"))
            merged = facts.find(f"{_W}vMerge") if facts is not None else None
            if merged is not None and merged.get(f"{_W}val") != "restart" and rows and len(cells) < len(rows[-1]):
                text = rows[-1][len(cells)]
            span = (_value(facts, "gridSpan") if facts is not None else None) or "1"
            cells += [text, *[""] * (min(int(span) if span.isdigit() else 1, MAX_SPAN) - 1)]
        top += len(rows) == top and row.find(f"{_W}trPr/{_W}tblHeader") is not None
        rows.append(cells)
    if max(map(len, rows), default=0) < 2 or any(len(cell) > LONGEST_CELL for row in rows for cell in row):
        for cell in table.iter(f"{_W}tc"):
            _write(cell, lines, styles)
        return
    for sentence in sentences(rows[top:], header=rows[top - 1] if top else None):
        lines.add(sentence)


def _inside(element: Element, name: str) -> Iterator[Element]:
    """The rows of a table or cells of a row, also those that a content control holds."""
    for child in element:
        if local(child) == name:
            yield child
        elif local(child) in {"sdt", "sdtcontent", "ins", "customxml"}:
            yield from _inside(child, name)


def _text(paragraph: Element) -> str:
    """What a paragraph shows, a line break as one."""
    from lxml import etree

    written: list[str] = []
    walk = etree.iterwalk(paragraph, events=("start",))
    for _, element in walk:
        name = local(element)
        if name in _UNSEEN:
            walk.skip_subtree()
        elif name == "t":
            written.append(element.text or "")
        else:
            written.append(_WRITTEN.get(name, ""))
    return "".join(written)
