"""The report of an end-to-end run: as JSON with stable keys, and as tables."""

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
    score_cells,
    scores_dict,
    share,
    shown,
    shown_answers,
    shown_interval,
    slug,
)
from eval.judge import Result
from eval.summary import Report


def to_dict(report: Report, facts: Facts) -> dict[str, Any]:
    """The JSON object of an end-to-end run; its keys are stable."""
    return {
        "kind": "end_to_end",
        **scores_dict(report.overall),
        "interval_95": {
            "exact_match": interval(report.exact_match_interval),
            "f1": interval(report.f1_interval),
        },
        "answerable": scores_dict(report.answerable),
        "unanswerable": scores_dict(report.unanswerable),
        "answered_answerable": scores_dict(report.answered),
        "rates": {
            "answered": share(report.answered_rate),
            "false_answer": share(report.false_answer_rate),
            "wrongly_refused": share(report.wrongly_refused_rate),
        },
        "retrieval": {f"recall_at_{k}": share(value) for k, value in report.recall.items()}
        | {"mrr_at_10": share(report.mrr)},
        "confidence": {
            "calibration_error": share(report.calibration_error),
            "coverage_at_90_precision": share(report.coverage),
        },
        "citation_exactness": share(report.citation_exactness),
        "latency_ms": {
            stage: {"p50": round(times.p50, 1), "p95": round(times.p95, 1)} for stage, times in report.latency.items()
        },
        "failures": {slug(failure): count for failure, count in report.failures.items()},
        "by_category": {name: scores_dict(scores) for name, scores in report.by_category.items()},
        "by_article": {name: scores_dict(scores) for name, scores in report.by_article.items()},
        "run": asdict(facts),
        "results": [_result_dict(result) for result in report.results],
    }


def tables(report: Report) -> list[Table]:
    """The numbers of an end-to-end run."""
    kinds = (("all", report.overall), ("answerable", report.answerable), ("unanswerable", report.unanswerable))
    rows = [
        ("answered, of all", shown(report.answered_rate)),
        ("false answers, of unanswerable", shown(report.false_answer_rate)),
        ("wrongly refused, of answerable", shown(report.wrongly_refused_rate)),
        *((f"recall@{k}", shown(value)) for k, value in report.recall.items()),
        ("MRR@10", shown(report.mrr)),
        ("calibration error (ECE)", shown(report.calibration_error)),
        ("coverage at 90% precision", shown(report.coverage)),
        ("exact citations, must be 1", shown(report.citation_exactness)),
        *((f"{stage} ms, p50 / p95", f"{t.p50:.0f} / {t.p95:.0f}") for stage, t in report.latency.items()),
        *((f"wrong: {failure}", str(count)) for failure, count in report.failures.items()),
        ("EM, 95% interval", shown_interval(report.exact_match_interval)),
        ("F1, 95% interval", shown_interval(report.f1_interval)),
    ]
    return [
        Table(
            "Scores",
            ("kind", *SCORE_COLUMNS),
            tuple((name, *score_cells(one)) for name, one in (*kinds, ("answerable, answered", report.answered))),
        ),
        Table("Measures", ("measure", "value"), tuple(rows)),
        *(
            Table(f"By {name}", (name, *SCORE_COLUMNS), tuple((key, *score_cells(one)) for key, one in groups.items()))
            for name, groups in (("category", report.by_category), ("article", report.by_article))
            if groups
        ),
    ]


def wrong_answers(report: Report) -> Table:
    """Every question that was not answered correctly, and the stage that failed."""
    rows = tuple(
        (one.question.id, one.question.question, shown_answers(one.question.answers), _got(one), one.failure)
        for one in report.results
        if one.failure is not None
    )
    return Table("Wrong answers", WRONG_COLUMNS, rows, is_text=True)


def _result_dict(result: Result) -> dict[str, Any]:
    question, span = result.question, result.span
    return {
        "id": question.id,
        "question": question.question,
        "category": question.category,
        "expected": list(question.answers),
        "answer": span.text if span else None,
        "confidence": share(result.confidence),
        "article_id": result.article_id,
        "start": span.start if span else None,
        "end": span.end if span else None,
        "exact_match": percent(result.exact_match),
        "f1": percent(result.f1),
        "rank": result.rank,
        "correct": result.correct,
        "failure": slug(result.failure) if result.failure else None,
    }


def _got(result: Result) -> str:
    if result.span is None:
        return REFUSED
    wrong_article = result.question.article_id not in (None, result.article_id)
    return f"{result.span.text} [{result.article_id}]" if wrong_article else result.span.text
