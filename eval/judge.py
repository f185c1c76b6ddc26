"""One answer against the accepted ones: its scores, and which stage is to blame when it is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from eval.dataset import Question
from eval.gold import first_relevant, occurrences
from eval.metrics import CORRECT_F1, exact_match, f1
from eval.parts import Parts
from qa.answer import Answer, Quote, Span, Timings

Failure = Literal["retrieval", "fusion", "reader", "span", "threshold", "false answer"]
FAILURES: tuple[Failure, ...] = get_args(Failure)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one question; `span` is None when it was refused.

    `exact_match` and `f1` (0 to 1) compare text only. `rank` is the place, from 1, of the first hit that holds an
    accepted answer. `failure` is None when the answer is correct: an F1 of 0.5 or more, from the article that the
    question names, or a refusal where the articles do not say. `citation_exact` says whether everything quoted stands
    in its article at the offsets given, and is None when nothing was quoted. `parts` is what the parts do alone, where
    they were asked.
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
    parts: Parts | None = None

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

    @property
    def guess(self) -> Span | None:
        """The best span, given or withheld."""
        return self.span or (self.parts.guess if self.parts else None)


def judge(question: Question, answer: Answer, parts: Parts | None = None) -> Result:
    """Score one answer and, when it is wrong, name the stage that failed.

    - "false answer": the articles do not say, yet an answer came.
    - "threshold": the best span was right, but it was withheld.
    - "retrieval": no passage that was read holds an accepted answer.
    - "fusion": the same, but the dense or the lexical search alone would have brought one.
    - "span": the best span overlaps an accepted answer where it stands, but its F1 is below 0.5.
    - "reader": a passage with an accepted answer was read, but another place or another article was chosen.

    Without `parts` it is not known what was withheld, nor what each search found: then whatever was refused is put
    down to the threshold, and nothing to fusion.
    """
    text = answer.text or ""
    rank = first_relevant(question, [hit.passage for hit in answer.hits])
    quotes = (*([answer.best] if answer.best else []), *answer.alternatives)
    return Result(
        question=question,
        span=answer.span,
        confidence=answer.confidence,
        exact_match=exact_match(text, question.answers),
        f1=f1(text, question.answers),
        rank=rank,
        failure=_failure(question, answer, rank, parts),
        citation_exact=all(_is_exact(answer, quote) for quote in quotes) if quotes else None,
        timings=answer.timings,
        parts=parts,
    )


def is_right(question: Question, span: Span | None) -> bool:
    """Whether the span answers the question: an F1 of 0.5 or more, from the article that the question names, if any."""
    if span is None or question.article_id not in (None, span.passage.article_id):
        return False
    return question.answerable and f1(span.text, question.answers) >= CORRECT_F1


def _failure(question: Question, answer: Answer, rank: int | None, parts: Parts | None) -> Failure | None:
    if not question.answerable:
        return "false answer" if answer.span else None
    if is_right(question, answer.span):
        return None
    guess = answer.span or (parts.guess if parts else None)
    if is_right(question, guess):
        return "threshold"
    if rank is None and not _reached(question, answer, parts):
        return "fusion" if parts and parts.found_alone else "retrieval"
    if guess is None and parts is None:
        return "threshold"
    return "span" if guess and _touches(question, guess) else "reader"


def _reached(question: Question, answer: Answer, parts: Parts | None) -> bool:
    """Whether the article was found of a question whose accepted answers stand, word for word, in no passage."""
    nowhere = parts is not None and not parts.gold and question.article_id is not None
    return nowhere and any(hit.passage.article_id == question.article_id for hit in answer.hits)


def _touches(question: Question, span: Span) -> bool:
    return any(start < span.end and span.start < end for start, end in occurrences(question, span.passage))


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
