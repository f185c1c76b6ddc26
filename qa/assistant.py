"""The assistant: a question in, an answer with its place out."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from corpus import Article, ArticleFileError, QuestionError, load, samples
from corpus.sentences import sentence_around
from index import Hit, Library, default_library_path, load_embedder
from index.searcher import heading
from qa.answer import Answer, Quote, Timings
from qa.confidence import Calibrator
from qa.followup import History, resolve
from qa.ranking import Candidate, distinct, rank, settled, signals
from qa.reader import Reader, load_reader
from qa.spans import MAX_ANSWER_TOKENS, best_spans

MAX_QUESTION_CHARACTERS = 1000
_SURROGATE = re.compile("[\ud800-\udfff]")
_ALWAYS_READ = 3

Source = Article | str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Settings:
    """How questions are answered: passages read, alternatives shown, the longest answer in tokens.

    `threshold` is the confidence from which an answer is given; None takes the calibrator's own.
    """

    passages: int = 8
    alternatives: int = 3
    max_answer_tokens: int = MAX_ANSWER_TOKENS
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.passages < 1 or self.max_answer_tokens < 1 or self.alternatives < 0:
            raise ValueError(f"{self}: passages and max_answer_tokens must be at least 1, alternatives at least 0")
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:
            raise ValueError(f"threshold {self.threshold}: need a probability from 0 to 1")


class ArticleQA:
    """Answers questions about the articles of a library, by quotes. Safe to call from several threads."""

    def __init__(
        self,
        library: Library,
        reader: Reader | None = None,
        *,
        calibrator: Calibrator | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Answer from an open library; the reader and the settings default to the bundled ones.

        The calibrator defaults to the library's own, which `articleqa calibrate` fits, or else to the bundled one.
        """
        self.library = library
        self.reader = reader or load_reader()
        self.calibrator = calibrator or Calibrator.of_library(
            library.folder, reader=self.reader.name, embedder=library.embedder.name
        )
        self.settings = settings or Settings()

    @classmethod
    def open(
        cls,
        path: Path | str | None = None,
        *,
        reader: str | None = None,
        embedder: str | None = None,
        calibrator: Calibrator | None = None,
        settings: Settings | None = None,
    ) -> Self:
        """Open the library at `path`; None is the default library, filled with the sample articles when it is empty.

        `reader` and `embedder` name models (hub names or folders) to use in place of the bundled ones; `calibrator` and
        `settings` are as above.
        """
        library = Library.open(path or default_library_path(), embedder=load_embedder(embedder))
        try:
            if path is None and not len(library):
                library.add(samples())
            return cls(library, load_reader(reader), calibrator=calibrator, settings=settings)
        except BaseException:
            library.close()
            raise

    def close(self) -> None:
        """Release the library."""
        self.library.close()

    def __enter__(self) -> Self:
        """The assistant itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the library."""
        self.close()

    def answer(self, question: str, history: History = ()) -> Answer:
        """Answer one question from the library's articles.

        `history` holds the turns so far, each a question and the answer given, None for "the articles do not say".
        Raises `QuestionError` for a question that is empty, longer than 1,000 characters or not valid text.
        """
        started = time.perf_counter()
        question = check_question(question)
        understood = resolve(question, history)
        hits = self.library.search(understood, k=self.settings.passages)
        articles = {hit.passage.article_id: hit.article for hit in hits}
        retrieved = time.perf_counter()
        candidates = self.read(understood, hits)
        quotes = self._quotes(understood, candidates)
        finished = time.perf_counter()
        threshold = self.calibrator.threshold if self.settings.threshold is None else self.settings.threshold
        confidence = quotes[0].confidence if quotes else 0.0
        given = bool(quotes) and confidence >= threshold
        return Answer(
            question=question,
            understood_as=understood,
            best=quotes[0] if given else None,
            confidence=confidence,
            alternatives=tuple(quotes[1:]) if given else (),
            hits=tuple(hits),
            articles=articles,
            timings=Timings((retrieved - started) * 1e3, (finished - retrieved) * 1e3, (finished - started) * 1e3),
            reason=None if given else _reason(bool(hits), confidence, threshold),
        )

    def answer_many(self, questions: Iterable[str]) -> list[Answer]:
        """Answer questions that have nothing to do with each other, in order."""
        return [self.answer(question) for question in questions]

    def read(self, question: str, hits: Sequence[Hit]) -> list[Candidate]:
        """Candidates of the passages, best first; from the fourth on, a passage is read only if it could still win."""
        found: list[Candidate] = []
        for number, hit in enumerate(hits):
            if number >= _ALWAYS_READ and settled(found, hits[number:]):
                break
            windows = self.reader.read(question, [hit.passage.text])
            spans = best_spans(
                windows, [hit.passage], question=question, max_answer_tokens=self.settings.max_answer_tokens
            )
            found = rank([*(one.span for one in found), *spans], hits)
        return found

    def _quotes(self, question: str, candidates: Sequence[Candidate]) -> list[Quote]:
        """The best distinct candidates as quotes in their sentences, each proved to stand where it says."""
        quotes = []
        for candidate in distinct(candidates, 1 + self.settings.alternatives):
            span, article = candidate.span, candidate.hit.article
            assert article.text[span.start : span.end] == span.text, f"{span} is not a quote of {article.id}"
            about = signals(candidate, candidates, question, heading(article))
            start, end = sentence_around(article.text, span.start, span.end)
            quotes.append(Quote(span, self.calibrator.probability(about), article.text[start:end], start))
        return quotes


def ask(question: str, articles: Source | Iterable[Source]) -> Answer:
    """Answer one question from one or a few articles, given as files, folders or loaded articles; nothing is kept.

    >>> ask("Who replaces Sims?", articles=["article.txt"]).text  # doctest: +SKIP
    'Aitken'
    """
    if isinstance(articles, (str, os.PathLike, Article)):
        articles = [articles]
    loaded = [a for given in articles for a in ([given] if isinstance(given, Article) else load(given))]
    if not loaded:
        raise ArticleFileError("no articles were given; name at least one file, folder or article")
    with ArticleQA(Library.in_memory()) as bot:
        bot.library.add(loaded)
        return bot.answer(question)


def check_question(question: str) -> str:
    """The question without outer white space; raises `QuestionError` when it cannot be asked."""
    if not isinstance(question, str):
        raise QuestionError(f"the question is a {type(question).__name__}; give it as text")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise QuestionError(
            f"the question has {len(question):,} characters; ask in at most {MAX_QUESTION_CHARACTERS:,}"
        )
    if _SURROGATE.search(question):
        raise QuestionError("the question holds characters that are not valid text (lone surrogates); type it again")
    if not re.search(r"\w", question):
        raise QuestionError("the question is empty; type a question in words")
    return question.strip()


def _reason(any_hits: bool, confidence: float, threshold: float) -> str:
    if not any_hits:
        return "there are no articles to search"
    got, needed = math.floor(100 * confidence), math.ceil(round(100 * threshold, 9))
    return f"no passage answers this surely enough (confidence {got}%, needed {needed}%)"
