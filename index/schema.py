"""The tables of a library's database, and how they come into being."""

from __future__ import annotations

import sqlite3
import time

_WAIT_SECONDS = 30.0
_SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS articles (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL,
    published TEXT, author TEXT, language TEXT, pages TEXT NOT NULL, anchors TEXT NOT NULL, sha256 TEXT NOT NULL,
    characters INTEGER NOT NULL, seal TEXT, passages_seal TEXT
);
CREATE TABLE IF NOT EXISTS passages (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    article INTEGER NOT NULL REFERENCES articles(row) ON DELETE CASCADE,
    start INTEGER NOT NULL, end INTEGER NOT NULL, vector BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS passages_of_article ON passages(article);
CREATE TABLE IF NOT EXISTS removed (row INTEGER PRIMARY KEY);
CREATE TRIGGER IF NOT EXISTS passage_removed AFTER DELETE ON passages
BEGIN INSERT OR IGNORE INTO removed VALUES (old.row); END;
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, sha256 TEXT NOT NULL,
    articles TEXT NOT NULL
) WITHOUT ROWID;
"""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables that are missing and set how the file is written; raises `sqlite3.Error` when it cannot be."""
    given_up = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection.executescript(_SCHEMA)
            _upgrade(connection)
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself when two processes switch a new file to its log at once
            if "locked" not in str(error) or time.monotonic() > given_up:
                raise
            time.sleep(0.02)
        else:
            return


def _upgrade(connection: sqlite3.Connection) -> None:
    """Give a library of an earlier version the columns that came later; its articles have nothing in them."""
    there = {row[1] for row in connection.execute("PRAGMA table_info(articles)")}
    for column in ("seal", "passages_seal"):
        if column not in there:
            connection.execute(f"ALTER TABLE articles ADD COLUMN {column} TEXT")
