"""Vectors searched exactly by inner product, which is the cosine, since all have length 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.arrays import Floats, Rows

faiss: Any = import_module("faiss")  # its type hints lack what its wrappers add

FLAT = ".flat"


@contextmanager
def alone() -> Iterator[None]:
    """FAISS keeps to the calling thread: for one question, threads that wait for each other take longer than one."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


class Flat:
    """Numbered vectors in memory, all of which are compared. Any thread may search them."""

    def __init__(self, rows: Rows, vectors: Floats) -> None:
        """`rows`, ascending, are the numbers of `vectors`, shape (n, d); a vector's place in it is its position."""
        if vectors.shape[:1] != rows.shape or not np.isfinite(vectors).all():
            raise ValueError(f"vectors of shape {vectors.shape}: need {len(rows)}, all finite")
        self.rows = rows
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors, np.float32))

    @classmethod
    def opened(cls, stem: Path) -> Flat:
        """The vectors that were written as `stem`. Raises `OSError` or `ValueError`."""
        with np.load(stem.with_suffix(FLAT), allow_pickle=False) as file:
            return cls(file["rows"], file["vectors"])

    def write(self, stem: Path) -> None:
        """Write the vectors into one file."""
        with stem.with_suffix(FLAT).open("wb") as file:
            np.savez(file, rows=self.rows, vectors=self.vectors(np.arange(len(self.rows))))

    def search(self, vector: Floats, k: int, kept: npt.NDArray[np.bool_] | None = None) -> tuple[Rows, Floats]:
        """The positions of the `k` nearest of those that `kept`, shape (n,), is true for, and their cosines."""
        chosen = None if kept is None else faiss.IDSelectorBitmap(np.packbits(kept, bitorder="little"))
        params = faiss.SearchParameters(sel=chosen) if chosen else None
        with alone():
            scores, positions = self._index.search(np.ascontiguousarray(vector[None], np.float32), k, params=params)
        found = positions[0] >= 0  # FAISS fills up with -1 when there are fewer
        return positions[0][found], scores[0][found]

    def vectors(self, positions: Rows) -> Floats:
        """The vectors at these positions, shape (n, d)."""
        found: Floats = self._index.reconstruct_batch(positions)
        return found
