"""The derived indexes of a library, kept up with its database and published as snapshots."""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path

from filelock import FileLock, Timeout

from index import snapshots
from index.database import Database
from index.searcher import Searcher
from index.snapshots import Snapshot

_log = logging.getLogger(__name__)


class Indexes:
    """The dense and lexical indexes over a database. Searches hold on to the state they began with."""

    def __init__(self, database: Database, dimension: int, folder: Path | None) -> None:
        """Open the snapshot in `folder`, or make the indexes from the database; None keeps them in memory."""
        self._database = database
        self._dimension = dimension
        self._folder = folder
        self._swap = threading.Lock()
        self._searcher = self._load(wait=0)

    @property
    def generation(self) -> int:
        """The state of the database that the indexes were last made from."""
        return self._searcher.generation

    def current(self, *, wait: float = 0) -> Searcher:
        """The indexes of the database's generation, swapped in by reference when it has changed.

        `wait` says how many seconds another process that is writing a snapshot may take; then these are made in memory.
        """
        with self._swap:
            if self._searcher.generation != self._database.generation:
                self._searcher = self._load(wait=wait)
            return self._searcher

    def _load(self, *, wait: float) -> Searcher:
        """The indexes of the current generation: the snapshot's if it is whole and up to date, else made anew."""
        meta = self._database.meta()
        base = snapshots.current(self._folder, meta) if self._folder else None
        if base and base.generation == self._database.generation:
            try:
                return Searcher.of_snapshot(base, self._dimension)
            except (OSError, ValueError) as error:  # another process has just replaced it, or another version wrote it
                _log.info("%s: cannot be opened (%s)", base.folder, error)
                base = None
        return self._publish(base, meta, wait=wait)

    def _publish(self, base: Snapshot | None, meta: dict[str, str], *, wait: float) -> Searcher:
        """Write a snapshot of the present state and open it; in memory where it cannot be written.

        The articles are safe in the database already, so a snapshot that fails costs time at the next opening, no more.
        """
        if self._folder is None or self._database.is_read_only:
            return self._in_memory()
        try:
            with FileLock(self._folder / "write.lock", timeout=wait):
                return self._write_snapshot(self._folder, base, meta)
        except Timeout:  # another process is at it
            return self._in_memory()
        except OSError as error:
            _log.warning("%s: no snapshot could be written (%s); the articles are safe", self._folder, error)
            return self._in_memory()

    def _write_snapshot(self, root: Path, base: Snapshot | None, known: dict[str, str]) -> Searcher:
        meta = self._database.meta()
        if meta.get("snapshot") != known.get("snapshot"):  # another process was quicker
            base = snapshots.current(root, meta)
            if base and base.generation == self._database.generation:
                return Searcher.of_snapshot(base, self._dimension)
        scratch = snapshots.scratch_folder(root)
        try:
            with self._database.reading():
                generation = Searcher.of_database(self._database, self._dimension, base, scratch).generation
            facts = snapshots.publish(scratch, generation)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        with self._database.transaction():
            self._database.set_meta(facts)
        snapshots.sweep(root, keep=facts["snapshot"])
        return Searcher.of_snapshot(Snapshot(root / facts["snapshot"], generation), self._dimension)

    def _in_memory(self) -> Searcher:
        with self._database.reading():
            return Searcher.of_database(self._database, self._dimension, None, None)
