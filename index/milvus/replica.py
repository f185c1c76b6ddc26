"""The articles of a library on Milvus as this machine has them: a SQLite file that can be made again at any time."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from corpus import Article, LibraryError, Passage
from index.arrays import Floats, Rows
from index.database import Database
from index.milvus.server import GOING_ON, Changes, Server
from index.records import PLACES, Record

_EVERY_SECONDS = 1.0
_SHARE = 10
_AT_ONCE = 200
_MANY = 1_000
_SEEN = "milvus_changed"
# passages of an article have successive numbers, here and there
_REMOTE = """
CREATE TABLE IF NOT EXISTS remote (
    number INTEGER PRIMARY KEY, article INTEGER NOT NULL UNIQUE REFERENCES articles(row) ON DELETE CASCADE,
    first INTEGER NOT NULL
)"""
_IDS = (
    "SELECT passages.row, number + passages.row - first FROM passages JOIN remote ON remote.article = passages.article"
)
_LOCAL = frozenset({"snapshot", "snapshot_sha256", "generation", _SEEN})
_log = logging.getLogger(__name__)


class Replica(Database):
    """A database whose changes are made on Milvus first, and which takes over what others change there.

    Vectors stay there: here each is empty. The table `remote` says which number each article has on Milvus.
    """

    def __init__(self, file: Path, server: Server) -> None:
        """Open the replica and bring it up to date. Raises `LibraryError`."""
        super().__init__(file)
        self.name = str(server.address)
        self._server = server
        self._changes = Changes()
        self._next = 0.0
        facts = {key: value for key, value in server.facts().items() if key != "changed"}
        with Database.transaction(self):
            self.write(_REMOTE, ())
            for key in self.meta().keys() - facts.keys() - _LOCAL:
                self.write("DELETE FROM meta WHERE key = ?", (key,))
            Database.set_meta(self, facts)
        self.refresh(now=True)

    def refresh(self, *, now: bool = False) -> None:
        """Take over what has changed on Milvus, if it was not asked a second ago, or in any case `now`."""
        if not now and time.monotonic() < self._next:
            return
        started = time.monotonic()
        if self._server.changed(strong=now) != self.meta().get(_SEEN, ""):
            self._catch_up()
        self._next = time.monotonic() + max(_EVERY_SECONDS, _SHARE * (time.monotonic() - started))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside are made on Milvus, and then here; a failure there leaves nothing here."""
        with super().transaction():
            self._changes = Changes()
            yield
            if self._changes.puts or self._changes.gone:
                Database.set_meta(self, {_SEEN: self._server.write(self._changes)})

    def set_meta(self, facts: Mapping[str, str]) -> None:
        """Write facts; those about the library go to Milvus too. Needs a transaction."""
        shared = {key: value for key, value in facts.items() if key not in _LOCAL}
        if shared:
            self._server.record_facts(shared)
        super().set_meta(facts)

    def put(self, article: Article, passages: Sequence[Passage], vectors: Floats) -> None:
        """Store an article with its passages and their vectors. Needs a transaction."""
        record = Record.of(article, passages)
        salt = 0
        while self._is_taken(record.number, article.id):
            salt += 1
            record = Record.of(article, passages, salt=salt)
        self._forget(article.id)
        self._changes.stale.pop(record.number, None)
        self._changes.gone.discard(article.id)
        self._changes.puts[article.id] = (record, len(passages), vectors)
        self._take_over(record)

    def delete(self, article_id: str) -> None:
        """Delete an article and its passages, if it is there. Needs a transaction."""
        if self._forget(article_id):
            self._changes.puts.pop(article_id, None)
            self._changes.gone.add(article_id)
        super().delete(article_id)

    def passages_of(self, article_id: str, dimension: int) -> tuple[list[Passage], Floats]:
        """The passages of an article in order, and their vectors from Milvus, shape (n, dimension)."""
        passages, _ = super().passages_of(article_id, 0)
        rows = self.rows(
            f"{_IDS} JOIN articles ON articles.row = remote.article WHERE id = ? ORDER BY passages.row", (article_id,)
        )
        found = self._server.vectors([number for _, number in rows])
        kept = [(one, found[number]) for one, (_, number) in zip(passages, rows, strict=True) if number in found]
        vectors = np.array([vector for _, vector in kept], np.float32).reshape(len(kept), dimension)
        return [passage for passage, _ in kept], vectors

    def ids(self, rows: Sequence[int]) -> dict[int, int]:
        """What these passages are numbered on Milvus, by their number here."""
        return dict(self._select(_IDS + " WHERE passages.row IN ({})", rows))

    def rows_of(self, ids: Collection[int]) -> dict[int, int]:
        """What passages are numbered here, by their number on Milvus; without those of articles that are not here."""
        numbers = sorted({one // PLACES * PLACES for one in ids})
        first = dict(self._select("SELECT number, first FROM remote WHERE number IN ({})", numbers))
        return {one: first[number] + one - number for one in ids if (number := one // PLACES * PLACES) in first}

    def all_ids(self) -> Rows:
        """What all passages are numbered on Milvus, shape (n,)."""
        return np.array([number for _, number in self.rows(_IDS)], np.int64)

    def _is_taken(self, number: int, article_id: str) -> bool:
        query = "SELECT 1 FROM remote JOIN articles ON articles.row = article WHERE number = ? AND id != ?"
        return bool(self.rows(query, (number, article_id)))

    def _forget(self, article_id: str) -> bool:
        """Note that the version of an article that is here will be stale; whether there is one."""
        query = "SELECT number FROM remote JOIN articles ON articles.row = article WHERE id = ?"
        found = self.rows(query, (article_id,))
        for (number,) in found:
            before = self.article(article_id)
            passages, _ = super().passages_of(article_id, 0)
            if before is not None:
                self._changes.stale[number] = (len(passages), len(Record.of(before, passages).parts))
        return bool(found)

    def _take_over(self, record: Record) -> None:
        article, passages = record.read()
        super().put(article, passages, np.empty((len(passages), 0), np.float32))
        self.write(
            "INSERT INTO remote SELECT ?, articles.row, coalesce(min(passages.row), 0) FROM articles"
            " LEFT JOIN passages ON passages.article = articles.row WHERE id = ? GROUP BY articles.row",
            (record.number, article.id),
        )

    def _catch_up(self) -> None:
        """Make this the same as Milvus, a few hundred articles at a time."""
        token = self._server.changed(strong=True)
        there, parts = self._server.articles()
        here = np.array([number for (number,) in self.rows("SELECT number FROM remote")], np.int64)
        new = ~np.isin(there, here)
        if new.sum() > _MANY:
            _log.warning("%s: copying %d articles to this machine; this is done once", self.name, new.sum())
        wanted = list(zip(there[new].tolist(), parts[new].tolist(), strict=True))
        for first in range(0, len(wanted), _AT_ONCE):
            with Database.transaction(self):
                for record in self._server.records(dict(wanted[first : first + _AT_ONCE])):
                    self._take_over(record)
        with Database.transaction(self):
            for number in np.setdiff1d(here, there).tolist():
                query = "SELECT id FROM articles JOIN remote ON article = articles.row WHERE number = ?"
                for (article_id,) in self.rows(query, (number,)):
                    Database.delete(self, article_id)
            # a change that goes on, or that a kill has cut short, has not been seen whole
            Database.set_meta(self, {_SEEN: "" if token.endswith(GOING_ON) else token})


def verify(replica: Replica, server: Server) -> None:
    """Check that Milvus has every passage that the replica has. Raises `LibraryError`."""
    missing = np.setdiff1d(replica.all_ids(), server.ids())
    if len(missing):
        found = replica.passages(list(replica.rows_of(missing[:1].tolist()).values()))
        owner = next((one.article.id for one in found.values()), "an article")
        raise LibraryError(
            f"{replica.name}: {len(missing)} vectors are missing, the first of {owner}; remove it and add it again"
        )
