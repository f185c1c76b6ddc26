"""Two runs on the same questions: what differs, whether that can be chance, and which questions flipped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from corpus import QuestionError
from eval.figures import REFUSED, Table, shown_answers
from eval.metrics import Interval, Numbers, bootstrap_interval, mean

SIGNIFICANT = 0.05
"""The p below which a difference is called one."""

_ROUNDS = 10_000
_BLOCK = 500
_MEASURES = ("exact_match", "f1", "correct")


@dataclass(frozen=True, slots=True)
class Difference:
    """The means of one measure (0 to 1) in both runs, B less A with its 95% interval, and how likely by chance."""

    a: float
    b: float
    difference: float
    interval: Interval
    p: float

    @property
    def verdict(self) -> str:
        """Whether B is "better" or "worse", or, where chance would do it as well, neither ("")."""
        if self.p >= SIGNIFICANT:
            return ""
        return "better" if self.difference > 0 else "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Run B against run A on the questions that both have, by id.

    `differences` are of "exact_match", "f1" and "correct". `gained` are the ids that only B answers right, `lost` those
    that only A does, and `p_flips` how likely so uneven a split is by chance. `rows` holds both results of each
    question, and `only_a` and `only_b` the ids that the other run lacks.
    """

    rows: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    differences: Mapping[str, Difference]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    p_flips: float


def load_run(path: Path) -> dict[str, Any]:
    """The figures of a run as `articleqa eval --json` or `read-eval --json` wrote them.

    Raises `QuestionError` naming file and remedy when it cannot be read or is something else.
    """
    remedy = "name a file that `articleqa eval --json FILE` wrote"
    try:
        run = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise QuestionError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise QuestionError(f"{path}: not the figures of a run (not valid JSON); {remedy}") from error
    rows = run.get("results") if isinstance(run, dict) and run.get("kind") in {"end_to_end", "reading"} else None
    if not isinstance(rows, list) or not rows or not all(map(_is_result, rows)):
        raise QuestionError(f"{path}: not the figures of a run on questions; {remedy}")
    return dict(run)


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> Comparison:
    """Compare two runs as `load_run` gives them.

    Raises `QuestionError` when they have no question in common, differ in kind, or ask different things by one id.
    """
    if a["kind"] != b["kind"]:
        raise QuestionError(f"one run is {a['kind']}, the other {b['kind']}; compare runs of one command")
    first, second = ({row["id"]: row for row in run["results"]} for run in (a, b))
    rows = {name: (row, second[name]) for name, row in first.items() if name in second}
    if not rows:
        raise QuestionError("the runs have no question in common; compare runs on the same file of questions")
    for name, (one, other) in rows.items():
        if (one["question"], one["expected"]) != (other["question"], other["expected"]):
            raise QuestionError(f"question {name}: not the same in both runs; run both on the same file of questions")
    values = {
        measure: tuple([_value(pair[side], measure) for pair in rows.values()] for side in (0, 1))
        for measure in _MEASURES
    }
    right = [dict(zip(rows, side, strict=True)) for side in values["correct"]]
    gained, lost = (tuple(name for name in rows if one[name] < two[name]) for one, two in (right, right[::-1]))
    return Comparison(
        rows=rows,
        only_a=tuple(name for name in first if name not in second),
        only_b=tuple(name for name in second if name not in first),
        differences={measure: difference(*both) for measure, both in values.items()},
        gained=gained,
        lost=lost,
        p_flips=mcnemar(len(gained), len(lost)),
    )


def difference(a: Numbers, b: Numbers) -> Difference:
    """The difference of two means over the same questions, both of shape (n,) with n > 0; the same every time.

    Its interval is the paired bootstrap's, its p the one of `randomisation_test`.
    """
    by = np.asarray(b, np.float64) - np.asarray(a, np.float64)
    return Difference(mean(a), mean(b), mean(by), bootstrap_interval(by), randomisation_test(by))


def randomisation_test(differences: Numbers, *, rounds: int = _ROUNDS, seed: int = 0) -> float:
    """How likely a mean this far from 0 is when it is chance which of the two runs each result came from; two-sided.

    `differences` has shape (n,). Each round flips the sign of every difference with a chance of one half; p counts the
    rounds that are as far from 0, and the real one, so it is never 0. Source: Fisher's randomisation test for pairs,
    as Smucker et al. 2007 advise for retrieval.
    """
    values = np.asarray(differences, np.float64)
    values = values[values != 0]
    random, far, seen = np.random.default_rng(seed), 0, abs(values.sum()) - 1e-9
    for done in range(0, rounds, _BLOCK):
        signs = random.integers(0, 2, (min(_BLOCK, rounds - done), len(values)), np.int8)
        far += int((np.abs((2.0 * signs - 1.0) @ values) >= seen).sum())
    return (1 + far) / (1 + rounds)


def mcnemar(gained: int, lost: int) -> float:
    """How likely so uneven a split of the flips is when each way has the same chance; exact, two-sided.

    1 without flips. Source: McNemar 1947, in its exact, binomial form.
    """
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def tables(found: Comparison) -> list[Table]:
    """The differences, in percent, and the questions that flipped."""
    rows = []
    for name, one in found.differences.items():
        low, high = one.interval
        values = f"{100 * one.a:.2f}", f"{100 * one.b:.2f}", f"{100 * one.difference:+.2f}"
        spread = f"{100 * low:+.1f} to {100 * high:+.1f}"
        rows.append((name.replace("_", " "), *values, spread, f"{one.p:.4f}", one.verdict or "-"))
    counts = (
        ("questions in both", str(len(found.rows))),
        ("only in A", str(len(found.only_a))),
        ("only in B", str(len(found.only_b))),
        ("right in B only", str(len(found.gained))),
        ("right in A only", str(len(found.lost))),
        ("p of the flips (McNemar)", f"{found.p_flips:.4f}"),
    )
    flips = [
        (name, way, shown_answers(a["expected"]), a["answer"] or REFUSED, b["answer"] or REFUSED, b["failure"] or "")
        for way, names in (("lost", found.lost), ("gained", found.gained))
        for name in names
        for a, b in (found.rows[name],)
    ]
    return [
        Table("Differences, B less A", ("measure", "A", "B", "difference", "95% interval", "p", "B is"), tuple(rows)),
        Table("Questions", ("questions", "count"), counts),
        Table("Flips", ("id", "flip", "expected", "A", "B", "failure in B"), tuple(flips), is_text=True),
    ]


def to_dict(found: Comparison) -> dict[str, Any]:
    """The JSON object of a comparison; its keys are stable. Means are shares from 0 to 1."""
    return {
        "kind": "comparison",
        "questions": len(found.rows),
        "only_in_a": list(found.only_a),
        "only_in_b": list(found.only_b),
        "differences": {
            name: {
                "a": round(one.a, 4),
                "b": round(one.b, 4),
                "difference": round(one.difference, 4),
                "interval_95": [round(end, 4) for end in one.interval],
                "p": round(one.p, 4),
                "verdict": one.verdict or None,
            }
            for name, one in found.differences.items()
        },
        "flips": {"gained": list(found.gained), "lost": list(found.lost), "p": round(found.p_flips, 4)},
    }


def _is_result(row: object) -> bool:
    """Whether a row of a file has what a comparison looks at."""
    match row:
        case {
            "id": str(),
            "question": str(),
            "expected": list(),
            "answer": str() | None,
            "exact_match": int() | float(),
            "f1": int() | float(),
            "failure": str() | None,
        }:
            return True
    return False


def _value(row: Mapping[str, Any], measure: str) -> float:
    return float(row["failure"] is None) if measure == "correct" else row[measure] / 100
