"""HTML pages as articles: the body without menus and footers, and what the page says about itself."""

from __future__ import annotations

from pathlib import Path

from corpus.articles import Article, slug
from corpus.dates import date_in_name, parse_date
from corpus.errors import ArticleFileError
from corpus.text import read_text


def load_html(path: Path) -> list[Article]:
    """One article from an HTML file; `text` is the readable body, a paragraph a line."""
    from trafilatura import bare_extraction
    from trafilatura.settings import Document

    page = bare_extraction(read_text(path), include_comments=False, with_metadata=True)
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
