"""Measures of a confidence: what answers are worth when only the surest are given, and whether it means what it says.

Everywhere `confidences` are probabilities and `correct` is 1 or 0, both of shape (n,) with n > 0; else `ValueError`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.metrics import Numbers, answers_at_precision, calibration_error

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """When the answers of at least this `confidence` are given: the share answered, and the share of them wrong."""

    coverage: float
    risk: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence lies from `low` to `high`: how many, how sure on average, and the share right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Selective:
    """What the confidences of some answers are worth, were any of them given.

    `coverage` is the largest share of them that can be given with 90% of those right. `area` is the area under the
    risk-coverage `curve`: the mean risk over all coverages, the smaller the better.
    """

    questions: int
    calibration_error: float
    macro_calibration_error: float
    coverage: float
    area: float
    curve: tuple[Point, ...]
    bins: tuple[Bin, ...]


def selective(confidences: Numbers, correct: Numbers) -> Selective:
    """All of the measures."""
    curve = risk_coverage(confidences, correct)
    return Selective(
        questions=len(confidences),
        calibration_error=calibration_error(confidences, correct),
        macro_calibration_error=macro_calibration_error(confidences, correct),
        coverage=answers_at_precision(confidences, correct) / len(confidences),
        area=area_under(curve),
        curve=tuple(curve),
        bins=tuple(reliability(confidences, correct)),
    )


def macro_calibration_error(confidences: Numbers, correct: Numbers) -> float:
    """How far confidence is from 1 for right answers and from 0 for wrong ones, each kind's mean weighing the same.

    With answers of one kind only, that kind's mean. Unlike the expected calibration error, the same confidence for
    everything is no way to a good value. Source: MacroCE of Si et al. 2022, arXiv 2205.12507.
    """
    sure, right = _arrays(confidences, correct)
    kinds = [1 - sure[right > 0], sure[right == 0]]
    return float(np.mean([kind.mean() for kind in kinds if len(kind)]))


def risk_coverage(confidences: Numbers, correct: Numbers) -> list[Point]:
    """The share of answers that are wrong against the share of questions answered, surest first.

    A point for every confidence there is: answers of equal confidence are given together or not at all. Source:
    El-Yaniv and Wiener 2010.
    """
    sure, right = _arrays(confidences, correct)
    levels, which = np.unique(-sure, return_inverse=True)
    given = np.cumsum(np.bincount(which))
    wrong = np.cumsum(np.bincount(which, weights=1 - right))
    rows = zip(given / len(sure), wrong / given, -levels, strict=True)
    return [Point(float(coverage), float(risk), float(level)) for coverage, risk, level in rows]


def area_under(curve: Sequence[Point]) -> float:
    """The area under a risk-coverage curve, each point's risk reaching back to the point before.

    Without equal confidences it is the mean of the risks of the n surest, for every n. Source: AURC of Geifman et al.
    2019, arXiv 1805.08206.
    """
    widths = np.diff([0.0, *(point.coverage for point in curve)])
    return float(widths @ [point.risk for point in curve])


def thinned(curve: Sequence[Point], points: int = 100) -> list[Point]:
    """The last point up to each of `points` equal steps of coverage, for drawing a curve and for keeping it."""
    return list({math.ceil(point.coverage * points - 1e-9): point for point in curve}.values())


def reliability(confidences: Numbers, correct: Numbers, *, bins: int = 10) -> list[Bin]:
    """The bins of equal width, as in the expected calibration error, that hold any answer. Source: Guo et al. 2017."""
    sure, right = _arrays(confidences, correct)
    which = np.minimum((sure * bins).astype(np.int64), bins - 1)
    found = []
    for one in np.unique(which).tolist():
        inside = which == one
        mean_sure, share = float(sure[inside].mean()), float(right[inside].mean())
        found.append(Bin(one / bins, (one + 1) / bins, int(inside.sum()), mean_sure, share))
    return found


def _arrays(confidences: Numbers, correct: Numbers) -> tuple[Floats, Floats]:
    sure, right = np.asarray(confidences, np.float64), np.asarray(correct, np.float64)
    if len(sure) == 0 or sure.shape != right.shape:
        raise ValueError(f"{len(sure)} confidences of {len(right)} answers: need as many, and at least 1")
    return sure, right
