"""A confidence fitted to questions of one's own, with a promised rate of false answers.

The bundled calibrator stays as it is but for two numbers: its log odds are stretched and shifted. That keeps the order
of the questions, so a threshold keeps its meaning, and its promise (see `eval.thresholds.promised_level`) holds exactly
although the same questions fitted the two numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from corpus import QuestionError
from eval.summary import Report
from eval.thresholds import (
    Flags,
    Floats,
    Labelled,
    Outcome,
    folds,
    observed_level,
    outcome,
    promised_level,
    questions_needed,
)

_LEAST_OF_EACH_KIND = 20
_LEAST_SLOPE = 0.1
_LOGIT_LIMIT = 50.0


@dataclass(frozen=True, slots=True)
class Rescaling:
    """A new probability from an old one: `slope` times its log odds plus `shift`; rising, as `slope` is above 0."""

    slope: float
    shift: float

    def of(self, p: Floats) -> Floats:
        """The new probabilities, in the shape of the old ones."""
        new: Floats = expit(self.slope * logit(p) + self.shift)
        return new


@dataclass(frozen=True, slots=True)
class Calibration:
    """The confidence as fitted, and what it makes of the questions.

    `threshold` is on the new probabilities. `promised` says whether at most `target` false answers are promised with
    this `assurance`, which takes at least `needed` unanswerable questions; else the threshold is where no more were
    observed. `bundled` is the outcome before, `fitted` the one now. `p`, shape (n,), and the calibration error of
    `fitted` are by rescalings that were fitted without the question's fifth of the questions.
    """

    rescaling: Rescaling
    threshold: float
    target: float
    assurance: float
    promised: bool
    needed: int
    bundled: Outcome
    fitted: Outcome
    p: Floats


def labelled(report: Report) -> Labelled:
    """The questions of a run that answered at any confidence; what `articleqa eval` calls correct is right here."""
    results = report.results
    return Labelled(
        p=np.array([one.confidence for one in results]),
        right=np.array([one.correct and not one.refused for one in results]),
        answerable=np.array([one.question.answerable for one in results]),
    )


def fit_rescaling(p: Floats, right: Flags) -> Rescaling:
    """The most probable rescaling of these probabilities, given which were right; both have shape (n,).

    Before anything is seen, slope and shift are normal around 1 and 0 with a deviation of 1, so few questions change
    little. Source: Platt 1999, with a prior and on log odds; the slope is kept at 0.1 or more.
    """
    odds, y = np.clip(logit(p), -_LOGIT_LIMIT, _LOGIT_LIMIT), right.astype(np.float64)

    def loss(at: Floats) -> tuple[float, Floats]:
        slope, shift = at
        z = slope * odds + shift
        miss = expit(z) - y
        value = np.logaddexp(0, z).sum() - z @ y + ((slope - 1) ** 2 + shift**2) / 2
        return float(value), np.array([miss @ odds + slope - 1, miss.sum() + shift])

    # L-BFGS-B waits for the threads of BLAS at every step
    found = minimize(loss, (1.0, 0.0), jac=True, method="TNC", bounds=((_LEAST_SLOPE, None), (None, None)))
    return Rescaling(*found.x.tolist())


def calibrate(asked: Labelled, *, threshold: float, target: float, assurance: float) -> Calibration:
    """Fit the confidence, and choose the lowest threshold with at most `target` false answers at this assurance.

    `asked` has the bundled calibrator's probabilities, `threshold` is its own. Raises `ValueError` for a target or an
    assurance that is not between 0 and 1, and `QuestionError` when there are too few questions to fit anything.
    """
    for value in (target, assurance):
        if not 0 < value < 1:
            raise ValueError(f"{value}: the share of false answers and the assurance must lie between 0 and 1")
    right, unanswerable = int(asked.right.sum()), asked.p[~asked.answerable]
    wrong = len(asked.right) - right
    if min(right, wrong) < _LEAST_OF_EACH_KIND or not len(unanswerable):
        raise QuestionError(
            f"too few questions to fit a confidence: the best answer found is right for {right} and wrong for {wrong}, "
            f"and {len(unanswerable)} are marked as not answered by the articles; add questions until these are at "
            f"least {_LEAST_OF_EACH_KIND}, {_LEAST_OF_EACH_KIND} and 1"
        )
    rescaling = fit_rescaling(asked.p, asked.right)
    promised = promised_level(unanswerable, target, assurance)
    level = observed_level(unanswerable, target) if promised is None else promised
    p = np.empty_like(asked.p)
    for held_out in folds(len(p)):
        p[held_out] = fit_rescaling(asked.p[~held_out], asked.right[~held_out]).of(asked.p[held_out])
    cross_validated = outcome(replace(asked, p=p), level).calibration_error
    return Calibration(
        rescaling=rescaling,
        threshold=float(rescaling.of(np.array(level))),
        target=target,
        assurance=assurance,
        promised=promised is not None,
        needed=questions_needed(target, assurance),
        bundled=outcome(asked, threshold),
        fitted=replace(outcome(asked, level), calibration_error=cross_validated),
        p=p,
    )
