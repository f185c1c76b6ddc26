"""From windows of logits to spans of articles: all the policy, in pure numpy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, groupby

import numpy as np
import numpy.typing as npt

from corpus import Passage
from qa.answer import Span
from qa.boundaries import quotable
from qa.reader import MAX_ANSWER_TOKENS, Window

_SPANS_PER_WINDOW = 20
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WORD = re.compile(r"\w+")
SEPARATOR = re.compile(r",? (?:and|or|&) |[,;] ")
_COUNTS = {word: n for n, word in enumerate("two three four five six seven eight nine ten".split(), start=2)}
_ASKED = re.compile(rf"\b(?:which|what|who|name|list|are|were)\b.*?\b({'|'.join(_COUNTS)})\b", re.IGNORECASE)
_LIST_MARGIN = 2.0
_TEMPERATURE = 1.25
"""Of the reader's logits as probabilities: the most likely of `eval/data/news-dev.jsonl.gz`."""
_EXACT_WEIGHT = 0.3
"""Of exact match beside F1 in what is expected of a span: chosen on the development files. More makes spans shorter."""


def best_spans(
    windows: Sequence[Window],
    passages: Sequence[Passage],
    *,
    question: str = "",
    max_answer_tokens: int = MAX_ANSWER_TOKENS,
) -> list[Span]:
    """The spans of all windows on one scale, best first, each place of a passage once.

    A span's score is its start logit plus its end logit less the null score of the same window, never a softmax over
    the passage, so that spans of different passages compare. Every window gives its 20 best spans before they are
    mapped to characters, merged and sorted; cutting earlier loses answers that several windows share. In each passage
    the span that agrees best with the others goes first, by `_by_agreement`. What is quoted
    follows `qa.boundaries` and never runs over the end of a line; where the question asks for several things
    ("which two …"), the whole list is quoted.
    """
    found: dict[tuple[int, int, int], Span] = {}
    for window in windows:
        passage = passages[window.passage]
        for first, last, score in window.top_spans(_SPANS_PER_WINDOW, max_tokens=max_answer_tokens):
            start, end = quotable(passage.text, int(window.starts[first]), int(window.ends[last]), question)
            if start >= end or "\n" in passage.text[start:end]:
                continue
            place = (window.passage, passage.start + start, passage.start + end)
            if place not in found or found[place].score < score:
                found[place] = Span(passage, place[1], place[2], passage.text[start:end], score)
    ordered = sorted(found.values(), key=lambda span: (span.passage.article_id, span.passage.start, -span.score))
    passages_spans = groupby(ordered, key=lambda span: span.passage)
    spans = _whole_lists([one for _, some in passages_spans for one in _by_agreement(list(some))], question)
    return sorted(spans, key=lambda span: (-span.score, span.start, span.end))


def _by_agreement(spans: list[Span]) -> list[Span]:
    """The spans of a passage, best first, where the one of greatest expected score trades scores with the best.

    What is expected is token F1, and `_EXACT_WEIGHT` times exact match, against an answer drawn from the reader's own
    distribution over its 20 best spans (minimum Bayes risk decoding, Kumar and Byrne 2004). Where the reader wavers
    between "the 24 Hours", "24 Hours" and "the 24 Hours of Spa", this takes the one that the others are nearest to.
    """
    best = spans[:_SPANS_PER_WINDOW]
    logits = np.array([one.score for one in best]) / _TEMPERATURE
    weights = np.exp(logits - logits.max())
    chosen = int(np.argmax(_likeness([normalised(one.text) for one in best]) @ weights))
    first, agreed = spans[0], spans[chosen]
    swapped = {0: replace(agreed, score=first.score), chosen: replace(first, score=agreed.score)}
    return [swapped.get(place, one) for place, one in enumerate(spans)]


def _likeness(answers: Sequence[tuple[str, ...]]) -> npt.NDArray[np.float64]:
    """Token F1 and `_EXACT_WEIGHT` times exact match of each answer, as its words, against each other: shape (n, n)."""
    columns = {word: column for column, word in enumerate(dict.fromkeys(chain.from_iterable(answers)))}
    counts = np.zeros((len(answers), len(columns)), np.int64)
    for row, words in enumerate(answers):
        np.add.at(counts[row], [columns[word] for word in words], 1)
    shared, sizes = 2 * np.minimum(counts[:, None], counts).sum(axis=2), counts.sum(axis=1)
    both = sizes[:, None] + sizes
    alike: npt.NDArray[np.float64] = _EXACT_WEIGHT * (shared == both) + shared / both
    return alike


def _whole_lists(spans: list[Span], question: str) -> list[Span]:
    """Put lists of as many items as the question asks for in place of parts of them that score a little better.

    The list takes the score of its best part; two logits is how far it may lie behind.
    """
    asked = _ASKED.search(question)
    if asked is None:
        return spans
    wanted = _COUNTS[asked[1].lower()]
    for whole in [one for one in spans if len(SEPARATOR.split(one.text)) == wanted]:
        parts = [
            one
            for one in spans
            if one.passage == whole.passage
            and whole.start <= one.start <= one.end <= whole.end
            and len(SEPARATOR.split(one.text)) < wanted
            and whole.score <= one.score <= whole.score + _LIST_MARGIN
        ]
        if parts:
            best = max(one.score for one in parts)
            spans = [one for one in spans if one not in parts and one != whole] + [replace(whole, score=best)]
    return spans


@lru_cache(maxsize=4096)
def normalised(text: str) -> tuple[str, ...]:
    """The words of an answer for comparing it with another: lower case, without articles and punctuation."""
    return tuple(_WORD.findall(_ARTICLES.sub(" ", text.lower()))) or (text.lower().strip(),)


def same_answer(one: Span, other: Span) -> bool:
    """Whether two spans say the same: they overlap in the article, or one's words hold all words of the other."""
    a, b = normalised(one.text), normalised(other.text)
    return overlap(one, other) or _holds(a, b) or _holds(b, a)


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans share characters of the same article."""
    return one.passage.article_id == other.passage.article_id and one.start < other.end and other.start < one.end


def _holds(words: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return any(words[i : i + len(part)] == part for i in range(len(words) - len(part) + 1))
