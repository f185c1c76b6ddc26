"""An end-to-end run as one page of HTML that needs nothing else: figures, diagrams, and every question to look into."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from eval.drawings import Bar, bars, reliability, risk_coverage
from eval.explain import STAGES
from eval.facts import Facts
from eval.figures import Table, shown, shown_interval, shown_percent
from eval.html_questions import RIGHT, question_rows
from eval.judge import FAILURES
from eval.markup import Html, tag
from eval.selective import thinned
from eval.summary import Report

_STYLE = Path(__file__).with_name("html_report.css")
_SCRIPT = Path(__file__).with_name("html_report.js")
_CATEGORIES = 8


def page(report: Report, facts: Facts, tables: Sequence[Table]) -> str:
    """The whole page. Everything from articles, questions and file names is escaped; it loads nothing from anywhere.

    Its content security policy lets just its own style and script run, by their hashes.
    """
    style, script = (path.read_text("utf-8") for path in (_STYLE, _SCRIPT))
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    head = tag(
        "head",
        _void("meta", charset="utf-8"),
        _void("meta", http_equiv="Content-Security-Policy", content=policy),
        _void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"Evaluation of {facts.reader}"),
        tag("style", Html(style)),
    )
    body = tag(
        "body",
        _header(facts),
        tag("main", _tiles(report), _diagrams(report), _tables(tables), _questions(report)),
        tag("script", Html(script)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _header(facts: Facts) -> Html:
    known = [f"{name} {value}" for name, value in asdict(facts).items() if name != "command" and value is not None]
    button = tag("button", "Dark or light", id="theme", type="button", hidden="")
    return tag(
        "header",
        tag("div", tag("h1", "Evaluation, end to end"), button),
        tag("p", tag("code", facts.command)),
        tag("p", " · ".join(known), class_="aq-soft"),
    )


def _tiles(report: Report) -> Html:
    recall, total = report.recall.get(5), report.latency["total"]
    exact = report.citation_exactness
    tiles = (
        ("Exact match", shown_percent(report.overall.exact_match), shown_interval(report.exact_match_interval)),
        ("F1", shown_percent(report.overall.f1), shown_interval(report.f1_interval)),
        ("Answered right", _percent(report.overall.correct), f"{report.overall.questions:,} questions"),
        ("False answers", _percent(report.false_answer_rate), f"of {report.unanswerable.questions:,} unanswerable"),
        ("Wrongly refused", _percent(report.wrongly_refused_rate), f"of {report.answerable.questions:,} answerable"),
        ("Recall@5", _percent(recall), "passage with the answer read"),
        ("Exact citations", _percent(exact), "must be 100%" if exact in (None, 1) else "MUST BE 100%"),
        ("Time", f"{total.p50:,.0f} ms", f"half the questions; 95%: {total.p95:,.0f} ms"),
    )
    found = [
        tag("div", tag("span", name), tag("strong", value), tag("small", note), class_="aq-tile")
        for name, value, note in tiles
    ]
    return tag("section", *found, class_="aq-tiles", aria_label="Figures")


def _diagrams(report: Report) -> Html:
    return tag("section", *_of_confidence(report), *_of_parts(report), class_="aq-diagrams", aria_label="Diagrams")


def _of_confidence(report: Report) -> list[Html]:
    best = report.best_span
    if best is None:
        return []
    risk = (
        f"If the surest {best.coverage:.0%} of the questions were answered, 90% of the answers would be right. "
        f"Area under the curve {best.area:.3f}, the smaller the better. Over the best span of every question."
    )
    sure = (
        "On the dashed line, confidence says what it means; below it, it promises too much. "
        f"ECE {best.calibration_error:.3f}, MacroCE {best.macro_calibration_error:.3f}."
    )
    return [
        _figure("Risk and coverage", risk, risk_coverage(thinned(best.curve), report.threshold)),
        _figure("Is the confidence right?", sure, reliability(best.bins)),
    ]


def _of_parts(report: Report) -> list[Html]:
    found, alone = [], report.alone
    if alone and alone.searched:
        values = {f"recall_at_{k}": (f"recall@{k}", value) for k, value in alone.recall.items()}
        values |= {"mrr_at_10": ("MRR@10", alone.mrr), "ndcg_at_10": ("nDCG@10", alone.ndcg)}
        rows = [
            Bar(label, (value or 0.0,), shown(value), alone.intervals.get(name))
            for name, (label, value) in values.items()
        ]
        about = f"Retrieval alone, {alone.searched:,} questions: how high a passage with the answer is ranked."
        if alone.reader.questions:
            scores = f"EM {shown_percent(alone.reader.exact_match)}, F1 {shown_percent(alone.reader.f1)}"
            about += f" Given just these passages, the reader alone has {scores}."
        found.append(_figure("Are the passages found?", about, bars("Retrieval alone", rows, top=1)))
    counts = [Bar(name, (count,), str(count), stage=name) for name, count in report.failures.items()]
    wrong = "Where wrong answers and refusals went wrong. Choose a stage to see its questions."
    drawn = bars("Failures by stage", counts, top=max(report.failures.values()))
    found.append(_figure("Which stage failed?", wrong, drawn))
    times = [
        Bar(stage, (t.p50, t.p95, t.p99), f"{t.p50:.0f} / {t.p95:.0f} / {t.p99:.0f}")
        for stage, t in report.latency.items()
    ]
    slowest = max(time.p99 for time in report.latency.values())
    kinds = sorted(report.by_category.items(), key=lambda pair: pair[1].correct or 0.0)[:_CATEGORIES]
    if kinds:
        right = [Bar(kind, (one.correct or 0.0,), f"{_percent(one.correct)} of {one.questions}") for kind, one in kinds]
        about = "How many are answered right, or refused where the articles do not say; the worst first."
        found.append(_figure("Which questions go wrong?", about, bars("Right by category", right, top=1)))
    about = "Milliseconds that 50%, 95% and 99% of the questions took at most, one at a time."
    found.append(_figure("How long does it take?", about, bars("Latency", times, top=slowest)))
    return found


def _tables(tables: Sequence[Table]) -> Html:
    return tag("section", *(_table(table) for table in tables if table.rows), class_="aq-tables", aria_label="Tables")


def _table(table: Table) -> Html:
    head = tag("tr", *(tag("th", name, scope="col") for name in table.columns))
    rows = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in table.rows]
    inside = tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="aq-scroll")
    return tag("details", tag("summary", table.title), inside)


def _questions(report: Report) -> Html:
    stages = [one for one in FAILURES if report.failures.get(one)]
    chosen = [("", "every outcome"), (RIGHT, RIGHT), ("wrong", "wrong, any stage"), *((one, one) for one in stages)]
    kinds = sorted({one.question.category for one in report.results if one.question.category})
    form = tag(
        "form",
        _select("stage", "Outcome", chosen),
        *([_select("category", "Category", [("", "every category"), *((one, one) for one in kinds)])] if kinds else ()),
        tag("label", "Text", _void("input", type="search", name="text", placeholder="words anywhere in it")),
        tag("output", f"{len(report.results):,} questions", id="count"),
        id="filter",
        hidden="",
    )
    marks = (("expected", "an accepted answer"), ("given", "the answer given"), ("withheld", "a guess withheld"))
    legend = [item for kind, name in marks for item in (tag("mark", name, class_=f"aq-{kind}"), " ")]
    terms = [tag("div", tag("dt", name), tag("dd", about)) for name, about in STAGES.items()]
    return tag(
        "section",
        tag("h2", "Every question", id="questions"),
        tag(
            "details", tag("summary", "What the stages mean"), tag("dl", *terms, class_="aq-facts"), class_="aq-stages"
        ),
        form,
        tag("p", "In the passages: ", *legend, class_="aq-legend"),
        question_rows(report.results),
        class_="aq-questions",
    )


def _figure(title: str, about: str, drawing: Html) -> Html:
    return tag("figure", tag("figcaption", tag("h2", title), tag("p", about)), drawing)


def _select(name: str, label: str, options: Iterable[tuple[str, str]]) -> Html:
    return tag("label", label, tag("select", *(tag("option", text, value=value) for value, text in options), name=name))


def _void(name: str, /, **attributes: str) -> Html:
    """An element that has no end tag."""
    return Html(tag(name, **attributes).removesuffix(f"</{name}>"))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}%"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
