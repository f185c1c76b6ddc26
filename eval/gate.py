"""The gate for regressions: a run against the figures of an earlier one, with stated tolerances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus import QuestionError
from eval.compare import load_run
from eval.dataset import Question
from eval.report import figures
from eval.summary import Report

EXACT_MATCH_DROP = 2.0
"""How far exact match may fall, in points of percent; int8 models answer a few questions otherwise on other CPUs."""

F1_DROP = 2.0
"""How far F1 may fall, in points of percent."""

RECALL_AT_5_DROP = 0.02
"""How far recall@5 of the passages that were read may fall, as a share of the answerable questions."""

CITATION_EXACTNESS_DROP = 0.0
"""How far the share of exact citations may fall: not at all."""

FALSE_ANSWER_RISE = 0.05
"""How far the share of unanswerable questions that get an answer may rise."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """A figure by its name and its keys in the JSON, and how far it may fall (or rise, where less is better)."""

    name: str
    keys: tuple[str, ...]
    tolerance: float
    less_is_better: bool = False


_LIMITS = (
    _Limit("exact match", ("exact_match",), EXACT_MATCH_DROP),
    _Limit("F1", ("f1",), F1_DROP),
    _Limit("recall@5", ("retrieval", "recall_at_5"), RECALL_AT_5_DROP),
    _Limit("citation exactness", ("citation_exactness",), CITATION_EXACTNESS_DROP),
    _Limit("false-answer rate", ("rates", "false_answer"), FALSE_ANSWER_RISE, less_is_better=True),
)
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Baseline:
    """The figures of an earlier run that a new one must not fall behind."""

    path: Path
    figures: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> Baseline:
        """Read the JSON of an end-to-end run. Raises `QuestionError` naming file and remedy."""
        run = load_run(path)
        if run["kind"] != "end_to_end":
            raise QuestionError(f"{path}: not an end-to-end run; name a file that `articleqa eval --json` wrote")
        return cls(path, run)

    def check(self, questions: Sequence[Question]) -> None:
        """Raise `QuestionError` when the baseline was measured on other questions, which would say nothing of these."""
        then = {row["id"]: (row["question"], row["expected"]) for row in self.figures["results"]}
        now = {one.id: (one.question, list(one.answers)) for one in questions}
        if then != now:
            changed = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
            raise QuestionError(
                f"{self.path}: measured on other questions ({changed[0]} and {len(changed) - 1} more differ); "
                "measure the baseline again with --json"
            )

    def breaches(self, report: Report) -> list[str]:
        """A line for each figure of a new run that is worse than tolerated; the gate is passed when there are none."""
        now = figures(report)
        return [line for limit in _LIMITS if (line := _breach(limit, self.figures, now))]


def _breach(limit: _Limit, then: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    before, after = _value(then, limit.keys), _value(now, limit.keys)
    if before is None:
        return None
    if after is None:
        return f"{limit.name}: {before:g} in the baseline, not measured now"
    worse = after - before if limit.less_is_better else before - after
    if worse <= limit.tolerance + _ROUNDING:
        return None
    verb = "rose" if limit.less_is_better else "fell"
    return f"{limit.name} {verb} from {before:g} to {after:g}, by {worse:.4g}; tolerated is {limit.tolerance:g}"


def _value(figures: Mapping[str, Any], keys: Sequence[str]) -> float | None:
    found: Any = figures
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) else None
