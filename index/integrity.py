"""A library's database checked whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from corpus import LibraryError
from index.database import Database
from index.seals import passages_seal

_BAD_PASSAGES = """
SELECT passages.row FROM passages LEFT JOIN articles ON articles.row = passages.article
WHERE articles.row IS NULL OR start < 0 OR start >= end OR end > characters OR length(vector) != ?
"""


def check(database: Database, dimension: int) -> None:
    """Check the file's structure, every text against its hash and every passage against its text.

    Raises `LibraryError` naming the first thing that is damaged.
    """
    problems = [row[0] for row in database.rows("PRAGMA integrity_check") if row[0] != "ok"]
    for article_id, text, digest, characters in database.rows("SELECT id, text, sha256, characters FROM articles"):
        whole = isinstance(text, str) and len(text) == characters  # a flipped byte can make it NULL
        if not whole or hashlib.sha256(text.encode()).hexdigest() != digest:
            problems.append(f"the text of {article_id} is altered")
    problems += [f"{article_id} is altered" for article_id in _broken_seals(database)]
    problems += [f"passage {row} is altered" for (row,) in database.rows(_BAD_PASSAGES, [4 * dimension])]
    if problems:
        remedy = "restore the file from a copy, or add the articles to a new library"
        raise LibraryError(f"{database.name}: {problems[0]}; {remedy}")


def _broken_seals(database: Database) -> Iterator[str]:
    """The ids of the articles that are not what was stored, or whose passages or vectors are not."""
    for info in database.articles():
        try:
            database.article(info.id)
        except LibraryError:
            yield info.id
            continue
        query = (
            "SELECT passages_seal, start, end, vector FROM articles JOIN passages ON passages.article = articles.row"
        )
        rows = database.rows(f"{query} WHERE articles.id = ? ORDER BY passages.row", (info.id,))
        if rows and rows[0][0] is not None and passages_seal(row[1:] for row in rows) != rows[0][0]:
            yield info.id
