"""What a library asks of the place that holds its passages; `index/local.py` is one in a folder or in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from index.arrays import Floats, Rows
from index.database import Database
from index.snapshots import Snapshot


class Vectors(Protocol):
    """The unit vectors of numbered passages, of one generation. Any thread may search them."""

    def search(self, vector: Floats, k: int, *, only: Rows | None = None) -> tuple[Rows, Floats]:
        """The numbers of the `k` nearest to a vector of shape (dimension,), and their cosines, the greatest first.

        Both have shape (n,), where n is less than `k` when there are fewer. `only` limits the search to these numbers.
        """
        ...

    def cosines(self, vector: Floats, rows: Rows) -> Floats:
        """The cosine of one vector, shape (dimension,), with each of the numbered ones, shape (n,)."""
        ...

    def verify(self) -> None:
        """Check everything that is held, however long it takes. Raises `LibraryError` naming what is damaged."""
        ...


class Indexed(Protocol):
    """How the vectors of a library come to be searchable."""

    def open(self, snapshot: Snapshot) -> Vectors:
        """The vectors of a verified snapshot. Raises `OSError` or `ValueError` when they cannot be read."""
        ...

    def publish(self, database: Database, base: Snapshot | None, folder: Path | None) -> Vectors:
        """The vectors of just what the database holds now: the base's, with what came since, without what went.

        What the next `open` needs is written into `folder`, the snapshot to be; None keeps everything in memory.
        """
        ...

    def discard(self, database: Database) -> None:
        """Let nothing made so far be used again: every passage is about to be embedded anew. Inside a transaction."""
        ...


class Store(Protocol):
    """Where a library lives: its articles and passages, their vectors, and the snapshots of its indexes."""

    @property
    def database(self) -> Database:
        """The articles and passages, as this machine has them."""
        ...

    @property
    def vectors(self) -> Indexed:
        """The passages' vectors."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where what else belongs to the library is kept; None is nowhere."""
        ...

    @property
    def snapshots(self) -> Path | None:
        """The folder of the snapshots; None keeps the indexes in memory."""
        ...

    def refresh(self, *, now: bool = False) -> None:
        """Learn what other machines have changed; unless `now`, it may be as old as a second."""
        ...

    def check(self) -> None:
        """Check every article, passage and vector. Raises `LibraryError` naming the first thing that is damaged."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
