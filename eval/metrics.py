"""The measures: exact match and F1 as SQuAD defines them, recall and rank of passages, calibration, percentiles.

All shares and scores are between 0 and 1; reports turn exact match and F1 into percent.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Numbers = Sequence[float] | npt.NDArray[np.float64]
Interval = tuple[float, float]

CORRECT_F1 = 0.5
"""An answer counts as correct from this F1 on."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """Lower case without ASCII punctuation, the articles a, an, the, and extra white space.

    Source: `normalize_answer` of the official evaluate-v2.0.py of SQuAD; other punctuation, such as a dash, is kept.

    >>> normalise("The U.S. Senate!")
    'us senate'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(answer: str, accepted: Sequence[str]) -> float:
    """1 when the normalised answer is one of the normalised accepted answers, else 0.

    An answer of "" is no answer; no accepted answers, or only ones that normalise to nothing, mean that there is none.
    """
    return float(normalise(answer) in {normalise(one) for one in _golds(accepted)})


def f1(answer: str, accepted: Sequence[str]) -> float:
    """The best F1 of the answer's words against those of any accepted answer; "" and no accepted answers as above."""
    return max(token_f1(answer, one) for one in _golds(accepted))


def token_f1(one: str, other: str) -> float:
    """The harmonic mean of precision and recall of normalised words; when either has none, whether both have none."""
    a, b = normalise(one).split(), normalise(other).split()
    if not a or not b:
        return float(a == b)
    shared = (Counter(a) & Counter(b)).total()
    return 2 * shared / (len(a) + len(b))


def _golds(accepted: Sequence[str]) -> Sequence[str]:
    """The accepted answers that say something, or [""] when none does, as in the official script."""
    return [one for one in accepted if normalise(one)] or [""]


@dataclass(frozen=True, slots=True)
class Scores:
    """The mean exact match, F1 and share correct (0 to 1) of some questions; None when there are none."""

    questions: int
    exact_match: float | None
    f1: float | None
    correct: float | None


class Scored(Protocol):
    """What has been scored: one question's exact match and F1 (0 to 1), and whether its outcome is right."""

    @property
    def exact_match(self) -> float: ...  # noqa: D102
    @property
    def f1(self) -> float: ...  # noqa: D102
    @property
    def correct(self) -> bool: ...  # noqa: D102


def mean_scores(scored: Sequence[Scored]) -> Scores:
    """The means over questions, which may be none."""
    if not scored:
        return Scores(0, None, None, None)
    return Scores(
        questions=len(scored),
        exact_match=mean([one.exact_match for one in scored]),
        f1=mean([one.f1 for one in scored]),
        correct=mean([float(one.correct) for one in scored]),
    )


def recall_at(ranks: Sequence[int | None], k: int) -> float:
    """The share of questions whose first relevant passage is among the first `k`; ranks count from 1, None is a miss.

    Raises `ValueError` without ranks.
    """
    return mean([float(rank is not None and rank <= k) for rank in ranks])


def reciprocal_rank(rank: int | None, *, k: int = 10) -> float:
    """1 / rank of the first relevant passage, or 0 when it is not among the first `k`; its mean is MRR@k."""
    return 1 / rank if rank is not None and rank <= k else 0.0


def ndcg_at(ranks: Sequence[int], relevant: int, k: int = 10) -> float:
    """The discounted cumulative gain of relevant passages at these ranks (from 1), over that of the best ranking.

    A passage is relevant or not, and counts 1 / log2(1 + rank) when it is among the first `k`; `relevant` is how many
    there are, found or not. Raises `ValueError` when that is less than 1. Source: Järvelin and Kekäläinen 2002, in the
    form of trec_eval.
    """
    if relevant < 1:
        raise ValueError(f"{relevant} relevant passages: the gain is not defined; need at least 1")
    gained = sum(1 / np.log2(1 + rank) for rank in ranks if rank <= k)
    return float(gained / sum(1 / np.log2(1 + rank) for rank in range(1, min(relevant, k) + 1)))


def mean(values: Numbers) -> float:
    """The mean. Raises `ValueError` without values."""
    if len(values) == 0:
        raise ValueError("the mean of 0 values is not defined; give at least 1")
    return float(np.mean(values))


def percentile(values: Numbers, percent: float) -> float:
    """The value that `percent` (0 to 100) of the values do not exceed, interpolated linearly between neighbours.

    Raises `ValueError` without values.
    """
    if len(values) == 0:
        raise ValueError("a percentile of 0 values is not defined; give at least 1")
    return float(np.percentile(values, percent))


def bootstrap_interval(values: Numbers, *, rounds: int = 1000, seed: int = 0) -> Interval:
    """The 95% interval of the mean, from `rounds` resamples with replacement; the same every time.

    Raises `ValueError` without values. Source: the percentile bootstrap (Efron and Tibshirani 1993, chapter 13).
    """
    if len(values) == 0:
        raise ValueError("an interval of 0 values is not defined; give at least 1")
    random = np.random.default_rng(seed)
    array = np.asarray(values, np.float64)
    means = [array[random.integers(len(array), size=len(array))].mean() for _ in range(rounds)]
    return percentile(means, 2.5), percentile(means, 97.5)


def intervals(values: Mapping[str, Numbers]) -> dict[str, Interval]:
    """The `bootstrap_interval` of each that has values, by name."""
    return {name: bootstrap_interval(some) for name, some in values.items() if len(some)}


def calibration_error(confidences: Numbers, correct: Numbers, *, bins: int = 10) -> float:
    """The expected calibration error: how far confidence and share correct lie apart, averaged over equal-width bins.

    Both have shape (n,). Raises `ValueError` without values. Source: Guo et al. 2017, equation 3.
    """
    sure, right = np.asarray(confidences, np.float64), np.asarray(correct, np.float64)
    if len(sure) == 0:
        raise ValueError("the calibration error of 0 answers is not defined; give at least 1")
    which = np.minimum((sure * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(which, weights=sure - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def answers_at_precision(confidences: Numbers, correct: Numbers, *, precision: float = 0.9) -> int:
    """The most answers that can be given, surest first, with at least `precision` of them correct.

    Both have shape (n,). Answers of equal confidence are given together or not at all.
    """
    sure, right = np.asarray(confidences, np.float64), np.asarray(correct, np.float64)
    order = np.argsort(-sure, kind="stable")
    counts = np.arange(1, len(order) + 1)
    good = (np.cumsum(right[order]) / counts >= precision) & _last_of_ties(sure[order])
    return int(counts[good].max(initial=0))


@dataclass(frozen=True, slots=True)
class Threshold:
    """The best mean score that a threshold on span scores reaches; answers scoring `at` or more are given.

    `at` is None when giving no answer at all is best.
    """

    score: float
    at: float | None


def best_threshold(span_scores: Numbers, scores: Numbers, answerable: npt.NDArray[np.bool_]) -> Threshold:
    """The threshold on span scores with the best mean of `scores`, where a refusal scores 1 if it is right.

    All have shape (n,). `scores` are exact match or F1 of each best span. Raises `ValueError` without values.
    Source: `find_best_thresh` of the official evaluate-v2.0.py of SQuAD, except that equal span scores stay together.
    """
    if len(span_scores) == 0:
        raise ValueError("the best threshold of 0 questions is not defined; give at least 1")
    spans = np.asarray(span_scores, np.float64)
    order = np.argsort(-spans, kind="stable")
    gains = np.where(answerable, np.asarray(scores, np.float64), -1.0)[order]
    refused_all = float(np.sum(~answerable))
    totals = np.where(_last_of_ties(spans[order]), refused_all + np.cumsum(gains), -np.inf)
    best = int(np.argmax(totals))
    if totals[best] <= refused_all or np.isneginf(spans[order][best]):
        return Threshold(refused_all / len(spans), None)
    return Threshold(float(totals[best]) / len(spans), float(spans[order][best]))


def roc_area(scores: Numbers, positive: npt.NDArray[np.bool_]) -> float | None:
    """The probability that a positive scores above a negative, a tie counting half; None when one kind is missing.

    Both have shape (n,). Source: the Mann-Whitney U statistic on average ranks.
    """
    count, others = int(np.sum(positive)), int(np.sum(~positive))
    if not count or not others:
        return None
    _, which, ties = np.unique(np.asarray(scores, np.float64), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[which]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def _last_of_ties(ordered: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether the next value differs from this one, for values in order; shape (n,)."""
    return np.append(ordered[1:] != ordered[:-1], [True] * min(len(ordered), 1)).astype(np.bool_)
