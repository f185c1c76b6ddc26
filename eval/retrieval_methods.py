"""Ways of making one ranking of a dense and a lexical list, and what a ranking is worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.retrieval_sets import RetrievalSet
from index.arrays import Floats
from index.fusion import fuse
from index.lexical import LexicalIndex

DEPTH = 200
CUTS = (1, 5, 10, 20)
_RRF = 60

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lists:
    """The two lists of one question, joined: for each of n passages its place, cosine, BM25 score and ranks from 1.

    The cosine is exact for all of them. A passage not in the lexical list of 200 has a BM25 score of 0, and a passage
    missing from a list has the rank 10**6 there. Scores and ranks have shape (n,).
    """

    rows: npt.NDArray[np.int64]
    cosine: Scores
    bm25: Scores
    dense_rank: npt.NDArray[np.int64]
    lexical_rank: npt.NDArray[np.int64]
    relevant: frozenset[int]

    def cut(self, pool: int) -> Lists:
        """As if both lists held only their first `pool` passages."""
        kept = (self.dense_rank <= pool) | (self.lexical_rank <= pool)
        found = self.lexical_rank[kept] <= pool
        return Lists(
            self.rows[kept],
            self.cosine[kept],
            np.where(found, self.bm25[kept], 0.0),
            self.dense_rank[kept],
            np.where(found, self.lexical_rank[kept], 10**6),
            self.relevant,
        )


Method = Callable[[Lists], Scores]


@dataclass(frozen=True, slots=True)
class Quality:
    """What rankings are worth.

    `recall` is the share of questions with a relevant passage among the first k, `mrr` the mean reciprocal rank of the
    first such passage (0 after the 20th), `milliseconds` the time of one question.
    """

    recall: Mapping[int, float]
    mrr: float
    milliseconds: float
    questions: int


def search_lists(one: RetrievalSet, passages: Floats, questions: Floats, lexical: LexicalIndex) -> list[Lists]:
    """Both lists of every question of a set; vectors of shape (passages, d) and (questions, d)."""
    found = []
    for asked, vector in zip(one.questions, questions, strict=True):
        cosines = passages @ vector
        depth = min(DEPTH, len(cosines))
        nearest = np.argpartition(-cosines, depth - 1)[:depth]
        nearest = nearest[np.lexsort((nearest, -cosines[nearest]))]
        words = lexical.search(asked.text, DEPTH)
        dense_rank = {int(row): rank for rank, row in enumerate(nearest, 1)}
        lexical_rank = {row: rank for rank, row in enumerate(sorted(words, key=lambda r: (-words[r], r)), 1)}
        rows = np.array(sorted(dense_rank.keys() | lexical_rank.keys()), np.int64)
        found.append(
            Lists(
                rows,
                cosines[rows].astype(np.float64),
                np.array([words.get(int(row), 0.0) for row in rows], np.float64),
                np.array([dense_rank.get(int(row), 10**6) for row in rows], np.int64),
                np.array([lexical_rank.get(int(row), 10**6) for row in rows], np.int64),
                asked.relevant,
            )
        )
    return found


def ranked(lists: Lists, scores: Scores) -> list[int]:
    """The passages of the lists, best first, ties by place; those scored minus infinity are left out."""
    order = np.lexsort((lists.rows, -scores))
    return [int(lists.rows[i]) for i in order if scores[i] > -np.inf]


def quality(rankings: Sequence[Sequence[int]], relevant: Sequence[frozenset[int]], seconds: float) -> Quality:
    """The worth of one ranking for each question, made in `seconds` altogether."""
    firsts = [
        next((rank for rank, row in enumerate(ranking[: max(CUTS)], 1) if row in right), None)
        for ranking, right in zip(rankings, relevant, strict=True)
    ]
    count = max(1, len(firsts))
    return Quality(
        {k: sum(first is not None and first <= k for first in firsts) / count for k in CUTS},
        sum(1 / first for first in firsts if first) / count,
        seconds / count * 1e3,
        len(firsts),
    )


def measure(method: Method, lists: Sequence[Lists], pool: int) -> Quality:
    """The worth of a method over the first `pool` of both lists; the time is that of the fusion alone."""
    started = time.perf_counter()
    rankings = [ranked(cut, method(cut)) for cut in (one.cut(pool) for one in lists)]
    return quality(rankings, [one.relevant for one in lists], time.perf_counter() - started)


def dense_alone(lists: Lists) -> Scores:
    """The cosine."""
    return np.where(lists.dense_rank < 10**6, lists.cosine, -np.inf)


def lexical_alone(lists: Lists) -> Scores:
    """The BM25 score."""
    return np.where(lists.lexical_rank < 10**6, lists.bm25, -np.inf)


def reciprocal_ranks(lists: Lists) -> Scores:
    """Reciprocal rank fusion, 1 / (60 + rank) summed (Cormack et al. 2009)."""
    return 1 / (_RRF + lists.dense_rank) + 1 / (_RRF + lists.lexical_rank)


def weighted_ranks(weight: float) -> Method:
    """Reciprocal rank fusion with a weight from 0 to 1 for the dense list."""
    return lambda lists: weight / (_RRF + lists.dense_rank) + (1 - weight) / (_RRF + lists.lexical_rank)


def plain(weight: float) -> Method:
    """The cosine and a twentieth of the BM25 score, weighted, nothing normalised."""
    return lambda lists: weight * lists.cosine + (1 - weight) * lists.bm25 / 20


def min_max(weight: float) -> Method:
    """Both scores put on a scale from 0 to 1 within their lists, weighted."""
    return lambda lists: weight * _unit(lists.cosine) + (1 - weight) * _unit(lists.bm25)


def z_scores(weight: float) -> Method:
    """Both scores in standard deviations from their mean within the lists, weighted."""
    return lambda lists: weight * _standard(lists.cosine) + (1 - weight) * _standard(lists.bm25)


def saturated(weight: float, half: float) -> Method:
    """The cosine and s / (s + half) of the BM25 score s, weighted."""
    return lambda lists: weight * np.maximum(0, lists.cosine) + (1 - weight) * lists.bm25 / (lists.bm25 + half)


def shipped(lists: Lists) -> Scores:
    """What the library does."""
    fused = fuse(
        dict(zip(lists.rows.tolist(), lists.cosine.tolist(), strict=True)),
        {row: score for row, score in zip(lists.rows.tolist(), lists.bm25.tolist(), strict=True) if score > 0},
    )
    return np.array([fused[row] for row in lists.rows.tolist()], np.float64)


def _unit(values: Scores) -> Scores:
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    return np.asarray((values - low) / (high - low)) if high > low else np.zeros_like(values)


def _standard(values: Scores) -> Scores:
    return np.asarray((values - values.mean()) / (values.std() or 1.0))
