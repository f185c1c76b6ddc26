"""What the reader learns from: questions on passages, with the span that answers or with none."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar, get_args

from corpus.sentences import without
from eval.dataset import ReadingExample, load_reading
from eval.wrong_passages import WrongPassages

T = TypeVar("T")
Kind = Literal["answerable", "unanswerable", "wrong passage", "sentence cut", "name swapped"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SHINGLE = 13
_NAME = re.compile(r"\b(?:[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*|\d[\d.,]*\d|\d)")
_WORD = re.compile(r"\w+")
_OPENINGS = ("Tell me, ", "Do you know ", "According to the article, ", "I wonder, ")
_CONTRACTIONS = {
    "Who is": "Who's",
    "What is": "What's",
    "Where is": "Where's",
    "did not": "didn't",
    "does not": "doesn't",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A question on a passage; the answer is `passage[start:end]`, or nothing when `start` is -1."""

    kind: Kind
    question: str
    passage: str
    start: int = -1
    end: int = -1


@dataclass(frozen=True, slots=True)
class Source:
    """One file of reading data, and how many questions a pass takes from it (None: each once)."""

    path: Path
    count: int | None = None

    @classmethod
    def parse(cls, text: str) -> Source:
        """`FILE` or `FILE:COUNT`."""
        path, _, count = text.rpartition(":")
        return cls(Path(path), int(count)) if path and count.isdigit() else cls(Path(text))

    def draw(self, found: Sequence[T], rng: random.Random) -> list[T]:
        """As many of what was found in it as it says, at random."""
        return rng.sample(found, min(self.count or len(found), len(found)))


class Questions:
    """The questions of one source and the negatives that can be made of them.

    `shares` gives, for each kind of negative, how many are made for each answerable question.
    """

    def __init__(self, source: Source, *, held_out: frozenset[tuple[str, ...]] = frozenset()) -> None:
        """Load the source without every passage that shares 13 successive words with `held_out` (see `shingles`)."""
        self.source = source
        loaded = load_reading(source.path)
        shared = {text: not held_out.isdisjoint(shingles(text)) for text in {one.passage for one in loaded}}
        kept = [one for one in loaded if not shared[one.passage]]
        self.held_out = sum(shared.values())
        self.answered = [example for one in kept if (example := agreed(one)) is not None]
        self.unanswered = [Example("unanswerable", one.question, one.passage) for one in kept if not one.answers]
        self._accepted = {(one.question, one.passage): one.answers for one in kept}
        self._wrong = WrongPassages(one.passage for one in kept)
        self.passages = self._wrong.passages
        self._names = list(dict.fromkeys(name for text in self.passages for name in _names(text)))

    def sample(self, rng: random.Random, shares: dict[Kind, float]) -> Iterator[Example]:
        """One pass: the source's count of questions, each before any comes again, and their negatives."""
        questions = [*self.answered, *self.unanswered]
        count = len(questions) if self.source.count is None else self.source.count
        chosen: list[Example] = []
        while len(chosen) < count and questions:
            chosen += rng.sample(questions, min(len(questions), count - len(chosen)))
        for example in chosen:
            yield replace(example, question=rephrased(example.question, rng))
            for kind, share in shares.items() if example.kind == "answerable" else ():
                if rng.random() < share and (negative := self.negative(kind, example, rng)) is not None:
                    yield negative

    def accepted(self, example: Example) -> tuple[str, ...]:
        """Every answer that counts as right; none for an example made as a negative."""
        return self._accepted.get((example.question, example.passage), ())

    def negative(self, kind: Kind, example: Example, rng: random.Random) -> Example | None:
        """An answerable example made unanswerable: given another passage, robbed of its sentence, or asked of another.

        None when that cannot be done: no other passage shares its words, or the question names nothing.
        """
        answers = self.accepted(example)
        question, passage = example.question, example.passage
        if kind == "wrong passage":
            passage = self._wrong_passage(example, answers, rng)
        elif kind == "sentence cut":
            for answer in answers:
                passage = without(passage, answer)
        elif kind == "name swapped":
            question = self._swapped(question, passage, rng)
            if question == example.question:
                return None
        return Example(kind, question, passage) if passage.strip() else None

    def _wrong_passage(self, example: Example, answers: Sequence[str], rng: random.Random) -> str:
        """A passage close by BM25 that holds none of the answers, the closer the likelier; "" when there is none."""
        wrong = self._wrong.of(example.question, answers)
        return wrong[min(int(rng.expovariate(0.5)), len(wrong) - 1)] if wrong else ""

    def _swapped(self, question: str, passage: str, rng: random.Random) -> str:
        """The question with a name or number that the passage holds changed for one that it does not hold."""
        swaps = [name for name in _names(question) if name in passage and not question.startswith(name)]
        if not swaps:
            return question
        name = rng.choice(swaps)
        for _ in range(20):
            other = rng.choice(self._names)
            if other.lower() not in passage.lower() and other[0].isdigit() == name[0].isdigit():
                return question.replace(name, other)
        return question


def agreed(example: ReadingExample) -> Example | None:
    """The answer that most annotators gave, the shorter of two as frequent; None without an answer in the passage."""
    votes = Counter(zip(example.answers, example.starts, strict=True))
    for (text, start), _ in sorted(votes.items(), key=lambda item: (-item[1], len(item[0][0]))):
        place = example.passage.find(text) if start is None else start
        if place >= 0:
            return Example("answerable", example.question, example.passage, place, place + len(text))
    return None


def rephrased(question: str, rng: random.Random) -> str:
    """The question as people type it: three in ten without question mark, contracted or with an opening."""
    way = rng.random()
    if way < 0.15:
        return question.rstrip("? ")
    if way < 0.22:
        for full, short in _CONTRACTIONS.items():
            question = question.replace(full, short)
    elif way < 0.3:
        question = rng.choice(_OPENINGS) + question[:1].lower() + question[1:]
    return question


def shingles(text: str) -> set[tuple[str, ...]]:
    """Every run of 13 successive words, or all words of a shorter text: what two copies of a text share."""
    words = _WORD.findall(text.lower())
    return {tuple(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}


def _names(text: str) -> list[str]:
    """Runs of capitalised words, and numbers."""
    return _NAME.findall(text)
