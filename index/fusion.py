"""Two lists of scores, one ranking."""

from __future__ import annotations

from collections.abc import Mapping

DENSE_WEIGHT = 0.5
_BM25_HALF = 10.0


def saturated(bm25: float) -> float:
    """A BM25 score on a scale from 0 to 1, half at 10: s / (s + 10)."""
    return bm25 / (bm25 + _BM25_HALF)


def fuse(dense: Mapping[int, float], lexical: Mapping[int, float]) -> dict[int, float]:
    """Scores from 0 to 1 for every number in either list: the mean of the cosine and the saturated BM25 score.

    Unlike ranks, both parts keep how good a match is, so the score also tells a question the library knows nothing
    about. A number without a lexical score shares no word with the question.
    """
    return {
        row: DENSE_WEIGHT * max(0.0, dense.get(row, 0.0)) + (1 - DENSE_WEIGHT) * saturated(lexical.get(row, 0.0))
        for row in dense.keys() | lexical.keys()
    }
