"""Copies of one article under several names: wire reports that many papers print, with small edits."""

from __future__ import annotations

import re
from functools import lru_cache

from corpus import Article, Passage

SHINGLE = 4
_ALIKE = 0.5
_INSIDE = 0.8
_APART = 2  # equal words that part one change from the next
_MOST_WORDS = 4_000
_TOKEN = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_HEAD = re.compile(
    r"\s*(?:by [^\n]{1,60}\n\s*)?(?:[^\n]{0,80}?\s[-\u2013\u2014]{1,2}\s)?", re.IGNORECASE
)  # byline, place and day
_AGENCIES = frozenset("afp ap agencies associated dpa press reuters staff upi wire xinhua".split())


def are_copies(one: Article, other: Article) -> bool:
    """Whether two articles are the same report, up to small edits.

    Most of the shorter one's runs of 4 words stand in the other too, and nowhere has a number or a name taken the place
    of another, as in two reports made from one template.

    The first 4,000 words count. What stands before the text (the writer, the place and day up to a dash) and the names
    of agencies may differ.
    """
    if one.sha256 == other.sha256:
        return True
    a, b = _words(one.text), _words(other.text)
    first, second = _shingles(a), _shingles(b)
    shared, least = len(first & second), min(len(first), len(second))
    if not least or shared < _INSIDE * least or shared < _ALIKE * len(first | second):
        return False
    return not _other_facts(a, b)


def is_copied(passage: Passage, article: Article) -> bool:
    """Whether an article that is a copy of the passage's own holds this very passage, up to small edits."""
    own = _shingles(_words(passage.text))
    return bool(own) and len(own & _shingles(_words(article.text))) >= _INSIDE * len(own)


class Copies:
    """Remembers which articles are copies of each other, so that a pair is compared once."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._compared = lru_cache(maxsize=4096)(are_copies)

    def covers(self, kept: Article, article: Article, passage: Passage) -> bool:
        """Whether `passage` of `article` says nothing that `kept`, another article, does not say word for word."""
        if kept.id == article.id:
            return False
        pair = (kept, article) if kept.id < article.id else (article, kept)
        return is_copied(passage, kept) and self._compared(*pair)


def _other_facts(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Whether a number or a name in one stands where another number or name stands in the other."""
    from rapidfuzz.distance import Indel

    gone: list[str] = []
    come: list[str] = []
    for step in Indel.opcodes([word.lower() for word in a], [word.lower() for word in b]):
        if step.tag == "delete":
            gone += a[step.src_start : step.src_end]
        elif step.tag == "insert":
            come += b[step.dest_start : step.dest_end]
        elif step.src_end - step.src_start >= _APART:
            if _differ(gone, come):
                return True
            gone, come = [], []
    return _differ(gone, come)


def _differ(gone: list[str], come: list[str]) -> bool:
    """Whether both sides of one change have facts that the other side has not."""
    before, after = _facts(gone), _facts(come)
    return bool(before - after) and bool(after - before)


def _facts(words: list[str]) -> frozenset[str]:
    """The numbers and names among words; not those of agencies, which differ from paper to paper."""
    found = (word.lower() for word in words if word[0].isdigit() or word[0].isupper())
    return frozenset(found) - _AGENCIES


@lru_cache(maxsize=256)
def _words(text: str) -> tuple[str, ...]:
    head = _HEAD.match(text)
    return tuple(_TOKEN.findall(text, head.end() if head else 0, 12 * _MOST_WORDS)[:_MOST_WORDS])


@lru_cache(maxsize=256)
def _shingles(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    lower = " ".join(words).lower().split()
    length = min(SHINGLE, len(lower))
    return frozenset(zip(*(lower[first:] for first in range(length)), strict=False))
