"""What a question is searched for: its misspelt words put right, its acronyms, quoted phrases and dates understood."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache

import numpy as np

from corpus.articles import Article
from index.arrays import Rows
from index.database import Database
from index.embedder import BUNDLED_EMBEDDER
from index.periods import Period

_WORD = re.compile(r"[^\W\d_]+")
_PHRASE = re.compile(r'["“”„]\s*([^"“”„]*\w[^"“”„]*?)\s*["“”„]')
_ACRONYM = re.compile(r"\b[A-Z]{2,6}\b")
_IN_BRACKETS = re.compile(r"\(([^()]{2,80})\)")
_LINKING = frozenset("a an and at de des di du et for in l la le les of on the to und von".split())
_SHORTEST = 5
_LONG = 8


@dataclass(frozen=True, slots=True)
class Within:
    """The articles a search is limited to: by id, by source, by day of publication (both days included).

    None limits nothing; an article without a date is in no range of days.
    """

    articles: Collection[str] | None = None
    sources: Collection[str] | None = None
    since: date | None = None
    until: date | None = None

    def holds(self, article: Article) -> bool:
        """Whether the search may find this article."""
        if self.articles is not None and article.id not in self.articles:
            return False
        if self.sources is not None and article.source not in self.sources:
            return False
        if self.since is None and self.until is None:
            return True
        return article.published is not None and (
            (self.since or date.min) <= article.published <= (self.until or date.max)
        )

    def condition(self) -> tuple[str, list[str]]:
        """The same as a condition of SQL over the table of articles, with its values."""
        parts, values = ["1"], []
        for column, kept in (("id", self.articles), ("source", self.sources)):
            if kept is not None:
                parts.append(f"{column} IN (SELECT value FROM json_each(?))")  # noqa: S608
                values.append(json.dumps(sorted(kept)))
        for sign, day in ((">=", self.since), ("<=", self.until)):
            if day is not None:
                parts.append(f"published {sign} ?")
                values.append(day.isoformat())
        return " AND ".join(parts), values


@dataclass(frozen=True, slots=True)
class Understood:
    """What a question is searched for.

    `text` is the question with misspelt words put right, each of them in `corrections` as (typed, searched).
    `expansions` are the acronyms that the articles explain, as (in the question, also searched). Passages must hold one
    of the `phrases`. `period` is what the question says about dates. `notes` says in a sentence each what could not be
    done. `only` are the numbers of the passages that may be found, ascending; None means all.
    """

    asked: str
    text: str
    corrections: tuple[tuple[str, str], ...] = ()
    expansions: tuple[tuple[str, str], ...] = ()
    phrases: tuple[str, ...] = ()
    period: Period | None = None
    notes: tuple[str, ...] = ()
    only: Rows | None = field(default=None, compare=False, repr=False)

    @property
    def words(self) -> str:
        """What is searched word by word: the text and what its acronyms stand for."""
        return " ".join([self.text, *(added for _, added in self.expansions)])

    @property
    def is_changed(self) -> bool:
        """Whether something else is searched than what was asked."""
        return self.text != self.asked or bool(self.expansions) or self.only is not None


def rows_within(database: Database, within: Within) -> Rows:
    """The numbers of the passages of these articles, ascending."""
    condition, values = within.condition()
    query = f"SELECT row FROM passages WHERE article IN (SELECT row FROM articles WHERE {condition}) ORDER BY row"  # noqa: S608
    return np.array([row for (row,) in database.rows(query, values)], np.int64)


class Vocabulary:
    """The words of a library as its lexical index holds them (stemmed), with the number of passages that hold each."""

    def __init__(self, frequencies: Mapping[str, int], analyze: Callable[[str], list[str]]) -> None:
        """`analyze` turns a text into the index's words."""
        self._frequencies = frequencies
        self._analyze = analyze

    def __contains__(self, word: str) -> bool:
        """Whether a passage holds this word, in any form of it."""
        return any(one in self._frequencies for one in self._analyze(word))

    def nearest(self, word: str) -> str | None:
        """The indexed word that was probably meant by one that no passage holds; None when none is near enough.

        One edit away (a letter more, less or another, or two exchanged), two from 8 letters on, with the same first
        letter; of several the nearest, then the most frequent. Words shorter than 5 letters are left alone.
        """
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        typed = word.lower()
        if len(typed) < _SHORTEST or word in self or typed in _known_words():
            return None
        stems = self._analyze(word)
        if len(stems) != 1:
            return None
        most = 2 if len(typed) >= _LONG else 1
        near: dict[str, float] = {}
        for form in {typed, stems[0]}:  # an edit at the end can change what the stemmer takes off
            for term, distance, _ in extract(
                form, self._by_letter.get(form[0], ()), scorer=OSA.distance, score_cutoff=most, limit=None
            ):
                near[term] = min(distance, near.get(term, distance))
        near = {term: distance for term, distance in near.items() if not any(c.isdigit() for c in term)}
        if not near:
            return None
        return min(near, key=lambda term: (near[term], -self._frequencies[term], term))

    @cached_property
    def _by_letter(self) -> dict[str, list[str]]:
        letters: dict[str, list[str]] = {}
        for term in self._frequencies:
            if len(term) >= _SHORTEST - 1:
                letters.setdefault(term[0], []).append(term)
        return letters


def misspelt(question: str, vocabulary: Vocabulary) -> dict[str, str]:
    """The words of a question that no passage holds, with the indexed word that each probably means."""
    found = {}
    for word in dict.fromkeys(_WORD.findall(question)):
        if not (word.isupper() and len(word) > 1) and (term := vocabulary.nearest(word)):
            found[word] = term
    return found


def written(term: str, text: str, analyze: Callable[[str], list[str]]) -> str | None:
    """The first word of a text that the index holds as `term`, as it is written there."""
    return next((word for word in _WORD.findall(text) if analyze(word) == [term]), None)


def replaced(question: str, corrections: Iterable[tuple[str, str]]) -> str:
    """The question with whole words replaced."""
    for typed, meant in corrections:
        question = re.sub(rf"(?<!\w){re.escape(typed)}(?!\w)", lambda _, meant=meant: meant, question)  # type: ignore[misc]
    return question


def phrases_in(question: str) -> tuple[str, ...]:
    """What stands in double quotation marks.

    >>> phrases_in('Who said "we missed out" there?')
    ('we missed out',)
    """
    return tuple(dict.fromkeys(" ".join(found.split()) for found in _PHRASE.findall(question)))


def holds_phrase(phrase: str, text: str) -> bool:
    """Whether a text holds a phrase as whole words, in any case of letters and with any white space."""
    pattern = r"\s+".join(re.escape(word) for word in phrase.split())
    return re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE) is not None


def acronyms_of(question: str) -> list[str]:
    """Words of two to six capitals; none when the whole question is written in capitals."""
    return [] if question.upper() == question else list(dict.fromkeys(_ACRONYM.findall(question)))


def long_forms(texts: Sequence[str]) -> dict[str, str]:
    """Acronyms that texts explain in brackets, either way round, with their long forms.

    >>> long_forms(["the Federation Internationale de l'Automobile (FIA) said"])
    {'FIA': "Federation Internationale de l'Automobile"}
    """
    found: dict[str, str] = {}
    for text in texts:
        for bracket in _IN_BRACKETS.finditer(text):
            inside, before = bracket[1].strip(), text[max(0, bracket.start() - 120) : bracket.start()]
            if _ACRONYM.fullmatch(inside):
                if long := _ends_with(before, inside):
                    found.setdefault(inside, long)
            elif (short := re.search(r"([A-Z]{2,6})\s*$", before)) and _ends_with(inside, short[1]) == inside:
                found.setdefault(short[1], inside)
    return found


def _ends_with(text: str, acronym: str) -> str | None:
    """The last words of a text whose initials are the acronym; small words may be left out of it."""
    words = list(re.finditer(r"[^\W\d_]+", re.split(r"[.;:()\n]", text.rstrip())[-1].rstrip()))
    tail = re.split(r"[.;:()\n]", text.rstrip())[-1].rstrip()
    if not words or words[-1].end() != len(tail):
        return None
    left = acronym.lower()
    for word in reversed(words):
        lower = word[0].lower()
        if left and lower[0] == left[-1] and (lower not in _LINKING or len(left) > 1):
            left = left[:-1]
        elif lower not in _LINKING:
            return None
        if not left:
            return tail[word.start() :]
    return None


@lru_cache(maxsize=1)
def _known_words() -> frozenset[str]:
    """Words that the bundled tokenizer knows whole: common English ones, which are no misspelling of rarer ones."""
    tokenizer = json.loads((BUNDLED_EMBEDDER / "tokenizer.json").read_text(encoding="utf-8"))
    return frozenset(tokenizer["model"]["vocab"])
