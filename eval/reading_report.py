"""The report of the reader alone: as JSON with stable keys, and as tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from eval.facts import Facts
from eval.figures import (
    REFUSED,
    SCORE_COLUMNS,
    WRONG_COLUMNS,
    Table,
    interval,
    percent,
    rounded,
    score_cells,
    scores_dict,
    share,
    shown,
    shown_answers,
    shown_interval,
    slug,
)
from eval.reading import Reading, ReadingReport


def to_dict(report: ReadingReport, facts: Facts) -> dict[str, Any]:
    """The JSON object of a run of the reader alone; its keys are stable."""
    return {
        "kind": "reading",
        **scores_dict(report.overall),
        "threshold": rounded(report.threshold),
        "interval_95": {
            "exact_match": interval(report.exact_match_interval),
            "f1": interval(report.f1_interval),
        },
        "answerable": scores_dict(report.answerable),
        "unanswerable": scores_dict(report.unanswerable),
        "best_exact_match": {
            "exact_match": percent(report.best_exact_match.score),
            "threshold": rounded(report.best_exact_match.at),
        },
        "best_f1": {"f1": percent(report.best_f1.score), "threshold": rounded(report.best_f1.at)},
        "failures": {slug(name): count for name, count in report.failures.items()},
        "roc_area": share(report.roc_area),
        "seconds": round(report.seconds, 2),
        "questions_per_second": round(report.questions_per_second, 2),
        "run": asdict(facts),
        "results": [_reading_dict(*pair) for pair in zip(report.readings, report.final, strict=True)],
    }


def tables(report: ReadingReport) -> list[Table]:
    """The numbers of a run of the reader alone."""
    kinds = (("all", report.overall), ("answerable", report.answerable), ("unanswerable", report.unanswerable))
    best = (
        ("best EM, at threshold", _shown_threshold(report.best_exact_match.score, report.best_exact_match.at)),
        ("best F1, at threshold", _shown_threshold(report.best_f1.score, report.best_f1.at)),
        ("ROC area, answerable or not", shown(report.roc_area)),
    )
    rows = (
        ("threshold", "none" if report.threshold is None else f"{report.threshold:.2f}"),
        *(best if report.unanswerable.questions else ()),
        ("EM, 95% interval", shown_interval(report.exact_match_interval)),
        ("F1, 95% interval", shown_interval(report.f1_interval)),
        *((f"wrong: {failure}", str(count)) for failure, count in report.failures.items()),
        ("questions per second", f"{report.questions_per_second:.1f}"),
    )
    return [
        Table("Scores", ("kind", *SCORE_COLUMNS), tuple((name, *score_cells(one)) for name, one in kinds)),
        Table("Measures", ("measure", "value"), rows),
    ]


def wrong_answers(report: ReadingReport) -> Table:
    """Every question whose span, or refusal, at the threshold was not correct."""
    rows = tuple(
        (one.example.id, one.example.question, shown_answers(one.example.answers), one.text or REFUSED, one.failure)
        for one in report.final
        if one.failure is not None
    )
    return Table("Wrong answers", WRONG_COLUMNS, rows, is_text=True)


def _reading_dict(best: Reading, final: Reading) -> dict[str, Any]:
    return {
        "id": best.example.id,
        "question": best.example.question,
        "expected": list(best.example.answers),
        "answer": final.text or None,
        "best_span": best.text or None,
        "score": rounded(best.score),
        "exact_match": percent(final.exact_match),
        "f1": percent(final.f1),
        "failure": slug(final.failure) if final.failure else None,
    }


def _shown_threshold(score: float, at: float | None) -> str:
    return f"{100 * score:.2f} at {'no answer' if at is None else f'{at:.2f}'}"
