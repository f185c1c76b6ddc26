"""What retrieval and the reader do alone on one question, so that a failure can be put down to a stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corpus import LibraryError, Passage
from eval.dataset import Question
from eval.gold import gold_passages, occurrences
from index import Hit
from qa import ArticleQA
from qa.answer import Answer, Span
from qa.spans import best_spans

RETRIEVED = 20
"""How many passages retrieval alone is asked for."""

_DEEP = 5_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What the parts of the assistant do by themselves on one question.

    `guess` is the best span found, given or withheld. `gold` holds the passages with an accepted answer: all of the
    question's article, or without an `article_id` those among the first 20 found; what was found comes first. `ranks`
    are the places, from 1, of gold passages among these 20. `reading` is the best span of the gold passages alone,
    read only when the question names its article. `searched` is set when no passage that was read is a gold one: the
    place of the first one in the dense and in the lexical search alone, None where it is not found. `read` is how many
    passages are read at most, and `threshold` the confidence from which an answer is given.
    """

    guess: Span | None
    gold: tuple[Passage, ...]
    ranks: tuple[int, ...]
    reading: Span | None
    searched: tuple[int | None, int | None] | None
    read: int
    threshold: float

    @property
    def found_alone(self) -> bool:
        """Whether one of the two searches alone would have brought a gold passage among those that are read."""
        return any(rank is not None and rank <= self.read for rank in self.searched or ())


def look_into(bot: ArticleQA, question: Question, answer: Answer) -> Parts:
    """Let the parts of `bot` do again by themselves what they did for this answer."""
    asked = answer.understood_as
    if answer.span:
        guess: Span | None = answer.span
    else:
        guess = next((one.span for one in bot.read(asked, answer.hits)), None)
    found = [hit.passage for hit in bot.library.search(asked, k=RETRIEVED)]
    relevant = [passage for passage in found if occurrences(question, passage)]
    gold = tuple(dict.fromkeys([*relevant, *_gold_of_article(bot, question)]))
    missed = question.answerable and not any(occurrences(question, hit.passage) for hit in answer.hits)
    settings = bot.settings
    return Parts(
        guess=guess,
        gold=gold,
        ranks=tuple(found.index(passage) + 1 for passage in relevant),
        reading=_read(bot, asked, gold) if question.article_id else None,
        searched=_searched_alone(bot, asked, lambda one: bool(occurrences(question, one))) if missed else None,
        read=settings.passages,
        threshold=bot.calibrator.threshold if settings.threshold is None else settings.threshold,
    )


def _gold_of_article(bot: ArticleQA, question: Question) -> Sequence[Passage]:
    if not question.answerable or question.article_id is None:
        return ()
    try:
        return gold_passages(question, bot.library.article(question.article_id))
    except LibraryError:  # the library does not have it, so retrieval cannot find it
        return ()


def _read(bot: ArticleQA, asked: str, passages: Sequence[Passage]) -> Span | None:
    windows = bot.reader.read(asked, [passage.text for passage in passages]) if passages else []
    longest = bot.settings.max_answer_tokens
    return next(iter(best_spans(windows, passages, question=asked, max_answer_tokens=longest)), None)


def _searched_alone(
    bot: ArticleQA, asked: str, is_gold: Callable[[Passage], bool]
) -> tuple[int | None, int | None] | None:
    """The first gold passage's place by the cosine alone and by BM25 alone, among the first 5,000 passages."""
    hits = bot.library.search(asked, k=_DEEP)
    gold = [hit for hit in hits if is_gold(hit.passage)]
    return _place(hits, gold, lambda hit: hit.dense), _place(hits, gold, lambda hit: hit.lexical)


def _place(hits: Sequence[Hit], gold: Sequence[Hit], score: Callable[[Hit], float]) -> int | None:
    best = max((score(hit) for hit in gold), default=0.0)
    return 1 + sum(score(hit) > best for hit in hits) if best > 0 else None
