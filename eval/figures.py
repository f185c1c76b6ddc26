"""Numbers as they are shown: rounded for JSON, and as tables for the terminal and for Markdown.

In JSON, exact match and F1 are percent from 0 to 100 with 2 decimals, all other shares are from 0 to 1 with 4, and
null means a share of nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from eval.facts import Facts
from eval.metrics import Interval, Scores

NO_ANSWER = "(not in the articles)"
REFUSED = "(refused)"
SCORE_COLUMNS = ("questions", "EM", "F1", "correct")
WRONG_COLUMNS = ("id", "question", "expected", "got", "reason")


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of text; its first column is a name, the others are numbers unless `is_text`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_text: bool = False


def markdown(title: str, facts: Facts, parts: Sequence[Table]) -> str:
    """A report in Markdown: the command and its circumstances, then every table that has rows."""
    known = ((name, value) for name, value in asdict(facts).items() if name != "command" and value is not None)
    lines = [f"# {title}", "", f"`{facts.command}`", "", *(f"- {name}: {value}" for name, value in known), ""]
    for table in parts:
        if table.rows:
            rule = ["---", *(["---" if table.is_text else "---:"] * (len(table.columns) - 1))]
            lines += [f"## {table.title}", "", *map(_line, (table.columns, rule, *table.rows)), ""]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def percent(value: float | None) -> float | None:
    """A share from 0 to 1 as percent with 2 decimals, for JSON."""
    return None if value is None else round(100 * value, 2)


def share(value: float | None) -> float | None:
    """A share with 4 decimals, for JSON."""
    return None if value is None else round(value, 4)


def rounded(value: float | None) -> float | None:
    """A score with 4 decimals, for JSON, which knows no infinity: that becomes null."""
    return None if value is None or not isfinite(value) else round(value, 4)


def shown(value: float | None) -> str:
    """A share with 3 decimals, for a table."""
    return "-" if value is None else f"{value:.3f}"


def shown_percent(value: float | None) -> str:
    """A share from 0 to 1 as percent, for a table."""
    return "-" if value is None else f"{100 * value:.2f}"


def shown_interval(low_and_high: Interval) -> str:
    """An interval of shares as percent, for a table."""
    return f"{100 * low_and_high[0]:.1f} to {100 * low_and_high[1]:.1f}"


def shown_share_interval(low_and_high: Interval | None) -> str:
    """An interval of shares with 3 decimals, for a table."""
    return f"{low_and_high[0]:.3f} to {low_and_high[1]:.3f}" if low_and_high else ""


def slug(name: str) -> str:
    """A name as a key of JSON."""
    return name.replace(" ", "_")


def shown_answers(answers: Sequence[str]) -> str:
    """The accepted answers, for a table."""
    return " / ".join(answers) or NO_ANSWER


def scores_dict(scores: Scores) -> dict[str, Any]:
    """Mean scores, for JSON."""
    return {
        "questions": scores.questions,
        "exact_match": percent(scores.exact_match),
        "f1": percent(scores.f1),
        "correct": share(scores.correct),
    }


def score_cells(scores: Scores) -> tuple[str, str, str, str]:
    """Mean scores, for the `SCORE_COLUMNS` of a table."""
    return str(scores.questions), shown_percent(scores.exact_match), shown_percent(scores.f1), shown(scores.correct)


def interval(low_and_high: Interval) -> list[float | None]:
    """An interval of shares from 0 to 1 as percent with 2 decimals, for JSON."""
    return [percent(value) for value in low_and_high]
