"""HTML pages as articles: the body without menus and footers, and what the page says about itself."""

from __future__ import annotations

import re
from pathlib import Path

from corpus.articles import Article, slug
from corpus.dates import date_in_name, parse_date
from corpus.errors import ArticleFileError
from corpus.text import decode, read_bytes

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_HEAD_BYTES = 4096


def load_html(path: Path) -> list[Article]:
    """One article from an HTML file; `text` is the readable body, a paragraph a line."""
    from trafilatura import bare_extraction
    from trafilatura.settings import Document

    data = read_bytes(path)
    charset = _CHARSET.search(data, 0, _HEAD_BYTES)
    text = decode(data, path, declared=charset[1].decode("ascii", "replace") if charset else None)
    page = bare_extraction(text, include_comments=False, with_metadata=True)
    body = (page.text or "").strip() if isinstance(page, Document) else ""
    if not isinstance(page, Document) or not body:
        raise ArticleFileError(
            f"{path}: no article text was found in this page; save the page's main text as .txt instead"
        )
    return [
        Article(
            id=slug(path.stem),
            title=page.title or path.stem,
            text=body,
            source=page.url or str(path),
            published=parse_date(page.date) or date_in_name(path.name),
            author=page.author or None,
            language=page.language or None,
        )
    ]
