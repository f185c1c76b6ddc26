"""JSON Lines: one article a line."""

from __future__ import annotations

import json

from corpus.articles import Article, slug
from corpus.dates import byline_date, header, parse_date
from corpus.errors import ArticleFileError
from corpus.raw import Loaded, Raw, decode


def load_jsonl(raw: Raw, *, first: int = 1) -> Loaded:
    """Articles from rows `{"text", "id"?, "title"?, "source"?, "published"?, "author"?, "language"?}`.

    `first` is the number of the first line, where `raw` is a later piece of a file.
    Raises `ArticleFileError` that names the file and the line when a row is not such an object or ids repeat.
    """
    articles: dict[str, Article] = {}
    for number, line in enumerate(decode(raw).split("\n"), start=first):
        if not line.strip():
            continue
        article = _article(line, raw, number)
        if article.id in articles:
            raise ArticleFileError(
                f"{raw.source}:{number}: the id {article.id!r} is used twice; give each article its own"
            )
        articles[article.id] = article
    return Loaded(tuple(articles.values()))


def _article(line: str, raw: Raw, number: int) -> Article:
    place = f"{raw.source}:{number}"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ArticleFileError(f"{place}: not valid JSON ({error}); put one JSON object on each line") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
        raise ArticleFileError(f'{place}: no article text; each line needs an object with "text"')
    text = row["text"]
    stated, title = header(text)
    return Article(
        id=slug(f"{raw.stem}-{number}" if row.get("id") in (None, "") else str(row["id"])),
        title=str(row.get("title") or title or f"{raw.stem} {number}"),
        text=text,
        source=str(row.get("source") or row.get("url") or raw.source),
        published=parse_date(row.get("published") or row.get("date")) or stated or byline_date(text),
        author=str(row["author"]) if row.get("author") else None,
        language=str(row["language"]) if row.get("language") else None,
    )
