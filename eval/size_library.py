"""Libraries of any size for measuring: articles of real sentences put together at random, with vectors made of theirs.

A vector is the mean of those of its sentences, and of a little noise, so that the vectors cluster as the sentences do
and a million of them cost the embedding of a few thousand sentences. Questions are real ones about those sentences.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus import Article, Passage, QuestionError
from corpus.sentences import sentence_spans
from eval.retrieval_vectors import VectorCache
from index import Library
from index.arrays import Floats
from index.database import Database
from index.embedder import Embedder

NEWS = Path(__file__).parent.parent / "qa" / "training" / "news.jsonl.gz"
_SENTENCES, _QUESTIONS = 6_000, 400
_TOPIC = 12  # texts whose sentences an article is likely to hold
_LENGTH = 25  # sentences in an article
_PASSAGE, _STEP = 6, 5  # sentences in a passage, and from one passage's first to the next one's
_OWN = 0.8  # of an article's sentences are of its topic
_NOISE = 0.3
_AT_ONCE = 500  # articles in a transaction
_COUNTRY = ("an", "bel", "cor", "dal", "er", "fon", "gar", "hul", "im", "jor", "kes", "lund", "mar", "nor", "os", "ter")


@dataclass(frozen=True, slots=True)
class Source:
    """Sentences with their vectors, shape (n, d), the topic of each, shape (n,), and questions about some of them."""

    sentences: tuple[str, ...]
    vectors: Floats
    topics: np.ndarray[Any, np.dtype[np.int64]]
    questions: tuple[str, ...]


def source(files: Sequence[Path], embedder: Embedder, cache: Path) -> Source:
    """The sentences of files of reading data, at most 6,000, embedded once. Raises `QuestionError` for a bad file."""
    sentences: list[str] = []
    topics: list[int] = []
    questions: list[str] = []
    for number, row in enumerate(_texts(files)):
        if len(sentences) >= _SENTENCES:
            break
        text = row["context"]
        own = [" ".join(text[a:b].split()) for a, b in sentence_spans(text)]
        own = [one for one in own if 20 <= len(one) <= 300]
        sentences += own
        topics += [number // _TOPIC] * len(own)
        questions += [one["question"].strip() for one in row["questions"][:1]]
    vectors = VectorCache(cache).passages(embedder, sentences)
    chosen = np.random.default_rng(1).permutation(len(questions))[:_QUESTIONS]
    return Source(tuple(sentences), vectors, np.array(topics), tuple(questions[one] for one in chosen))


def fill(library: Path, of: Source, passages: int, embedder: Embedder) -> None:
    """Make a library of so many passages, or finish one; only the database, no indexes, as many articles at a time."""
    file, wanted = library / "library.sqlite", max(1, passages // _per_article())
    if not file.is_file():
        Library.open(library, embedder=embedder).close()
    with closing(Database(file)) as database:
        for start in range(database.count("articles"), wanted, _AT_ONCE):
            with database.transaction():
                for number in range(start, min(start + _AT_ONCE, wanted)):
                    database.put(*_made(of, number))


def _per_article() -> int:
    return _LENGTH // _STEP


def _made(of: Source, number: int) -> tuple[Article, list[Passage], Floats]:
    """The article of this number, its passages and their vectors: always the same."""
    chance = np.random.default_rng(number)
    topic = chance.integers(of.topics[-1] + 1)
    own = np.flatnonzero(of.topics == topic)
    chosen = np.where(
        chance.random(_LENGTH) < _OWN, chance.choice(own, _LENGTH), chance.integers(len(of.sentences), size=_LENGTH)
    )
    texts = [of.sentences[one] for one in chosen]
    starts = np.cumsum([0, *(len(text) + 1 for text in texts)])
    # names that few articles have, as real articles have them
    name = "".join(chance.choice(_COUNTRY, 4)).capitalize()
    article = Article(f"made-{number}", f"{name}, part {number}", " ".join(texts), f"made/{number}")
    passages, vectors = [], []
    for first in range(0, _LENGTH, _STEP):
        last = min(first + _PASSAGE, _LENGTH)
        start, end = int(starts[first]), int(starts[last] - 1)
        passages.append(Passage(article.id, start, end, article.text[start:end]))
        noise = chance.standard_normal(of.vectors.shape[1]) * _NOISE / of.vectors.shape[1] ** 0.5
        vectors.append(of.vectors[chosen[first:last]].mean(axis=0) + noise)
    made = np.array(vectors, np.float32)
    return article, passages, made / np.linalg.norm(made, axis=1, keepdims=True)


def _texts(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path in files:
        try:
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                yield from map(json.loads, lines)
        except (OSError, ValueError) as error:
            raise QuestionError(f"{path}: not a file of reading data ({error}); name the folder of the data") from error
