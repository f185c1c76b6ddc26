"""HTML pages as articles: the body without menus and footers, and what the page says about itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from corpus.articles import Article, slug
from corpus.dates import byline_date, parse_date
from corpus.raw import Loaded, Raw, decode, is_address

if TYPE_CHECKING:
    from lxml.etree import _Element as Element
    from trafilatura.settings import Document

MAX_HTML_BYTES = 16 * 2**20
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_HEAD_BYTES = 4096


def load_html(raw: Raw) -> Loaded:
    """One article from an HTML page; `text` is the readable body, a paragraph, heading or row of a table a line."""
    from corpus.markup import lines_of

    if len(raw.data) > MAX_HTML_BYTES:
        raise raw.refused(f"a page larger than {MAX_HTML_BYTES // 2**20} MiB; save its main text as .txt instead")
    charset = _CHARSET.search(raw.data, 0, _HEAD_BYTES)
    tree, page = _extracted(decode(raw, declared=charset[1].decode("ascii", "replace") if charset else None), raw)
    lines = lines_of(page.body) if page is not None and page.body is not None else None
    if page is None or lines is None or not lines.text:
        raise raw.refused("no article text was found in this page; save the page's main text as .txt instead")
    article = Article(
        id=slug(raw.stem),
        title=page.title or raw.stem,
        text=lines.text,
        source=raw.source if raw.is_web or not is_address(page.url or "") else str(page.url),
        published=parse_date(page.date) or raw.dated or byline_date(lines.text),
        author=page.author or None,
        language=page.language or _language(tree),
        anchors=lines.anchors,
    )
    return Loaded((article,))


def _extracted(text: str, raw: Raw) -> tuple[Element | None, Document | None]:
    from trafilatura import bare_extraction, load_html
    from trafilatura.settings import Document, set_date_params

    from corpus.markup import spell_tables

    tree = load_html(text)
    if tree is None:
        return None, None
    spell_tables(tree)
    page = bare_extraction(
        tree,
        url=raw.source if raw.is_web else None,
        include_comments=False,
        with_metadata=True,
        date_extraction_params=set_date_params(extensive=False),
    )
    return tree, page if isinstance(page, Document) else None


def _language(tree: Element | None) -> str | None:
    """The language that the page states for all of itself."""
    if tree is None:
        return None
    stated = tree.get("lang") or tree.get("xml:lang") or ""
    return stated.replace("_", "-") if _LANGUAGE.fullmatch(stated) else None
