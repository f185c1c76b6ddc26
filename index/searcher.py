"""Searches over one immutable state of a library, and how the next state is made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from corpus import Article, Passage
from index.arrays import Floats, Rows
from index.closeness import closeness
from index.database import Database
from index.duplicates import Copies
from index.fusion import fuse
from index.lexical import LexicalIndex
from index.periods import Period, period_in
from index.query import (
    Understood,
    Vocabulary,
    Within,
    acronyms_of,
    holds_phrase,
    long_forms,
    misspelt,
    phrases_in,
    replaced,
    rows_within,
    written,
)
from index.store import Vectors

_POOL = 50
_DEEPEST = 1_000
_PHRASE_POOL = 1_000
_EXPLAINING = 10
_REREAD = 30
_MOST_WORDS = 200
_OF_PERIOD = 0.02


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question: the fused score (0 to 1), the cosine and the BM25 score it is made of.

    `copies` are the ids of other articles that have the same passage and were left out for it.
    """

    passage: Passage
    article: Article
    score: float
    dense: float
    lexical: float
    copies: tuple[str, ...] = ()


class Searcher:
    """The dense and the lexical index of one generation. Never changed once made, so any thread may search it."""

    def __init__(self, generation: int, dense: Vectors, lexical: LexicalIndex) -> None:
        self.generation = generation
        self.dense = dense
        self.lexical = lexical
        self._copies = Copies()

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of this generation, made when a question first needs them."""
        return Vocabulary(self.lexical.terms(), self.lexical.words)

    def understand(self, database: Database, question: str, *, today: date) -> Understood:
        """What a question is searched for in this library; `today` is what `last week` is counted from."""
        corrections = self._corrections(database, question)
        text = replaced(question, corrections)
        phrases, period = phrases_in(question), period_in(question, today)
        only: Rows | None = None
        notes: list[str] = []
        for phrase in phrases:
            rows = self._holding(database, phrase)
            if len(rows):
                only = rows if only is None else np.union1d(only, rows)
            else:
                notes.append(f"no passage holds the words “{phrase}” like that")
        if period and period.is_publication:
            dated = rows_within(database, Within(since=period.since, until=period.until))
            both = dated if only is None else np.intersect1d(dated, only)
            if len(both):
                only = both
            else:
                notes.append(f"no article with the date asked for ({period.named})")
        expansions = self._expansions(database, text)
        return Understood(question, text, corrections, expansions, phrases, period, tuple(notes), only)

    def search(
        self, database: Database, asked: Understood, vector: Floats, k: int, *, within: Within | None = None
    ) -> list[Hit]:
        """The `k` best passages, best first, ties by row; passages removed from the library since are left out.

        What is in the hits already as a copy in another article is named there and does not count.
        """
        only = asked.only
        if within is not None:
            allowed = rows_within(database, within)
            limited = allowed if only is None else np.intersect1d(only, allowed)
            only = limited if len(limited) else allowed  # the question's own wish gives way, the filter never does
        pool = max(_POOL, k)
        while True:
            fused, dense, lexical = self._fused(database, asked, vector, pool, only)
            if asked.period and not asked.period.is_publication:
                self._prefer(database, asked.period, fused)
            best = sorted(fused, key=lambda row: (-fused[row], row))
            hits = self._distinct(database, best, fused, dense, lexical, k)
            if len(hits) >= k or len(fused) < pool or pool > _DEEPEST:
                return hits
            pool *= 4

    def _fused(
        self, database: Database, asked: Understood, vector: Floats, pool: int, only: Rows | None
    ) -> tuple[dict[int, float], dict[int, float], dict[int, float]]:
        dense = _by_number(*self.dense.search(vector, pool, only=only))
        lexical = self.lexical.search(asked.words, pool, only=only)
        others = np.array(sorted(lexical.keys() - dense.keys()), np.int64)
        dense |= _by_number(others, self.dense.cosines(vector, others))
        fused = fuse(dense, lexical)
        first = sorted(fused, key=lambda row: (-fused[row], row))[:_REREAD]
        return fuse(dense, lexical, self._closeness(database, asked.words, first)), dense, lexical

    def _closeness(self, database: Database, text: str, rows: Sequence[int]) -> dict[int, tuple[float, float]]:
        """How closely the words of these passages follow those of the question."""
        words = self.lexical.words(text)[:_MOST_WORDS]
        weights = self.lexical.weights(frozenset(words))
        found = database.passages(rows).items()
        return {row: closeness(words, self.lexical.words(one.passage.text), weights) for row, one in found}

    def _distinct(
        self,
        database: Database,
        best: Sequence[int],
        fused: Mapping[int, float],
        dense: Mapping[int, float],
        lexical: Mapping[int, float],
        k: int,
    ) -> list[Hit]:
        """The first `k` of the passages that say nothing another article has said already, word for word."""
        hits: list[Hit] = []
        if k < 1:
            return hits
        for first in range(0, len(best), 2 * k):
            rows = database.passages(best[first : first + 2 * k])
            for row in best[first : first + 2 * k]:
                if row not in rows:
                    continue
                passage, article = rows[row].passage, rows[row].article
                same = next(
                    (i for i, hit in enumerate(hits) if self._copies.covers(hit.article, article, passage)), None
                )
                if same is None:
                    hits.append(Hit(passage, article, fused[row], dense[row], lexical.get(row, 0.0)))
                elif article.id not in hits[same].copies:
                    hits[same] = replace(hits[same], copies=(*hits[same].copies, article.id))
                if len(hits) == k:
                    return hits
        return hits

    def _prefer(self, database: Database, period: Period, fused: dict[int, float]) -> None:
        """Raise a little what was published in the period that the question names."""
        inside = rows_within(database, Within(since=period.since, until=period.until))
        for row in np.intersect1d(inside, np.fromiter(fused, np.int64, len(fused))).tolist():
            fused[row] = min(1.0, fused[row] + _OF_PERIOD)

    def _corrections(self, database: Database, question: str) -> tuple[tuple[str, str], ...]:
        found = []
        for typed, term in misspelt(question, self.vocabulary).items():
            rows = database.passages(sorted(self.lexical.search(term, _EXPLAINING)))
            words = (written(term, one.passage.text, self.lexical.words) for one in rows.values())
            found.append((typed, next((word for word in words if word), term)))
        return tuple(found)

    def _expansions(self, database: Database, text: str) -> tuple[tuple[str, str], ...]:
        """Acronyms of the question with what the library says they stand for, and the other way round."""
        found: list[tuple[str, str]] = []
        for short in acronyms_of(text):
            rows = database.passages(sorted(self.lexical.search(short, _EXPLAINING)))
            long = long_forms([one.passage.text for one in rows.values()]).get(short)
            if long and long.lower() not in text.lower():
                found.append((short, long))
        return tuple(found)

    def _holding(self, database: Database, phrase: str) -> Rows:
        rows = database.passages(sorted(self.lexical.search(phrase, _PHRASE_POOL)))
        return np.array([row for row, one in rows.items() if holds_phrase(phrase, one.passage.text)], np.int64)


def heading(article: Article) -> str:
    """What is indexed before each passage's text: the article's title and date."""
    if not article.published:
        return article.title
    day = article.published
    return f"{article.title} ({day.day} {day:%B %Y})"


def indexed_text(article: Article, passage: Passage) -> str:
    """What is embedded for a passage."""
    return f"{heading(article)}\n{passage.text}"


def _by_number(rows: Rows, scores: Floats) -> dict[int, float]:
    return dict(zip(rows.tolist(), scores.tolist(), strict=True))
