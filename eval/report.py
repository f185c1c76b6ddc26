"""The report of an end-to-end run: as JSON with stable keys, and as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from eval.alone import Alone, gold_reading
from eval.explain import expected_place, would_be_right
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
    shown_percent,
    shown_share_interval,
    slug,
)
from eval.judge import Result, is_right
from eval.metrics import Interval
from eval.selective import Selective, thinned
from eval.summary import Report

_IN_PERCENT = {"exact_match", "f1"}


def to_dict(report: Report, facts: Facts) -> dict[str, Any]:
    """The JSON object of an end-to-end run; its keys are stable."""
    return figures(report) | {"run": asdict(facts), "results": [_result_dict(result) for result in report.results]}


def figures(report: Report) -> dict[str, Any]:
    """The same without its circumstances and its questions."""
    return {
        "kind": "end_to_end",
        **scores_dict(report.overall),
        "interval_95": {
            "exact_match": interval(report.exact_match_interval),
            "f1": interval(report.f1_interval),
            **_intervals(report.intervals),
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
        "alone": _alone_dict(report.alone) if report.alone else None,
        "confidence": {
            "calibration_error": share(report.calibration_error),
            "coverage_at_90_precision": share(report.coverage),
            "threshold": share(report.threshold),
            "best_span": _selective_dict(report.best_span) if report.best_span else None,
        },
        "citation_exactness": share(report.citation_exactness),
        "latency_ms": {
            stage: {name: round(ms, 1) for name, ms in asdict(times).items()} for stage, times in report.latency.items()
        },
        "failures": {slug(failure): count for failure, count in report.failures.items()},
        "by_category": {name: scores_dict(scores) for name, scores in report.by_category.items()},
        "by_article": {name: scores_dict(scores) for name, scores in report.by_article.items()},
    }


def tables(report: Report) -> list[Table]:
    """The numbers of an end-to-end run."""
    kinds = (
        ("all", report.overall),
        ("answerable", report.answerable),
        ("unanswerable", report.unanswerable),
        ("answerable, answered", report.answered),
        *([("reader alone, gold passages", report.alone.reader)] if report.alone else ()),
    )
    found = report.intervals
    rows = [
        ("EM", shown_percent(report.overall.exact_match), shown_interval(report.exact_match_interval)),
        ("F1", shown_percent(report.overall.f1), shown_interval(report.f1_interval)),
        ("correct", shown(report.overall.correct), shown_share_interval(found.get("correct"))),
        ("answered, of all", shown(report.answered_rate), shown_share_interval(found.get("answered"))),
        (
            "false answers, of unanswerable",
            shown(report.false_answer_rate),
            shown_share_interval(found.get("false_answer")),
        ),
        (
            "wrongly refused, of answerable",
            shown(report.wrongly_refused_rate),
            shown_share_interval(found.get("wrongly_refused")),
        ),
        *((f"recall@{k}", shown(value), "") for k, value in report.recall.items()),
        ("MRR@10", shown(report.mrr), ""),
        ("calibration error (ECE)", shown(report.calibration_error), ""),
        ("coverage at 90% precision", shown(report.coverage), ""),
        ("exact citations, must be 1", shown(report.citation_exactness), ""),
        *(_selective_rows(report.best_span) if report.best_span else ()),
        *(
            (f"{stage} ms, p50 / p95 / p99", f"{t.p50:.0f} / {t.p95:.0f} / {t.p99:.0f}", "")
            for stage, t in report.latency.items()
        ),
        *((f"wrong: {failure}", str(count), "") for failure, count in report.failures.items()),
    ]
    return [
        Table("Scores", ("kind", *SCORE_COLUMNS), tuple((name, *score_cells(one)) for name, one in kinds)),
        Table("Measures", ("measure", "value", "95% interval"), tuple(rows)),
        *([_alone_table(report.alone)] if report.alone and report.alone.searched else ()),
        *(
            Table(f"By {name}", (name, *SCORE_COLUMNS), tuple((key, *score_cells(one)) for key, one in groups.items()))
            for name, groups in (("category", report.by_category), ("article", report.by_article))
            if groups
        ),
    ]


def wrong_answers(report: Report) -> Table:
    """Every question that was not answered correctly, the stage that failed, and what would have been right."""
    rows = []
    for one in report.results:
        if one.failure is not None:
            asked, expected = one.question, shown_answers(one.question.answers)
            rows.append((asked.id, asked.question, expected, got(one), one.failure, would_be_right(one)))
    return Table("Wrong answers", (*WRONG_COLUMNS, "what would have been right"), tuple(rows), is_text=True)


def got(result: Result) -> str:
    """The answer given, with its article where that is the wrong one, or the refusal with the guess withheld."""
    if result.span is None:
        return f"{REFUSED} {result.guess.text}?" if result.guess else REFUSED
    wrong_article = result.question.article_id not in (None, result.article_id)
    return f"{result.span.text} [{result.article_id}]" if wrong_article else result.span.text


def _alone_table(alone: Alone) -> Table:
    values = {f"recall_at_{k}": (f"recall@{k}", value) for k, value in alone.recall.items()}
    values |= {"mrr_at_10": ("MRR@10", alone.mrr), "ndcg_at_10": ("nDCG@10", alone.ndcg)}
    rows = [
        (label, shown(value), shown_share_interval(alone.intervals.get(name)))
        for name, (label, value) in values.items()
    ]
    return Table("Retrieval alone", ("measure", "value", "95% interval"), tuple(rows))


def _alone_dict(alone: Alone) -> dict[str, Any]:
    found = _intervals(alone.intervals)
    scores = {name: found.pop(name) for name in sorted(_IN_PERCENT & found.keys())}
    retrieval = {f"recall_at_{k}": share(value) for k, value in alone.recall.items()}
    retrieval |= {"mrr_at_10": share(alone.mrr), "ndcg_at_10": share(alone.ndcg)}
    return {
        "retrieval": {"questions": alone.searched, **retrieval, "interval_95": found},
        "reader": {**scores_dict(alone.reader), "interval_95": scores},
    }


def _selective_rows(best: Selective) -> list[tuple[str, str, str]]:
    values = {
        "calibration error (ECE)": best.calibration_error,
        "calibration error (MacroCE)": best.macro_calibration_error,
        "coverage at 90% precision": best.coverage,
        "area under risk-coverage": best.area,
    }
    return [(f"best spans: {name}", shown(value), "") for name, value in values.items()]


def _selective_dict(best: Selective) -> dict[str, Any]:
    curve = thinned(best.curve)
    return {
        "calibration_error": share(best.calibration_error),
        "macro_calibration_error": share(best.macro_calibration_error),
        "coverage_at_90_precision": share(best.coverage),
        "area_under_risk_coverage": share(best.area),
        "risk_coverage": {
            "coverage": [share(point.coverage) for point in curve],
            "risk": [share(point.risk) for point in curve],
            "confidence": [share(point.confidence) for point in curve],
        },
        "reliability": [
            {name: value if name == "count" else share(value) for name, value in asdict(one).items()}
            for one in best.bins
        ],
    }


def _result_dict(result: Result) -> dict[str, Any]:
    question, span, guess, parts = result.question, result.span, result.guess, result.parts
    where, reading = expected_place(result), gold_reading(question, parts)
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
        "would_be_right": would_be_right(result) or None,
        "best_span": {
            "answer": guess.text,
            "article_id": guess.passage.article_id,
            "start": guess.start,
            "end": guess.end,
            "correct": is_right(question, guess),
        }
        if guess
        else None,
        "expected_at": {"article_id": where[0].article_id, "start": where[1][0], "end": where[1][1]} if where else None,
        "gold_ranks": list(parts.ranks) if parts else None,
        "reader_alone": {
            "answer": reading.span.text if reading.span else None,
            "exact_match": percent(reading.exact_match),
            "f1": percent(reading.f1),
        }
        if reading
        else None,
        "timings_ms": {stage: round(ms, 1) for stage, ms in asdict(result.timings).items()},
    }


def _intervals(found: Mapping[str, Interval]) -> dict[str, list[float | None]]:
    """The intervals of exact match and F1 in percent, the others as shares, like their means."""
    return {
        name: interval(value) if name in _IN_PERCENT else [share(end) for end in value] for name, value in found.items()
    }
