"""The results of many questions as the numbers of one report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.alone import Alone, measure_alone
from eval.judge import FAILURES, Result, is_right
from eval.metrics import (
    Interval,
    Scores,
    answers_at_precision,
    bootstrap_interval,
    calibration_error,
    intervals,
    mean,
    mean_scores,
    percentile,
    recall_at,
    reciprocal_rank,
)
from eval.selective import Selective, selective

RECALL_AT = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds that half, 95% and 99% of the questions took at most."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers of one run, all shares from 0 to 1; a share of nothing is None.

    `answered` scores the answerable questions that got an answer. Rates: `answered_rate` of all questions,
    `false_answer_rate` of the unanswerable, `wrongly_refused_rate` of the answerable. `recall` (by k) and `mrr` (at
    10) are over the answerable, and see only the hits that the answer came with. The calibration error and
    `coverage` (the share of questions answered, surest first, at 90% precision) are over the answers given.
    `citation_exactness` must be 1. `intervals` holds 95% intervals of these means, by their names. `best_span` judges
    the confidence over the best span of every question, given or withheld, and `alone` each part by itself, both None
    when the parts were not asked; `threshold` is the confidence from which answers were given, if known.
    """

    results: tuple[Result, ...]
    overall: Scores
    answerable: Scores
    unanswerable: Scores
    answered: Scores
    exact_match_interval: Interval
    f1_interval: Interval
    answered_rate: float
    false_answer_rate: float | None
    wrongly_refused_rate: float | None
    calibration_error: float | None
    coverage: float
    citation_exactness: float | None
    recall: Mapping[int, float | None]
    mrr: float | None
    latency: Mapping[str, Latency]
    failures: Mapping[str, int]
    by_category: Mapping[str, Scores]
    by_article: Mapping[str, Scores]
    intervals: Mapping[str, Interval]
    threshold: float | None
    best_span: Selective | None
    alone: Alone | None


def summarise(results: Sequence[Result]) -> Report:
    """The report over all results. Raises `ValueError` without results."""
    if not results:
        raise ValueError("a report over 0 results is not defined; give at least 1 question")
    answerable = [result for result in results if result.question.answerable]
    unanswerable = [result for result in results if not result.question.answerable]
    given = [result for result in results if not result.refused]
    sure, right = [result.confidence for result in given], [float(result.correct) for result in given]
    ranks = [result.rank for result in answerable]
    failures = Counter(result.failure for result in results)
    parts = [result.parts for result in results if result.parts]
    return Report(
        results=tuple(results),
        overall=mean_scores(results),
        answerable=mean_scores(answerable),
        unanswerable=mean_scores(unanswerable),
        answered=mean_scores([result for result in answerable if not result.refused]),
        exact_match_interval=bootstrap_interval([result.exact_match for result in results]),
        f1_interval=bootstrap_interval([result.f1 for result in results]),
        answered_rate=len(given) / len(results),
        false_answer_rate=_share(not result.refused for result in unanswerable),
        wrongly_refused_rate=_share(result.refused for result in answerable),
        calibration_error=calibration_error(sure, right) if given else None,
        coverage=answers_at_precision(sure, right) / len(results),
        citation_exactness=_share(one.citation_exact for one in results if one.citation_exact is not None),
        recall={k: recall_at(ranks, k) if ranks else None for k in RECALL_AT},
        mrr=mean([reciprocal_rank(rank) for rank in ranks]) if ranks else None,
        latency={
            "retrieve": _latency([result.timings.retrieve for result in results]),
            "read": _latency([result.timings.read for result in results]),
            "total": _latency([result.timings.total for result in results]),
        },
        failures={failure: failures[failure] for failure in FAILURES},
        by_category=_groups((result.question.category, result) for result in results),
        by_article=_groups((result.question.article_id, result) for result in results),
        intervals=intervals(
            {
                "correct": [float(result.correct) for result in results],
                "answered": [float(not result.refused) for result in results],
                "false_answer": [float(not result.refused) for result in unanswerable],
                "wrongly_refused": [float(result.refused) for result in answerable],
            }
        ),
        threshold=parts[0].threshold if parts else None,
        best_span=_best_span(results) if len(parts) == len(results) else None,
        alone=measure_alone(results) if parts else None,
    )


def _best_span(results: Sequence[Result]) -> Selective:
    right = [float(is_right(result.question, result.guess)) for result in results]
    return selective([result.confidence for result in results], right)


def _share(flags: Iterable[bool]) -> float | None:
    values = [float(flag) for flag in flags]
    return mean(values) if values else None


def _latency(milliseconds: Sequence[float]) -> Latency:
    return Latency(*(percentile(milliseconds, percent) for percent in (50, 95, 99)))


def _groups(pairs: Iterable[tuple[str | None, Result]]) -> dict[str, Scores]:
    groups: dict[str, list[Result]] = {}
    for name, result in pairs:
        if name is not None:
            groups.setdefault(name, []).append(result)
    return {name: mean_scores(groups[name]) for name in sorted(groups)}
