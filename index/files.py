"""What a library remembers of the files that it was synced with."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from index.database import Database


@dataclass(frozen=True, slots=True)
class SyncedFile:
    """A file as it was when it was last synced, its time of change in nanoseconds, and the ids of its articles."""

    size: int
    modified: int
    sha256: str
    articles: tuple[str, ...]


def synced_files(database: Database, folder: Path) -> dict[Path, SyncedFile]:
    """The files in a folder that are remembered, by path."""
    first = os.fsencode(os.path.join(folder, ""))  # noqa: PTH118 - with a separator at the end
    query = "SELECT path, size, modified, sha256, articles FROM files WHERE substr(path, 1, ?) = ?"
    return {
        Path(os.fsdecode(path)): SyncedFile(size, modified, sha256, tuple(json.loads(articles)))
        for path, size, modified, sha256, articles in database.rows(query, (len(first), first))
    }


def held_articles(database: Database, *, without: Collection[Path]) -> set[str]:
    """The ids of the articles that remembered files hold, but for these files."""
    passed = {os.fsencode(path) for path in without}
    rows = database.rows("SELECT path, articles FROM files")
    return {article_id for path, articles in rows if path not in passed for article_id in json.loads(articles)}


def remember(database: Database, path: Path, file: SyncedFile | None) -> None:
    """Remember what a file held, or forget it with None. Needs a transaction."""
    if file is None:
        database.write("DELETE FROM files WHERE path = ?", (os.fsencode(path),))
    else:
        row = (os.fsencode(path), file.size, file.modified, file.sha256, json.dumps(file.articles))
        database.write("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", row)
