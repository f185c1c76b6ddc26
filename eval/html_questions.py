"""Every question of a run as HTML: a row to open, with the passages and the expected and the given answer marked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from corpus import Passage
from eval.alone import gold_reading
from eval.explain import STAGES, expected_place, would_be_right
from eval.figures import NO_ANSWER, REFUSED, shown_answers
from eval.gold import occurrences
from eval.judge import Result
from eval.markup import Html, join, tag

RIGHT = "right"
COLUMNS = ("outcome", "question", "expected", "given", "confidence", "F1")

Mark = tuple[int, int, str]


def question_rows(results: Sequence[Result]) -> Html:
    """The head of the list, and a row for every question in the order they were asked."""
    head = tag("div", *(tag("span", name) for name in COLUMNS), class_="aq-row aq-head", aria_hidden="true")
    return tag("div", head, *map(question_row, results), class_="aq-list")


def question_row(result: Result) -> Html:
    """One question: its outcome and answers in a line, and everything else when it is opened."""
    question, stage = result.question, result.failure or RIGHT
    answer = result.span.text if result.span else REFUSED
    cells = (
        tag("span", tag("b", stage, class_=f"aq-pill aq-{'right' if result.correct else 'wrong'}")),
        tag("span", question.question, dir="auto", class_="aq-asked"),
        _cell("expected", shown_answers(question.answers[:1])),
        _cell("given", answer),
        _cell("confidence", f"{result.confidence:.2f}", number=True),
        _cell("F1", f"{100 * result.f1:.0f}", number=True),
    )
    inside = (_reason(result), *_passages(result), _facts(result))
    return tag(
        "details",
        tag("summary", *cells, class_="aq-row"),
        tag("div", *inside, class_="aq-inside"),
        class_="aq-question",
        data_stage=stage,
        data_category=question.category or "",
    )


def marked(passage: Passage, marks: Sequence[Mark]) -> Html:
    """The text of a passage with the marks, half-open offsets into its article and a class each, which may overlap."""
    inside = [(max(a, passage.start), min(b, passage.end), kind) for a, b, kind in marks]
    inside = [(a, b, kind) for a, b, kind in inside if a < b]
    cuts = sorted({passage.start, passage.end, *(end for a, b, _ in inside for end in (a, b))})
    parts: list[str] = []
    for first, last in pairwise(cuts):
        text = passage.text[first - passage.start : last - passage.start]
        kinds = sorted({kind for a, b, kind in inside if a <= first and last <= b})
        named = {"class_": " ".join(f"aq-{kind}" for kind in kinds), "title": " and ".join(kinds)}
        parts.append(tag("mark", text, **named) if kinds else text)
    return tag("blockquote", *parts, dir="auto")


def _cell(name: str, text: str, *, number: bool = False) -> Html:
    kind = " aq-number" if number else ""
    return tag("span", text, dir="auto", data_name=name, class_=f"aq-cell{kind}")


def _reason(result: Result) -> Html:
    if result.failure is None:
        return Html()
    right = join(" ", tag("b", "Right would have been:"), " ", would_be_right(result), ".")
    return tag("p", f"{STAGES[result.failure].capitalize()}.", right, class_="aq-reason", dir="auto")


def _passages(result: Result) -> list[Html]:
    """The passage of the answer given or withheld, and the one where an accepted answer stands, if that is another."""
    guess, expected = result.guess, expected_place(result)
    marks: list[Mark] = []
    passages: dict[Passage, list[str]] = {}
    if expected:
        passages.setdefault(expected[0], []).append("where the answer stands")
    if guess:
        marks.append((guess.start, guess.end, "given" if result.span else "withheld"))
        passages.setdefault(guess.passage, []).append("of the answer given" if result.span else "of the best guess")
    shown = []
    for passage, roles in passages.items():
        gold = [(start, end, "expected") for start, end in occurrences(result.question, passage)]
        own = [*gold, *(mark for mark in marks if guess and guess.passage.article_id == passage.article_id)]
        where = f"characters {passage.start:,} to {passage.end:,}"
        caption = tag("figcaption", f"Passage {', '.join(roles)}: ", tag("b", passage.article_id), f", {where}")
        shown.append(tag("figure", caption, marked(passage, own), class_="aq-passage"))
    return shown


def _facts(result: Result) -> Html:
    question, reading = result.question, gold_reading(result.question, result.parts)
    guess = result.guess.text if result.guess and result.refused else ""
    alone = (reading.span.text if reading.span else "nothing") if reading else ""
    facts = {
        "id": question.id,
        "category": question.category or "",
        "accepted answers": shown_answers(question.answers) if question.answers else NO_ANSWER,
        "best guess, withheld": guess,
        "reader on the gold passages alone": f"{alone} (F1 {100 * reading.f1:.0f})" if reading else "",
        "passage with the answer": f"place {result.rank}" if result.rank else "",
        "exact match, F1": f"{100 * result.exact_match:.0f}, {100 * result.f1:.0f}",
        "time": f"{result.timings.retrieve:.0f} ms to find passages, {result.timings.read:.0f} ms to read them",
        "asked before": " → ".join(asked for asked, _ in question.history),
    }
    pairs = [tag("div", tag("dt", name), tag("dd", text, dir="auto")) for name, text in facts.items() if text]
    return tag("dl", *pairs, class_="aq-facts")
