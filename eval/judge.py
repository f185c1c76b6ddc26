"""One answer against the accepted ones: its scores, and which stage is to blame when it is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from corpus import Passage
from eval.dataset import Question
from eval.metrics import CORRECT_F1, exact_match, f1
from qa.answer import Answer, Quote, Span, Timings

Failure = Literal["retrieval", "reader", "threshold", "false answer"]
FAILURES: tuple[Failure, ...] = get_args(Failure)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one question; `span` is None when it was refused.

    `exact_match` and `f1` (0 to 1) compare text only. `rank` is the place, from 1, of the first hit that holds an
    accepted answer. `failure` is None when the answer is correct: an F1 of 0.5 or more, from the article that the
    question names, or a refusal where the articles do not say. `citation_exact` says whether everything quoted stands
    in its article at the offsets given, and is None when nothing was quoted.
    """

    question: Question
    span: Span | None
    confidence: float
    exact_match: float
    f1: float
    rank: int | None
    failure: Failure | None
    citation_exact: bool | None
    timings: Timings

    @property
    def correct(self) -> bool:
        """Whether the answer, or the refusal, is right."""
        return self.failure is None

    @property
    def refused(self) -> bool:
        """Whether no answer was given."""
        return self.span is None

    @property
    def article_id(self) -> str | None:
        """The article that the answer is from."""
        return self.span.passage.article_id if self.span else None


def judge(question: Question, answer: Answer) -> Result:
    """Score one answer and, when it is wrong, name the stage that failed.

    "retrieval": no hit holds an accepted answer. "threshold": one does, but the question was refused. "reader": one
    does, but another span or another article was chosen. "false answer": the articles do not say, yet an answer came.
    """
    text = answer.text or ""
    rank = first_relevant(question, [hit.passage for hit in answer.hits])
    score = f1(text, question.answers)
    quotes = (*([answer.best] if answer.best else []), *answer.alternatives)
    return Result(
        question=question,
        span=answer.span,
        confidence=answer.confidence,
        exact_match=exact_match(text, question.answers),
        f1=score,
        rank=rank,
        failure=_failure(question, answer.span, score, rank),
        citation_exact=all(_is_exact(answer, quote) for quote in quotes) if quotes else None,
        timings=answer.timings,
    )


def first_relevant(question: Question, passages: Sequence[Passage]) -> int | None:
    """The place, from 1, of the first passage of the question's article that holds an accepted answer, in any case.

    Without an `article_id` any article will do. Line breaks count as spaces, and an answer must not cut a number or
    an (ASCII) word: "22" is not in "2022".
    """
    if not question.answers:
        return None
    wanted = re.compile("|".join(_pattern(answer) for answer in question.answers), re.IGNORECASE)
    for rank, passage in enumerate(passages, start=1):
        if question.article_id in (None, passage.article_id) and wanted.search(" ".join(passage.text.split())):
            return rank
    return None


def _pattern(answer: str) -> str:
    text = " ".join(answer.split())
    before, after = (_run(text[0]), _run(text[-1]))
    return (f"(?<!{before})" if before else "") + re.escape(text) + (f"(?!{after})" if after else "")


def _run(character: str) -> str:
    """The characters that would make `character` a part of a longer number or word; "" if there are none."""
    if character.isdecimal():
        return r"\d"
    return "[A-Za-z]" if character.isascii() and character.isalpha() else ""


def _failure(question: Question, span: Span | None, score: float, rank: int | None) -> Failure | None:
    if not question.answerable:
        return "false answer" if span else None
    if span and score >= CORRECT_F1 and question.article_id in (None, span.passage.article_id):
        return None
    if rank is None:
        return "retrieval"
    return "reader" if span else "threshold"


def _is_exact(answer: Answer, quote: Quote) -> bool:
    article = answer.articles.get(quote.span.passage.article_id)
    if article is None:
        return False
    span, sentence_end = quote.span, quote.sentence_start + len(quote.sentence)
    return (
        article.text[span.start : span.end] == span.text
        and article.text[quote.sentence_start : sentence_end] == quote.sentence
        and quote.sentence_start <= span.start <= span.end <= sentence_end
    )
