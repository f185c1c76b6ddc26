"""The derived indexes of a library, kept up with its database and published as snapshots."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from index import snapshots
from index.arrays import Rows
from index.database import Database
from index.inverted import DamagedIndexError
from index.lexical import LexicalIndex
from index.searcher import Searcher, heading
from index.snapshots import Snapshot
from index.store import Indexed

_BATCH = 2000
_SMALL = 20_000
_LOCK_SECONDS = 60
_log = logging.getLogger(__name__)


class Indexes:
    """The dense and lexical indexes over a database. Searches hold on to the state they began with."""

    def __init__(self, database: Database, vectors: Indexed, folder: Path | None) -> None:
        """Open the snapshot in `folder`, or make the indexes from the database; None keeps them in memory."""
        self._database = database
        self._vectors = vectors
        self._folder = folder
        self._swap = threading.Lock()
        self._base: Snapshot | None = None
        self._searcher = self._load(None, wait=0)

    @property
    def generation(self) -> int:
        """The state of the database that the indexes were last made from."""
        return self._searcher.generation

    def current(self, *, wait: float = 0) -> Searcher:
        """The indexes of the database's generation, swapped in by reference when it has changed.

        `wait` says how many seconds another process that is writing a snapshot may take; then these are made in memory,
        or for a large library are the last ones, which lack what has come since.
        """
        with self._swap:
            if self._searcher.generation != self._database.generation:
                self._searcher = self._load(self._searcher, wait=wait)
            return self._searcher

    def remade(self, damaged: Searcher) -> Searcher:
        """The indexes made from the database, in place of some that turned out to be damaged."""
        with self._swap:
            if self._searcher is damaged:
                _log.warning("%s: an index is damaged; it is built again from the database", self._folder)
                self._base = None
                self._searcher = self._publish(None, self._database.meta(), None, wait=_LOCK_SECONDS)
            return self._searcher

    def _load(self, last: Searcher | None, *, wait: float) -> Searcher:
        """The indexes of the current generation: the snapshot's if it is whole and up to date, else made anew."""
        meta = self._database.meta()
        base = self._snapshot(meta)
        if base and base.generation == self._database.generation:
            try:
                return self._opened(base)
            except (OSError, ValueError) as error:  # another process has just replaced it, or another version wrote it
                _log.info("%s: cannot be opened (%s)", base.folder, error)
                base = None
        return self._publish(base, meta, last, wait=wait)

    def _snapshot(self, meta: dict[str, str]) -> Snapshot | None:
        """The current snapshot, if it is whole; that of the last time is not read again."""
        if self._folder is None:
            return None
        if self._base is None or self._base.folder.name != meta.get("snapshot"):
            self._base = None
            try:
                self._base = snapshots.current(self._folder, meta)
            except OSError as error:
                if self._database.meta().get("snapshot") == meta.get("snapshot"):  # not replaced by another process
                    _log.warning(
                        "%s: this index file is missing or damaged; it is built again from the database", error.filename
                    )
        return self._base

    def _publish(self, base: Snapshot | None, meta: dict[str, str], last: Searcher | None, *, wait: float) -> Searcher:
        """Write a snapshot of the present state and open it; in memory where it cannot be written.

        The articles are safe in the database already, so a snapshot that fails costs time at the next opening, no more.
        """
        if self._folder is None or self._database.is_read_only:
            return self._in_memory()
        try:
            with FileLock(self._folder / "write.lock", timeout=wait):
                return self._write_snapshot(self._folder, base, meta)
        except Timeout:  # another process is at it
            return last if last and self._database.count("passages") > _SMALL else self._in_memory()
        except OSError as error:
            _log.warning("%s: no snapshot could be written (%s); the articles are safe", self._folder, error)
            return self._in_memory()

    def _write_snapshot(self, root: Path, base: Snapshot | None, known: dict[str, str]) -> Searcher:
        meta = self._database.meta()
        if meta.get("snapshot") != known.get("snapshot"):  # another process was quicker
            base = self._snapshot(meta)
            if base and base.generation == self._database.generation:
                return self._opened(base)
        scratch = snapshots.scratch_folder(root)
        try:
            with self._database.reading():
                generation, last = self._database.generation, self._database.last_row()
                self._write(base, scratch)
            made, facts = snapshots.publish(scratch, generation, last, base)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        with self._database.transaction():
            self._database.record_snapshot(facts, generation)
        snapshots.sweep(root, keep=facts["snapshot"])
        self._base = made
        return self._opened(made)

    def _write(self, base: Snapshot | None, folder: Path) -> None:
        """Write indexes of just what the database holds into a new snapshot's folder."""
        try:
            self._vectors.publish(self._database, base, folder)
        except DamagedIndexError as error:
            _log.warning("%s; it is built again from the database", error)
            shutil.rmtree(folder / snapshots.DENSE)
            self._vectors.publish(self._database, None, folder)
        self._lexical(base, folder)

    def _in_memory(self) -> Searcher:
        with self._database.reading():
            dense = self._vectors.publish(self._database, None, None)
            return Searcher(self._database.generation, dense, self._lexical(None, None))

    def _opened(self, snapshot: Snapshot) -> Searcher:
        """The indexes of a verified snapshot."""
        lexical = LexicalIndex(snapshot.folder / snapshots.LEXICAL)
        return Searcher(snapshot.generation, self._vectors.open(snapshot), lexical)

    def _lexical(self, base: Snapshot | None, folder: Path | None) -> LexicalIndex:
        """The base's lexical index with what came since added and the rest removed, in the snapshot's folder."""
        new, gone = self._database.changes(since=base.last if base else 0)
        # what is removed goes on counting in tantivy's statistics until a merge, so a small index is made anew
        if base and len(gone) and self._database.count("passages") <= _SMALL:
            base, (new, gone) = None, self._database.changes(since=0)
        own = folder / snapshots.LEXICAL if folder else None
        if base and own:
            for file in (base.folder / snapshots.LEXICAL).iterdir():
                snapshots.link(file, own)  # tantivy never rewrites one
        lexical = LexicalIndex(own)
        lexical.change(remove=gone.tolist(), add=self._texts(new))
        return lexical

    def _texts(self, rows: Rows) -> Iterator[tuple[int, str, str]]:
        for first in range(0, len(rows), _BATCH):
            found = self._database.passages(rows[first : first + _BATCH].tolist())
            yield from ((row, heading(one.article), one.passage.text) for row, one in found.items())
