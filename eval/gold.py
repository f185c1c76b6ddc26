"""Where the accepted answers of a question stand in the articles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from corpus import Article, Passage, split
from eval.dataset import Question


def occurrences(question: Question, passage: Passage) -> list[tuple[int, int]]:
    """Where in the article the passage holds an accepted answer, half-open, none overlapping; in any case of letters.

    Without an `article_id` any article will do. Line breaks count as spaces, and an answer must not cut a number or
    an (ASCII) word: "22" is not in "2022".
    """
    if not question.answers or question.article_id not in (None, passage.article_id):
        return []
    found = _pattern(question.answers).finditer(passage.text)
    return [(passage.start + one.start(), passage.start + one.end()) for one in found]


def first_relevant(question: Question, passages: Sequence[Passage]) -> int | None:
    """The place, from 1, of the first passage that holds an accepted answer (see `occurrences`)."""
    return next((rank for rank, passage in enumerate(passages, start=1) if occurrences(question, passage)), None)


def gold_passages(question: Question, article: Article) -> list[Passage]:
    """The passages of the question's article that hold an accepted answer, in order."""
    return [passage for passage in _passages(article) if occurrences(question, passage)]


@lru_cache(maxsize=64)
def _passages(article: Article) -> tuple[Passage, ...]:
    return tuple(split(article))


@lru_cache(maxsize=256)
def _pattern(answers: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the answers, the longest that fits."""
    longest_first = sorted(answers, key=len, reverse=True)
    return re.compile("|".join(_one(answer.split()) for answer in longest_first), re.IGNORECASE)


def _one(words: Sequence[str]) -> str:
    before, after = _run(words[0][0]), _run(words[-1][-1])
    text = r"\s+".join(map(re.escape, words))
    return (f"(?<!{before})" if before else "") + text + (f"(?!{after})" if after else "")


def _run(character: str) -> str:
    """The characters that would make `character` a part of a longer number or word; "" if there are none."""
    if character.isdecimal():
        return r"\d"
    return "[A-Za-z]" if character.isascii() and character.isalpha() else ""
