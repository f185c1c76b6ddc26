"""The numbers of retrieval alone and of the reader alone, over the questions whose gold passages are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.dataset import Question
from eval.judge import Result, is_right
from eval.metrics import (
    Interval,
    Scores,
    exact_match,
    f1,
    intervals,
    mean,
    mean_scores,
    ndcg_at,
    recall_at,
    reciprocal_rank,
)
from eval.parts import RETRIEVED, Parts
from qa.answer import Span

RECALL_AT = (1, 5, 10, RETRIEVED)


@dataclass(frozen=True, slots=True)
class Alone:
    """Retrieval and the reader, each by itself; shares from 0 to 1, None of no questions.

    Retrieval, on the `searched` answerable questions with an accepted answer in a passage: `recall` (by k, the share
    with such a passage among the first k), `mrr` and `ndcg` at 10. `reader` scores the best span of just these
    passages, whatever its score, where the question names its article: what answers could reach if retrieval were
    perfect and nothing withheld. `intervals` holds the 95% intervals, by the names in the JSON.
    """

    searched: int
    recall: Mapping[int, float | None]
    mrr: float | None
    ndcg: float | None
    reader: Scores
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class GoldReading:
    """The scores (0 to 1) of the best span of a question's gold passages; `span` is None when there was none."""

    span: Span | None
    exact_match: float
    f1: float
    correct: bool


def gold_reading(question: Question, parts: Parts | None) -> GoldReading | None:
    """What the reader made of the gold passages; None when they are not known."""
    if parts is None or not parts.gold or question.article_id is None:
        return None
    span = parts.reading
    text = span.text if span else ""
    return GoldReading(span, exact_match(text, question.answers), f1(text, question.answers), is_right(question, span))


def measure_alone(results: Sequence[Result]) -> Alone:
    """The numbers over those results that have their parts."""
    asked = [(one.question, one.parts) for one in results if one.parts and one.question.answerable]
    known = [parts for question, parts in asked if parts.gold or question.article_id is None]
    ranks = [min(parts.ranks, default=None) for parts in known]
    read = [reading for question, parts in asked if (reading := gold_reading(question, parts))]
    reciprocal = [reciprocal_rank(rank) for rank in ranks]
    gains = [ndcg_at(parts.ranks, len(parts.gold)) if parts.gold else 0.0 for parts in known]
    return Alone(
        searched=len(known),
        recall={k: recall_at(ranks, k) if ranks else None for k in RECALL_AT},
        mrr=mean(reciprocal) if known else None,
        ndcg=mean(gains) if known else None,
        reader=mean_scores(read),
        intervals=intervals(
            {f"recall_at_{k}": [recall_at([rank], k) for rank in ranks] for k in RECALL_AT}
            | {"mrr_at_10": reciprocal, "ndcg_at_10": gains}
            | {"exact_match": [one.exact_match for one in read], "f1": [one.f1 for one in read]}
        ),
    )
