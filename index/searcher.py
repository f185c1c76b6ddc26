"""Searches over one immutable state of a library, and how the next state is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus import Article, Passage
from index import snapshots
from index.database import Database
from index.dense import DenseIndex
from index.fusion import fuse
from index.lexical import LexicalIndex
from index.onnx_model import Floats
from index.snapshots import Snapshot

_POOL = 50
_BATCH = 2000
_SMALL = 20_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question: the fused score (0 to 1), the cosine and the BM25 score it is made of."""

    passage: Passage
    article: Article
    score: float
    dense: float
    lexical: float


class Searcher:
    """The dense and the lexical index of one generation. Never changed once made, so any thread may search it."""

    def __init__(self, generation: int, dense: DenseIndex, lexical: LexicalIndex) -> None:
        self.generation = generation
        self.dense = dense
        self.lexical = lexical

    @classmethod
    def of_snapshot(cls, snapshot: Snapshot, dimension: int) -> Searcher:
        """The indexes of a verified snapshot."""
        data = (snapshot.folder / snapshots.DENSE).read_bytes()
        lexical = LexicalIndex(snapshot.folder / snapshots.LEXICAL)
        return cls(snapshot.generation, DenseIndex(dimension, data), lexical)

    @classmethod
    def of_database(cls, database: Database, dimension: int, base: Snapshot | None, folder: Path | None) -> Searcher:
        """Indexes that hold just what the database holds: the base's, with what came since added and the rest removed.

        `folder` is an empty folder for the lexical index (`lexical/`) and a copy of the dense one; None keeps both in
        memory.
        """
        generation = database.generation
        dense = DenseIndex(dimension, (base.folder / snapshots.DENSE).read_bytes() if base else None)
        live, indexed = database.passage_rows(), dense.rows()
        gone, new, none = np.setdiff1d(indexed, live), np.setdiff1d(live, indexed), live[:0]
        dense.change(remove=gone, add=none, vectors=database.vectors(none.tolist(), dimension))
        for rows in _batches(new):
            dense.change(remove=none, add=rows, vectors=database.vectors(rows.tolist(), dimension))
        # what is removed goes on counting in tantivy's statistics until a merge, so a small index is made anew
        kept = base if folder and (not len(gone) or len(live) > _SMALL) else None
        if kept and folder:
            snapshots.link_lexical(kept, folder / snapshots.LEXICAL)
        lexical = LexicalIndex(folder / snapshots.LEXICAL if folder else None)
        if kept and len(gone):
            lexical.change(remove=gone.tolist(), add=())
        for rows in _batches(new if kept else live):
            found = database.passages(rows.tolist()).items()
            lexical.change(remove=(), add=[(row, heading(one.article), one.passage.text) for row, one in found])
        if folder:
            (folder / snapshots.DENSE).write_bytes(dense.to_bytes())
        return cls(generation, dense, lexical)

    def search(self, database: Database, question: str, vector: Floats, k: int) -> list[Hit]:
        """The `k` best passages, best first, ties by row; passages removed from the library since are left out."""
        pool = max(_POOL, k)
        dense = self.dense.search(vector, pool)
        lexical = self.lexical.search(question, pool)
        dense |= self.dense.scores(vector, lexical.keys() - dense.keys())
        fused = fuse(dense, lexical)
        best = sorted(fused, key=lambda row: (-fused[row], row))
        rows = database.passages(best[: k * 2])
        hits = [
            Hit(rows[row].passage, rows[row].article, fused[row], dense[row], lexical.get(row, 0.0))
            for row in best
            if row in rows
        ]
        return hits[:k]


def heading(article: Article) -> str:
    """What is indexed before each passage's text: the article's title and date."""
    if not article.published:
        return article.title
    day = article.published
    return f"{article.title} ({day.day} {day:%B %Y})"


def indexed_text(article: Article, passage: Passage) -> str:
    """What is embedded for a passage."""
    return f"{heading(article)}\n{passage.text}"


def _batches(rows: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    return [rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH)]
