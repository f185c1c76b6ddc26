"""JSON Lines files: one article a line."""

from __future__ import annotations

import json
from pathlib import Path

from corpus.articles import Article, slug
from corpus.dates import header, parse_date
from corpus.errors import ArticleFileError
from corpus.text import read_text


def load_jsonl(path: Path) -> list[Article]:
    """Articles from rows `{"text", "id"?, "title"?, "source"?, "published"?, "author"?, "language"?}`.

    Raises `ArticleFileError` that names the file and the line when a row is not such an object or ids repeat.
    """
    articles: dict[str, Article] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        article = _article(line, path, number)
        if article.id in articles:
            raise ArticleFileError(f"{path}:{number}: the id {article.id!r} is used twice; give each article its own")
        articles[article.id] = article
    return list(articles.values())


def _article(line: str, path: Path, number: int) -> Article:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ArticleFileError(
            f"{path}:{number}: not valid JSON ({error}); put one JSON object on each line"
        ) from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
        raise ArticleFileError(f'{path}:{number}: no article text; each line needs an object with "text"')
    text = row["text"]
    stated, title = header(text)
    return Article(
        id=slug(f"{path.stem}-{number}" if row.get("id") in (None, "") else str(row["id"])),
        title=str(row.get("title") or title or f"{path.stem} {number}"),
        text=text,
        source=str(row.get("source") or row.get("url") or path),
        published=parse_date(row.get("published") or row.get("date")) or stated,
        author=str(row["author"]) if row.get("author") else None,
        language=str(row["language"]) if row.get("language") else None,
    )
