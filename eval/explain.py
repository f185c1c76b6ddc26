"""Why a question went wrong and what would have been right, in a line of plain words."""

from __future__ import annotations

from corpus import Passage
from eval.alone import gold_reading
from eval.gold import occurrences
from eval.judge import Failure, Result
from eval.parts import Parts
from qa.answer import Span

STAGES: dict[Failure, str] = {
    "retrieval": "no passage that was read holds the answer",
    "fusion": "one of the two searches alone would have brought the passage; the fused list dropped it",
    "reader": "the passage was read, but another place or article was chosen",
    "span": "the right place, but too much or too little of it",
    "threshold": "the right answer was found, but withheld",
    "false answer": "the articles do not say, but an answer was given",
}


def would_be_right(result: Result) -> str:
    """What should have happened instead, by the stage that failed; "" when nothing is wrong."""
    parts, failure = result.parts, result.failure
    match failure:
        case None:
            return ""
        case "false answer":
            return f"no answer: confidence {result.confidence:.2f}{_against(parts)}"
        case "threshold":
            withheld = f"the answer withheld, {_quote(result.guess)}" if result.guess else "an answer"
            return f"{withheld}: confidence {result.confidence:.2f}{_against(parts)}"
        case "retrieval" | "fusion":
            return _found_alone(parts)
        case _:
            return _place(result) + _reading(result)


def expected_place(result: Result) -> tuple[Passage, tuple[int, int]] | None:
    """The best-ranked gold passage and where in its article the longest accepted answer stands; None if unknown."""
    if result.parts is None or not result.parts.gold:
        return None
    passage = result.parts.gold[0]
    return passage, max(occurrences(result.question, passage), key=lambda place: place[1] - place[0])


def _place(result: Result) -> str:
    where = expected_place(result)
    if where is None:
        return "an accepted answer, which stands word for word in no passage"
    passage, (start, end) = where
    text = passage.text[start - passage.start : end - passage.start]
    ranked = f", in the passage at place {result.rank}" if result.rank else ""
    return f"“{' '.join(text.split())}” at {start} of {passage.article_id}{ranked}"


def _reading(result: Result) -> str:
    reading = gold_reading(result.question, result.parts)
    if reading is None:
        return ""
    return f"; given only such passages, the reader says {'that' if reading.correct else _quote(reading.span)}"


def _found_alone(parts: Parts | None) -> str:
    if parts is None:
        return "a passage with an accepted answer"
    if parts.searched is None or not (parts.gold or any(parts.searched)):
        return "a passage with an accepted answer; no search found one"
    dense, lexical = (f"at place {rank}" if rank else "not at all" for rank in parts.searched)
    fused = f"at place {parts.ranks[0]}" if parts.ranks else "not among the first 20"
    return (
        f"the passage with the answer among the first {parts.read}: it came {fused}, dense {dense}, lexical {lexical}"
    )


def _against(parts: Parts | None) -> str:
    return f", threshold {parts.threshold:.2f}" if parts else ""


def _quote(span: Span | None) -> str:
    return f"“{' '.join(span.text.split())}”" if span else "nothing"
