"""A library's store on Milvus; see `index/store.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from corpus import LibraryError
from index.arrays import Floats, Rows
from index.database import Database
from index.integrity import check
from index.milvus.address import Address
from index.milvus.replica import Replica, verify
from index.milvus.server import MOST, Server
from index.snapshots import Snapshot

_FILTER = 2_000


class MilvusVectors:
    """The vectors of a library's passages, searched by Milvus as they are now; see `store.Vectors`, `store.Indexed`."""

    def __init__(self, server: Server, replica: Replica) -> None:
        self._server = server
        self._replica = replica

    def search(self, vector: Floats, k: int, *, only: Rows | None = None) -> tuple[Rows, Floats]:
        """The numbers of the `k` nearest and their cosines, the greatest first."""
        found = self._server.nearest(vector, k) if only is None else self._among(vector, k, only)
        rows = self._replica.rows_of(found)  # without what a killed writer has left, or another machine just written
        scores = {row: found[number] for number, row in rows.items()}
        best = sorted(scores, key=lambda row: (-scores[row], row))[:k]
        return np.array(best, np.int64), np.array([scores[row] for row in best], np.float32)

    def cosines(self, vector: Floats, rows: Rows) -> Floats:
        """The cosine with each of the numbered vectors; 0 for one that another machine has removed just now."""
        ids = self._replica.ids(rows.tolist())
        found = self._server.vectors(ids.values())
        scores = [float(found[ids[row]] @ vector) if ids.get(row) in found else 0.0 for row in rows.tolist()]
        return np.array(scores, np.float32)

    def verify(self) -> None:
        """Check that Milvus has every vector. Raises `LibraryError`."""
        verify(self._replica, self._server)

    def open(self, snapshot: Snapshot) -> MilvusVectors:
        """These: nothing of them is in the snapshot."""
        return self

    def publish(self, database: Database, base: Snapshot | None, folder: Path | None) -> MilvusVectors:
        """These: what the database has was written to Milvus before."""
        return self

    def discard(self, database: Database) -> None:
        """Refuse: the vectors of a collection cannot be made longer or shorter. Raises `LibraryError`."""
        raise LibraryError(
            f"{database.name}: a library on Milvus cannot be embedded again; add its articles to one of another name"
        )

    def _among(self, vector: Floats, k: int, only: Rows) -> dict[int, float]:
        ids = sorted(self._replica.ids(only.tolist()).values())
        if len(ids) > _FILTER:  # a long filter is slow, and many passages are found without one
            kept = set(ids)
            found = {number: score for number, score in self._server.nearest(vector, MOST).items() if number in kept}
            if len(found) >= k:
                return found
        found = {}
        for first in range(0, len(ids), _FILTER):
            found |= self._server.nearest(vector, k, only=ids[first : first + _FILTER])
        return found


class MilvusStore:
    """Milvus has the truth; what this machine keeps of it in its cache can be made again."""

    folder: Path | None = None

    def __init__(self, address: str, dimension: int) -> None:
        """Connect to Milvus and bring this machine's replica up to date. Raises `LibraryError`."""
        place = Address.parse(address)
        try:
            place.cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(f"{place.cache}: cannot be made ({error.strerror}); set XDG_CACHE_HOME") from error
        self.snapshots = place.cache / "snapshots"
        self._server = Server(place, dimension)
        try:
            self.database = Replica(place.cache / "library.sqlite", self._server)
        except BaseException:
            self._server.close()
            raise
        self.vectors = MilvusVectors(self._server, self.database)

    def refresh(self, *, now: bool = False) -> None:
        """Take over what other machines have changed."""
        self.database.refresh(now=now)

    def check(self) -> None:
        """Check the replica; `MilvusVectors.verify` checks the vectors. Raises `LibraryError`."""
        check(self.database, 0)

    def close(self) -> None:
        """Close the replica and the connection."""
        self.database.close()
        self._server.close()
