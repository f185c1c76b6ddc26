"""Thresholds on a confidence: what they make of labelled questions, and what can be promised of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from eval.metrics import calibration_error

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEVELS = tuple(round(hundredth / 100, 2) for hundredth in range(101))
"""The confidences from which a threshold is chosen, in rising order; fixed before any question is asked."""

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of how many, with exact bounds on the probability behind them (Clopper and Pearson 1934)."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """The share observed, from 0 to 1; None of nothing."""
        return self.count / self.of if self.of else None

    def upper_bound(self, assurance: float = 0.95) -> float:
        """The largest probability that would have given so few with a chance of at least 1 - `assurance`.

        >>> round(Rate(0, 29).upper_bound(0.95), 4)
        0.0981
        """
        return float(betaincinv(self.count + 1, self.of - self.count, assurance)) if self.count < self.of else 1.0

    def interval(self, assurance: float = 0.95) -> tuple[float, float]:
        """The interval that holds the probability with this assurance, half of the risk on either side."""
        side = (1 + assurance) / 2
        return 1 - Rate(self.of - self.count, self.of).upper_bound(side), self.upper_bound(side)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Questions asked, as arrays of shape (n,).

    The best span's probability, whether that span is right, and whether the articles answer the question at all.
    """

    p: Floats
    right: Flags
    answerable: Flags


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a threshold makes of labelled questions.

    `answered` and `answered_right` are of the answerable questions, `false_answers` of the others; `precision` is how
    many of the answers given are right. The calibration error is over all questions, answered or not.
    """

    answered: Rate
    answered_right: Rate
    false_answers: Rate
    precision: Rate
    calibration_error: float

    def to_dict(self) -> dict[str, Any]:
        """The shares from 0 to 1, for JSON; null is a share of nothing."""
        figures = {
            "answerable_answered": self.answered.share,
            "answerable_answered_right": self.answered_right.share,
            "unanswerable_answered": self.false_answers.share,
            "precision_of_answers": self.precision.share,
            "calibration_error": self.calibration_error,
        }
        return {name: None if value is None else round(value, 4) for name, value in figures.items()}


def outcome(asked: Labelled, threshold: float) -> Outcome:
    """What becomes of the questions when those of at least this probability are answered."""
    given, able = asked.p >= threshold, asked.answerable
    return Outcome(
        answered=_rate(given[able]),
        answered_right=_rate((given & asked.right)[able]),
        false_answers=_rate(given[~able]),
        precision=_rate(asked.right[given]),
        calibration_error=calibration_error(asked.p, asked.right.astype(np.float64)),
    )


def observed_level(unanswerable: Floats, target: float) -> float:
    """The lowest level at which at most this share of the unanswerable was is answered; no promise of others.

    `unanswerable` holds the probabilities of the questions that the articles do not answer, shape (n,).
    """
    return next((one for one in LEVELS if np.mean(unanswerable >= one) <= target), LEVELS[-1])


def promised_level(unanswerable: Floats, target: float, assurance: float) -> float | None:
    """The lowest level of which it can be promised that the false-answer rate is at most `target`; None if of none.

    The levels are tested one after the other from the highest down, and the last before the first failure is taken. A
    level passes when the upper bound of its rate at this assurance is no more than the target. To end up above the
    target, the first level in this order whose true rate is too high must have passed, and an exact bound lets that
    one level pass with a probability of at most 1 - `assurance`. So, whatever the probabilities mean and however many
    levels there are, P(rate <= target) >= assurance for questions that come as these came: independently, from the
    same source. It takes that levels, probabilities and order were fixed without these questions. Sources: Bauer 1991
    for testing in a fixed order; Angelopoulos et al. 2021, "Learn then Test", for its use on thresholds.
    """
    promised = None
    for level in reversed(LEVELS):
        if _rate(unanswerable >= level).upper_bound(assurance) > target:
            break
        promised = level
    return promised


def questions_needed(target: float, assurance: float) -> int:
    """The fewest unanswerable questions of which anything can be promised: log(1 - assurance) / log(1 - target)."""
    return next(n for n in count(1) if Rate(0, n).upper_bound(assurance) <= target)


def folds(n: int) -> list[Flags]:
    """Five masks of shape (n,) that share out n rows at random, the same every time."""
    place = np.random.default_rng(0).permutation(n).argsort()
    return [place % _FOLDS == fold for fold in range(_FOLDS)]


def _rate(flags: Flags) -> Rate:
    return Rate(int(flags.sum()), len(flags))
