"""Plain text as an article."""

from __future__ import annotations

from corpus.articles import Article, slug
from corpus.dates import byline_date, first_line_title, header
from corpus.raw import Loaded, Raw, decode


def load_txt(raw: Raw) -> Loaded:
    """One article from plain text; a first line `date 2023-10-19 The title` gives its date and title."""
    text = decode(raw)
    stated, title = header(text)
    article = Article(
        id=slug(raw.stem),
        title=title or (None if stated else first_line_title(text)) or raw.stem,
        text=text,
        source=raw.source,
        published=stated or raw.dated or byline_date(text),
    )
    return Loaded((article,))
