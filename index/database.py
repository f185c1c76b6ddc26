"""The library's truth: one SQLite file with the articles, their passages and the passages' vectors."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from corpus import Anchor, Article, LibraryError, Passage
from index.arrays import Floats
from index.schema import create
from index.seals import article_seal, passages_seal

_COLUMNS = "id, title, text, source, published, author, language, pages, anchors"
_MAGIC = b"SQLite format 3\0"
_BUSY_SECONDS = 60
_BATCH = 500


@dataclass(frozen=True, slots=True)
class ArticleInfo:
    """An article as a list shows it, with the numbers of its characters and passages."""

    id: str
    title: str
    source: str
    published: date | None
    author: str | None
    characters: int
    passages: int


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage as the database holds it, with its whole article."""

    passage: Passage
    article: Article


class Database:
    """Reads and transactions over the SQLite file. Safe to call from several threads and processes.

    Every change to the articles is one transaction, which also raises the generation by one.
    """

    def __init__(self, file: Path | None) -> None:
        """Open or create the file; None keeps everything in memory. Raises `LibraryError` when it is not usable."""
        self.name = str(file or "library in memory")
        self._lock = threading.RLock()
        self._articles: dict[int, Article] = {}
        self._has_seals: bool | None = None
        target = ":memory:" if file is None else file.absolute().as_uri()
        self.is_read_only = file is not None and not os.access(file.parent, os.W_OK)
        if self.is_read_only:  # what a writer has not yet checkpointed is in the log, and only then is it needed
            log = Path(f"{file}-wal")
            target += "?mode=ro" if log.exists() and log.stat().st_size else "?mode=ro&immutable=1"
        with self._errors():
            if file is not None and file.is_file() and _beginning(file) not in {b"", _MAGIC}:
                raise sqlite3.DatabaseError("file is not a database")
            self._connection = sqlite3.connect(
                target, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            if not self.is_read_only:
                create(self._connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside happen together or not at all; other writers wait."""
        with self._lock, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All reads inside see one state of the database, whatever other processes write meanwhile."""
        with self._lock, self._errors():
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    @property
    def generation(self) -> int:
        """How many changes the articles have seen."""
        told = self.meta().get("generation", "0")
        if not told.isdecimal():
            raise self._damaged(f"generation {told!r}")
        return int(told)

    def meta(self) -> dict[str, str]:
        """The facts that the library keeps about itself."""
        facts = dict(self.rows("SELECT key, value FROM meta"))
        for key, value in facts.items():
            if not (isinstance(key, str) and isinstance(value, str)):
                raise self._damaged(f"{key!r} is {value!r}")
        return facts

    def _damaged(self, what: str) -> LibraryError:
        return LibraryError(f"{self.name}: the library is damaged ({what}); restore the file from a copy")

    def set_meta(self, facts: Mapping[str, str]) -> None:
        """Write facts, replacing those of the same key. Needs a transaction."""
        with self._errors():
            self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(facts.items()))

    def put(self, article: Article, passages: Sequence[Passage], vectors: Floats) -> None:
        """Store an article with its passages and their vectors, in place of one of the same id. Needs a transaction."""
        self._connection.execute("DELETE FROM articles WHERE id = ?", (article.id,))
        columns = (
            article.id,
            article.title,
            article.text,
            article.source,
            article.published.isoformat() if article.published else None,
            article.author,
            article.language,
            json.dumps(article.pages),
            json.dumps([(anchor.start, anchor.label) for anchor in article.anchors]),
        )
        cut = [(p.start, p.end, v.tobytes()) for p, v in zip(passages, vectors, strict=True)]
        cursor = self._connection.execute(
            f"INSERT INTO articles ({_COLUMNS}, sha256, characters, seal, passages_seal)"  # noqa: S608
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            # SQLite's length() ends at a NUL
            (*columns, article.sha256, len(article.text), article_seal(columns), passages_seal(cut)),
        )
        rows = [(cursor.lastrowid, *one) for one in cut]
        self._connection.executemany("INSERT INTO passages (article, start, end, vector) VALUES (?, ?, ?, ?)", rows)
        self._changed()

    def delete(self, article_id: str) -> None:
        """Delete an article and its passages, if it is there. Needs a transaction."""
        if self._connection.execute("DELETE FROM articles WHERE id = ?", (article_id,)).rowcount:
            self._changed()

    def article(self, article_id: str) -> Article | None:
        """The article of this id, or None."""
        rows = self.rows(f"SELECT {self._sealed} FROM articles WHERE id = ?", (article_id,))  # noqa: S608
        return self._article(rows[0]) if rows else None

    def articles(self, *, limit: int | None = None, offset: int = 0) -> list[ArticleInfo]:
        """The articles, the newest first, those without a date last; `limit` of them after the first `offset`."""
        rows = self.rows(
            "SELECT id, title, source, published, author, characters,"
            " (SELECT count(*) FROM passages WHERE passages.article = articles.row) FROM articles"
            " ORDER BY published IS NULL, published DESC, id LIMIT ? OFFSET ?",
            (-1 if limit is None else limit, offset),
        )
        return [
            ArticleInfo(
                article_id, title, source, date.fromisoformat(day) if day else None, author, characters, passages
            )
            for article_id, title, source, day, author, characters, passages in rows
        ]

    def ids_from(self, beginning: str, most: int) -> list[str]:
        """The first ids, at `most` so many, that start with `beginning`."""
        after = beginning + chr(sys.maxunicode)
        query = "SELECT id FROM articles WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        return [article_id for (article_id,) in self.rows(query, (beginning, after, most))]

    def count(self, table: Literal["articles", "passages"]) -> int:
        """How many articles or passages there are."""
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - one of two names

    def passage_rows(self) -> npt.NDArray[np.int64]:
        """The numbers of all passages, ascending, shape (n,)."""
        return np.array([row for (row,) in self.rows("SELECT row FROM passages ORDER BY row")], np.int64)

    def last_row(self) -> int:
        """The greatest number of a passage, 0 without any."""
        return int(self.rows("SELECT coalesce(max(row), 0) FROM passages")[0][0])

    def changes(self, *, since: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The numbers of the passages after number `since`, ascending, and of those up to it that went.

        Those that went before the last snapshot was recorded are forgotten.
        """
        new = self.rows("SELECT row FROM passages WHERE row > ? ORDER BY row", (since,))
        gone = self.rows("SELECT row FROM removed WHERE row <= ? ORDER BY row", (since,))
        return np.array([row for (row,) in new], np.int64), np.array([row for (row,) in gone], np.int64)

    def record_snapshot(self, facts: Mapping[str, str], generation: int) -> None:
        """Record the facts of the snapshot of a generation. Needs a transaction."""
        self.set_meta(facts)
        if self.generation == generation:  # it lacks all that went
            self.write("DELETE FROM removed", ())

    def passages(self, rows: Sequence[int]) -> dict[int, PassageRow]:
        """The passages of these numbers, by number (never used twice); those that are gone are left out."""
        with self._lock:
            found = self._select("SELECT row, article, start, end FROM passages WHERE row IN ({})", rows)
            self._fetch_articles({article for _, article, _, _ in found})
            result = {}
            for row, number, start, end in found:
                if article := self._articles.get(number):  # else another process has removed it just now
                    if not (type(start) is type(end) is int and 0 <= start < end <= len(article.text)):
                        remedy = "restore the file from a copy, or remove the article and add it again"
                        raise LibraryError(f"{self.name}: a passage of {article.id} is damaged; {remedy}")
                    result[row] = PassageRow(Passage(article.id, start, end, article.text[start:end]), article)
            return result

    def vectors(self, rows: Sequence[int], dimension: int) -> Floats:
        """The vectors of these passages, shape (n, dimension), in the order of `rows`; zeros where one is gone."""
        found = dict(self._select("SELECT row, vector FROM passages WHERE row IN ({})", rows))
        joined = b"".join(found.get(row) or bytes(4 * dimension) for row in rows)
        return np.frombuffer(joined, np.float32).reshape(len(rows), dimension).copy()

    def passages_of(self, article_id: str, dimension: int) -> tuple[list[Passage], Floats]:
        """The passages of an article in order, and their vectors, shape (n, dimension)."""
        rows = self.rows(
            "SELECT articles.text, start, end, vector FROM passages JOIN articles ON articles.row = passages.article"
            " WHERE articles.id = ? ORDER BY passages.row",
            (article_id,),
        )
        vectors = np.frombuffer(b"".join(row[3] for row in rows), np.float32).reshape(len(rows), dimension)
        return [Passage(article_id, start, end, text[start:end]) for text, start, end, _ in rows], vectors

    def write(self, query: str, values: Sequence[object]) -> None:
        """Run a statement on a table that no method is for. Needs a transaction."""
        self._connection.execute(query, values)

    def _changed(self) -> None:
        self._connection.execute(
            "INSERT INTO meta VALUES ('generation', '1') ON CONFLICT (key) DO UPDATE SET value = value + 1"
        )

    def _fetch_articles(self, numbers: set[object]) -> None:
        # an article's row never changes (a replacement gets a new one), so texts can be kept
        # a number that is none is of a damaged passage, which `check` finds
        missing = [number for number in numbers if isinstance(number, int) and number not in self._articles]
        if len(self._articles) + len(missing) > _BATCH:
            self._articles = {number: self._articles[number] for number in numbers if number in self._articles}
        query = f"SELECT row, {self._sealed} FROM articles WHERE row IN ({{}})"  # noqa: S608
        for number, *row in self._select(query, missing):
            self._articles[number] = self._article(row)

    @property
    def _sealed(self) -> str:
        """The columns of an article with its seal, which a library that cannot be written may be too old to have."""
        if self._has_seals is None:
            self._has_seals = any(row[1] == "seal" for row in self.rows("PRAGMA table_info(articles)"))
        return f"{_COLUMNS}, {'seal' if self._has_seals else 'NULL'}"

    def _article(self, row: Sequence[str | None]) -> Article:
        """The article of a row of `_sealed`. Raises `LibraryError` when it is not what was stored."""
        *columns, seal = row
        if seal is not None and article_seal(columns) != seal:
            remedy = "restore the file from a copy, or remove the article and add it again"
            raise LibraryError(f"{self.name}: the article {columns[0]} is damaged; {remedy}")
        return _article(columns)

    def _select(self, query: str, numbers: Sequence[int]) -> list[tuple]:  # type: ignore[type-arg]
        found = []
        for first in range(0, len(numbers), _BATCH):
            some = [int(number) for number in numbers[first : first + _BATCH]]
            found += self.rows(query.format(",".join("?" * len(some))), some)
        return found

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        """What a query gives, all of it."""
        with self._lock, self._errors():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            remedy = "check the folder, its permissions and the free space, or restore the file from a copy"
            raise LibraryError(f"{self.name}: the library cannot be used ({error}); {remedy}") from error


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(_MAGIC))


def _article(row: Sequence[str | None]) -> Article:
    article_id, title, text, source, published, author, language, pages, anchors = row
    return Article(
        id=article_id or "",
        title=title or "",
        text=text or "",
        source=source or "",
        published=date.fromisoformat(published) if published else None,
        author=author,
        language=language,
        pages=tuple(_list(pages)),
        anchors=tuple(Anchor(start, label) for start, label in _list(anchors)),
    )


def _list(stored: str | None) -> list[Any]:
    found: list[Any] = json.loads(stored) if stored and stored != "[]" else []
    return found
