"""Two lists of scores, one ranking."""

from __future__ import annotations

from collections.abc import Mapping

DENSE_WEIGHT = 0.5
BM25_WEIGHT = 0.015
PAIRS_WEIGHT = 0.35
TOGETHER_WEIGHT = 0.4
_BM25_HALF = 10.0


def saturated(bm25: float) -> float:
    """A BM25 score on a scale from 0 to 1, half at 10: s / (s + 10)."""
    return bm25 / (bm25 + _BM25_HALF)


def fuse(
    dense: Mapping[int, float], lexical: Mapping[int, float], close: Mapping[int, tuple[float, float]] | None = None
) -> dict[int, float]:
    """Scores from 0 to 1 for every number in either list: e / (1 + e), where the evidence e is a weighted sum.

    Its parts are the cosine, the BM25 score and, for the numbers in `close`, the two shares of `index.closeness`.
    Unlike ranks, all parts keep how good a match is, so the score also tells a question the library knows nothing
    about. A number without a lexical score shares no word with the question. The weights were chosen on training
    questions, against reciprocal ranks, min-max, z-scores and saturated scores: `python -m eval.retrieval`.
    """
    fused = {}
    for row in dense.keys() | lexical.keys():
        pairs, together = close.get(row, (0.0, 0.0)) if close else (0.0, 0.0)
        evidence = (
            DENSE_WEIGHT * max(0.0, dense.get(row, 0.0))
            + BM25_WEIGHT * lexical.get(row, 0.0)
            + PAIRS_WEIGHT * pairs
            + TOGETHER_WEIGHT * together
        )
        fused[row] = evidence / (1 + evidence)
    return fused
