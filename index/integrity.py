"""A library's database checked whole."""

from __future__ import annotations

import hashlib

from corpus import LibraryError
from index.database import Database

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
        if hashlib.sha256(text.encode()).hexdigest() != digest or len(text) != characters:
            problems.append(f"the text of {article_id} is altered")
    problems += [f"passage {row} is altered" for (row,) in database.rows(_BAD_PASSAGES, [4 * dimension])]
    if problems:
        remedy = "restore the file from a copy, or add the articles to a new library"
        raise LibraryError(f"{database.name}: {problems[0]}; {remedy}")
