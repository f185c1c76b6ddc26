"""Vectors searched by inner product: the one module that touches FAISS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from index.onnx_model import Floats

# inner product is the cosine, since all vectors have length 1


class DenseIndex:
    """Exact nearest neighbours over numbered unit vectors.

    Search and change must not overlap in time: the library changes a copy of its own and then swaps it in.
    """

    def __init__(self, dimension: int, data: bytes | None = None) -> None:
        """An empty index, or the one whose `to_bytes` gave `data`, which must come from a trusted, verified file."""
        self.dimension = dimension
        self._index: Any = (
            faiss.deserialize_index(np.frombuffer(data, np.uint8))
            if data
            else faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        )

        if self._index.d != dimension:
            raise ValueError(f"an index of dimension {self._index.d}: need {dimension}")

    def rows(self) -> npt.NDArray[np.int64]:
        """The numbers of all vectors, ascending, shape (n,)."""
        rows: npt.NDArray[np.int64] = np.sort(faiss.vector_to_array(self._index.id_map))
        return rows

    def change(self, *, remove: npt.NDArray[np.int64], add: npt.NDArray[np.int64], vectors: Floats) -> None:
        """Remove vectors by number, then add `vectors`, shape (len(add), dimension)."""
        if vectors.shape != (len(add), self.dimension) or not np.isfinite(vectors).all():
            raise ValueError(f"vectors of shape {vectors.shape}: need {(len(add), self.dimension)}, all finite")
        if len(remove):
            self._index.remove_ids(remove)
        if len(add):
            self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), add)

    def search(self, vector: Floats, k: int) -> dict[int, float]:
        """The cosine of the `k` nearest vectors to one of shape (dimension,), by number; fewer when there are fewer."""
        # FAISS checks shapes only with asserts, and fills up with number -1 when it has fewer than k
        if vector.shape != (self.dimension,) or not np.isfinite(vector).all():
            raise ValueError(f"a vector of shape {vector.shape}: need {(self.dimension,)}, all finite")
        count = min(k, self._index.ntotal)
        if count < 1:
            return {}
        scores, rows = self._index.search(np.ascontiguousarray(vector[None], np.float32), count)
        return {int(row): float(score) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0}

    def scores(self, vector: Floats, rows: Iterable[int]) -> dict[int, float]:
        """The cosine of one vector, shape (dimension,), with each of the numbered ones, all of which must be there."""
        return {row: float(self._index.reconstruct(int(row)) @ vector) for row in rows}

    def to_bytes(self) -> bytes:
        """The index as bytes; written by us, since FAISS's own writer hides a full disk."""
        return bytes(faiss.serialize_index(self._index))
