"""Sets for measuring retrieval: passages of many articles as one library, and questions whose passages are known."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from corpus import Article, Passage, QuestionError, samples, split
from eval.dataset import Question, load_questions
from eval.gold import occurrences

Role = Literal["training", "development"]
Splitter = Callable[[Article], list[Passage]]

OPEN_FILES = ("squadshifts-wiki-dev", "squadshifts-wiki", "squadshifts-reddit", "squadshifts-amazon")
OTHER_FILES = ("fairytaleqa", "policyqa", "covidqa")
_MOST_PASSAGES = 4_000
_JOINED = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the places in `Collection.passages` of those that hold an accepted answer; never empty."""

    text: str
    relevant: frozenset[int]


@dataclass(frozen=True, slots=True)
class Collection:
    """Articles cut into passages, `articles[i]` being that of `passages[i]`: what one library holds."""

    name: str
    articles: tuple[Article, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Questions over a collection. Choices are made on sets whose role is training, and reported on the others."""

    name: str
    role: Role
    collection: Collection
    questions: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class _Context:
    file: str
    article: Article
    questions: tuple[tuple[str, str, tuple[tuple[int, int], ...]], ...]  # id, text, spans of the accepted answers


def open_sets(
    folder: Path, limit: int, *, splitter: Splitter = split, files: Sequence[str] = OPEN_FILES
) -> list[RetrievalSet]:
    """All passages of the wiki, reddit and amazon files as one library, with the questions of the development file.

    Questions are sampled, at most `limit` of them for each set. A passage's questions all have the same role, but what
    several passages are asked in the same words can be in both. Raises `QuestionError` when a file is missing or
    damaged.
    """
    contexts = [context for file in files for context in _contexts(folder, file)]
    collection = _collection("open", [context.article for context in contexts], splitter)
    names: dict[str, Role] = {
        "open, development file": "development",
        "open, held-out passages": "development",
        "open, training": "training",
    }
    return _sets(collection, contexts, names, limit)


def other_sets(folder: Path, file: str, limit: int, *, splitter: Splitter = split) -> list[RetrievalSet]:
    """The passages of another file as a library of its own (the first 4,000), with questions for each role."""
    contexts, articles, passages = [], [], 0
    for context in _contexts(folder, file):
        passages += len(split(context.article))
        if passages > _MOST_PASSAGES:
            break
        contexts.append(context)
        articles.append(context.article)
    collection = _collection(file, articles, splitter)
    names: dict[str, Role] = {f"{file}, held-out passages": "development", f"{file}, training": "training"}
    return _sets(collection, contexts, names, limit)


def joined_sets(folder: Path, file: str, limit: int, *, most: int, splitter: Splitter = split) -> list[RetrievalSet]:
    """Like `other_sets`, but of the file's first `most` contexts, 20 after another making one article.

    For what needs articles longer than a passage: its length, and the text around it.
    """
    contexts = _contexts(folder, file)[:most]
    joined = [_join(contexts[first : first + _JOINED]) for first in range(0, len(contexts), _JOINED)]
    collection = _collection(f"{file}, joined", [context.article for context in joined], splitter)
    names: dict[str, Role] = {f"{file}, joined, held out": "development", f"{file}, joined, training": "training"}
    return _sets(collection, joined, names, limit)


def bundled_set(
    questions: Path, *, articles: Sequence[Article] | None = None, splitter: Splitter = split
) -> RetrievalSet:
    """The sample articles and those of their questions that name an article and stand alone."""
    collection = _collection("bundled", samples() if articles is None else articles, splitter)
    asked = []
    for question in load_questions(questions):
        relevant = _holding(collection, question)
        if question.article_id and not question.history and relevant:
            asked.append(Asked(question.question, relevant))
    return RetrievalSet("bundled articles", "development", collection, tuple(asked))


def _holding(collection: Collection, question: Question) -> frozenset[int]:
    return frozenset(i for i, passage in enumerate(collection.passages) if occurrences(question, passage))


def _collection(name: str, articles: Iterable[Article], splitter: Splitter) -> Collection:
    cut = [(article, passage) for article in articles for passage in splitter(article)]
    return Collection(name, tuple(article for article, _ in cut), tuple(passage for _, passage in cut))


def _sets(
    collection: Collection, contexts: Sequence[_Context], names: Mapping[str, Role], limit: int
) -> list[RetrievalSet]:
    """The sets of these names and roles over a collection, each with the questions of the contexts that `_name` it.

    What several contexts are asked in the same words is one question, and the passages that answer it are those of
    all of them, since the words do not say which is meant.
    """
    places: dict[str, list[int]] = {}
    for place, passage in enumerate(collection.passages):
        places.setdefault(passage.article_id, []).append(place)
    relevant: dict[str, set[int]] = {}
    for context in contexts:
        for _, text, spans in context.questions:
            relevant.setdefault(text, set()).update(_answering(collection, places[context.article.id], spans))
    sets = []
    for name, role in names.items():
        own = [one for context in contexts if _name(context, names) == name for one in context.questions]
        texts = dict.fromkeys(text for _, text, _ in sorted(own, key=lambda one: _hash(one[0])) if relevant[text])
        asked = [Asked(text, frozenset(relevant[text])) for text in list(texts)[:limit]]
        sets.append(RetrievalSet(name, role, collection, tuple(asked)))
    return [one for one in sets if one.questions]


def _name(context: _Context, names: Mapping[str, Role]) -> str:
    """The set that a context's questions belong to; the names are those of a development file's, held out, training."""
    *first, held_out, training = names
    return first[0] if first and context.file.endswith("-dev") else held_out if _held_out(context) else training


def _answering(collection: Collection, own: Sequence[int], spans: Sequence[tuple[int, int]]) -> set[int]:
    """Those of an article's passages that hold an answer; of one longer than the passages, the one where it begins."""
    whole = {i for i in own if any(_holds(collection.passages[i], span) for span in spans)}
    return whole or {i for i in own if any(_holds(collection.passages[i], (a, a + 1)) for a, _ in spans)}


def _holds(passage: Passage, span: tuple[int, int]) -> bool:
    return passage.start <= span[0] and span[1] <= passage.end


def _contexts(folder: Path, file: str) -> list[_Context]:
    path = folder / f"{file}.jsonl.gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [_context(file, number, row) for number, row in enumerate(rows)]
    except OSError as error:
        raise QuestionError(
            f"{path}: cannot be read ({error.strerror or error}); name the folder of the data"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise QuestionError(f"{path}: not a file of reading data ({error}); copy it again") from error


def _context(file: str, number: int, row: dict[str, Any]) -> _Context:
    article = Article(f"{file}-{number}", "", row["context"], f"{file}/{number}")
    questions = tuple(
        (one["id"], one["question"].strip(), tuple((a["start"], a["start"] + len(a["text"])) for a in one["answers"]))
        for one in row["questions"]
    )
    return _Context(file, article, questions)


def _join(contexts: Sequence[_Context]) -> _Context:
    text, questions = "", []
    for context in contexts:
        shift = len(text)
        text += context.article.text.strip("\n") + "\n"
        questions += [(key, q, tuple((a + shift, b + shift) for a, b in spans)) for key, q, spans in context.questions]
    first = contexts[0]
    return _Context(first.file, Article(f"{first.article.id}-joined", "", text, first.article.source), tuple(questions))


def _held_out(context: _Context) -> bool:
    return _hash(context.article.id) % 2 == 0


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
