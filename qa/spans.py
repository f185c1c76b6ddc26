"""From windows of logits to spans of articles: all the policy, in pure numpy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from corpus import Passage
from qa.answer import Span
from qa.reader import Window

MAX_ANSWER_TOKENS = 30
_SPANS_PER_WINDOW = 20
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WORD = re.compile(r"\w+")


def best_spans(
    windows: Sequence[Window],
    passages: Sequence[Passage],
    *,
    max_answer_tokens: int = MAX_ANSWER_TOKENS,
) -> list[Span]:
    """The spans of all windows on one scale, best first, each place of a passage once.

    A span's score is its start logit plus its end logit less the null score of the same window, never a softmax over
    the passage, so that spans of different passages compare. Every window gives its 20 best spans before they are
    mapped to characters, merged and sorted; cutting earlier loses answers that several windows share.
    """
    found: dict[tuple[int, int, int], Span] = {}
    for window in windows:
        passage = passages[window.passage]
        for first, last, score in _top_spans(window, max_answer_tokens):
            start, end = whole_words(passage.text, int(window.starts[first]), int(window.ends[last]))
            if start >= end:
                continue
            place = (window.passage, passage.start + start, passage.start + end)
            if place not in found or found[place].score < score:
                found[place] = Span(passage, place[1], place[2], passage.text[start:end], score)
    return sorted(found.values(), key=lambda span: (-span.score, span.start, span.end))


def _top_spans(window: Window, max_tokens: int) -> list[tuple[int, int, float]]:
    """The best (first token, last token, score less null) with first <= last < first + max_tokens, best first."""
    size = len(window.starts)
    if size == 0:
        return []
    width = min(max_tokens, size)
    lasts = np.arange(size)[:, None] + np.arange(width)[None, :]
    inside = lasts < size
    ends: npt.NDArray[np.float32] = np.where(inside, window.end_logits[np.minimum(lasts, size - 1)], -np.inf)
    scores = (window.start_logits[:, None] + ends - window.null_score).ravel()
    count = min(_SPANS_PER_WINDOW, int(inside.sum()))
    best = np.argpartition(-scores, count - 1)[:count]
    best = best[np.argsort(-scores[best], kind="stable")]
    return [(int(i // width), int(i // width + i % width), float(scores[i])) for i in best]


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen half-open offsets to whole words and drop white space and stray punctuation at the ends."""
    while 0 < start < len(text) and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while 0 < end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
        end += 1
    while start < end and (text[start].isspace() or text[start] in ",;:.!?)]}"):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in ",;:([{"):
        end -= 1
    return start, end


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
