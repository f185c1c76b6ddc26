"""The assistant: a question in, an answer with its place out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from corpus import Article, ArticleFileError, load, samples
from corpus.sentences import sentence_around
from index import Hit, Library, default_library_path, load_embedder
from index.searcher import heading
from qa.answer import Answer, Group, Quote, Timings
from qa.confidence import Calibrator
from qa.findings import Found, Places, hint_for, is_given, reason_for, surest
from qa.followup import History, understand
from qa.grouping import groups_of, items_of, passage_of_reason
from qa.namesakes import without_namesakes
from qa.pronouns import Reading
from qa.questions import MAX_QUESTION_CHARACTERS, check_question
from qa.ranking import Candidate, distinct, needed, rank, settled, signals
from qa.reader import MAX_ANSWER_TOKENS, Reader, load_reader
from qa.spans import best_spans

__all__ = ["MAX_QUESTION_CHARACTERS", "ArticleQA", "Settings", "ask", "check_question"]

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

    def answer(self, question: str, history: History = (), *, as_written: bool = False) -> Answer:
        """Answer one question from the library's articles.

        `history` holds the turns so far, each a question and the answer given, None for "the articles do not say".
        `as_written` takes the question word for word: nothing of the conversation is put in, no spelling put right.
        Raises `QuestionError` for a question that is empty, longer than 1,000 characters or not valid text, and for a
        history that is no list of turns.
        """
        started = time.perf_counter()
        question = check_question(question)
        threshold = self.calibrator.threshold if self.settings.threshold is None else self.settings.threshold
        places = Places(self.library)
        reading = Reading() if as_written or not history else understand(question, history, places.locate)
        if reading.choices:
            return self._asked_back(question, reading.choices, started)
        if reading.forms:
            found = self._best_form(question, reading, places, threshold)
        else:
            found = self._found(question, literal=as_written)
        groups = self._groups(found, threshold) if found.quotes else ()
        best, confidence = surest(found, groups, threshold)
        finished = time.perf_counter()
        answer = Answer(
            question=question,
            understood_as=found.question,
            best=best,
            confidence=confidence,
            alternatives=tuple(found.quotes[1:]) if best else (),
            hits=tuple(found.hits),
            articles={hit.passage.article_id: hit.article for hit in found.hits},
            timings=Timings(1e3 * (finished - started) - found.reading, found.reading, 1e3 * (finished - started)),
            reason=None if best else reason_for(bool(found.hits), confidence, threshold),
        )
        if best is None:
            unknown = () if as_written else self.library.unknown_words(found.question)
            return replace(answer, unknown_words=unknown, hint=hint_for(found, unknown, bool(reading.forms)))
        return replace(
            answer,
            groups=groups,
            longer=passage_of_reason(found.question, best),
            items=items_of(found.question, best.span.text),
        )

    def answer_many(self, questions: Iterable[str]) -> list[Answer]:
        """Answer questions that have nothing to do with each other, in order."""
        return [self.answer(question) for question in questions]

    def read(self, question: str, hits: Sequence[Hit], *, besides: Sequence[str] = ()) -> list[Candidate]:
        """Candidates of the passages, best first; from the fourth on, a passage is read only if it could still win.

        The reader need not read a passage to the end that does not look as if it could.
        Spans that say no more than one of the answers in `besides` are left out.
        """
        found: list[Candidate] = []
        for number, hit in enumerate(hits):
            if number >= _ALWAYS_READ and settled(found, hits[number:]):
                break
            windows = self.reader.read(question, [hit.passage.text], to_beat=needed(found, hit))
            spans = best_spans(
                windows, [hit.passage], question=question, max_answer_tokens=self.settings.max_answer_tokens
            )
            spans = [one for one in spans if not is_given(one.text, besides)] if besides else spans
            found = rank([*(one.span for one in found), *spans], hits)
        return found

    def _best_form(self, question: str, reading: Reading, places: Places, threshold: float) -> Found:
        """What the likeliest form of a follow-up finds, or else the first form that finds an answer sure enough.

        A question that may stand alone is answered as it is, unless the conversation makes the answer surer.
        """
        if reading.is_vague:
            alone, within = self._found(question), self._found(reading.forms[0], original=question, places=places)
            return within if within.confidence > max(alone.confidence, threshold) else alone
        first: Found | None = None
        for form in reading.forms:
            if len(form) > MAX_QUESTION_CHARACTERS * 2:
                continue
            found = self._found(form, original=question, places=places, besides=reading.besides)
            if found.confidence >= threshold:
                return found
            first = first or found
        return first or self._found(question)

    def _found(
        self,
        question: str,
        *,
        original: str = "",
        places: Places | None = None,
        besides: Sequence[str] = (),
        literal: bool = False,
    ) -> Found:
        """Search for a question and read what is found; with `original`, also for the question as it was asked."""
        asked = question if literal else self.library.understand(question).text
        if places and original:
            hits = places.hits(asked, original, self.settings.passages)
        else:
            hits = self.library.search(asked, k=self.settings.passages, literal=literal)
        started = time.perf_counter()
        candidates = self.read(asked, without_namesakes(asked, hits), besides=besides)
        quotes = self._quotes(asked, candidates)
        return Found(asked, hits, candidates, quotes, 1e3 * (time.perf_counter() - started))

    def _quotes(self, question: str, candidates: Sequence[Candidate]) -> list[Quote]:
        """The best distinct candidates as quotes in their sentences, each proved to stand where it says."""
        chosen = distinct(candidates, 1 + self.settings.alternatives)
        return [self._quote(question, candidate, candidates) for candidate in chosen]

    def _quote(self, question: str, candidate: Candidate, candidates: Sequence[Candidate]) -> Quote:
        span, article = candidate.span, candidate.hit.article
        assert article.text[span.start : span.end] == span.text, f"{span} is not a quote of {article.id}"
        about = signals(candidate, candidates, question, heading(article))
        start, end = sentence_around(article.text, span.start, span.end)
        return Quote(span, self.calibrator.probability(about), article.text[start:end], start)

    def _groups(self, found: Found, threshold: float) -> tuple[Group, ...]:
        def quote(candidate: Candidate, own: Sequence[Candidate]) -> Quote:
            return self._quote(found.question, candidate, own)

        return groups_of(found.question, found.candidates, quote, threshold)

    def _asked_back(self, question: str, choices: tuple[str, ...], started: float) -> Answer:
        """No answer yet: which of several whole questions is meant."""
        hits = self.library.search(choices[0], k=self.settings.passages)
        spent = 1e3 * (time.perf_counter() - started)
        return Answer(
            question=question,
            understood_as=question,
            best=None,
            confidence=0.0,
            alternatives=(),
            hits=tuple(hits),
            articles={hit.passage.article_id: hit.article for hit in hits},
            timings=Timings(spent, 0.0, spent),
            reason="this can be understood in more than one way",
            choices=choices,
            hint="ask one of these: " + " / ".join(choices),
        )


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
