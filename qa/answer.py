"""What comes back for a question: the span, how sure it is, where it stands, and the passages it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from corpus import Article, Passage
from corpus.places import text_link
from corpus.relative import resolve_relative
from index import Hit


@dataclass(frozen=True, slots=True)
class Span:
    """An exact quote: `article.text[start:end] == text`, half-open characters of the article, inside `passage`.

    `score` is the best start logit plus end logit, less the null score of the same window: above 0 the reader holds
    it likelier than no answer. Scores compare across passages.
    """

    passage: Passage
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Quote:
    """A span inside its whole sentence, and the calibrated probability that it is right.

    `sentence` is `article.text[sentence_start:sentence_start + len(sentence)]` and holds the span.
    """

    span: Span
    confidence: float
    sentence: str
    sentence_start: int


@dataclass(frozen=True, slots=True)
class Group:
    """One answer with the quotes of it, one from each article, newest first.

    `text` and `published` are those of the newest; None is an article without a date.
    """

    text: str
    quotes: tuple[Quote, ...]
    published: date | None


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds spent finding passages, reading them, and altogether."""

    retrieve: float
    read: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question. `best is None` means that the articles do not say; `hits` are always there.

    `confidence` is the probability that the best span found is right, also when it is too low to be given; `reason`
    then says why there is no answer. `articles` holds every article that the hits come from, by id.

    `choices` are the whole questions it may mean, when a follow-up can be understood in several ways: none is
    answered then. `groups` are there when several articles answer: one group when they agree, else one for each
    answer, the newest first. `longer` is the passage around the quote where the question asks how or why; `items` are
    the parts of an answer that is a list. Where there is no answer, `unknown_words` are the question's words that no
    article has, and `hint` says in a line what would help.
    """

    question: str
    understood_as: str
    best: Quote | None
    confidence: float
    alternatives: tuple[Quote, ...]
    hits: tuple[Hit, ...]
    articles: Mapping[str, Article]
    timings: Timings
    reason: str | None = None
    mode: str = "reader"
    id: object = None
    choices: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    longer: Passage | None = None
    items: tuple[str, ...] = ()
    unknown_words: tuple[str, ...] = ()
    hint: str | None = None

    @property
    def span(self) -> Span | None:
        """The exact quote, or None when the articles do not say."""
        return self.best.span if self.best else None

    @property
    def text(self) -> str | None:
        """The quote's text, or None when the articles do not say."""
        return self.best.span.text if self.best else None

    @property
    def sentence(self) -> str | None:
        """The whole sentence that the quote stands in, or None when the articles do not say."""
        return self.best.sentence if self.best else None

    @property
    def article(self) -> Article | None:
        """The article that the quote is from, or None when the articles do not say."""
        return self.articles[self.best.span.passage.article_id] if self.best else None

    def to_dict(self) -> dict[str, Any]:
        """The answer as the JSON object that the command line and HTTP print.

        A citation's `link` leads to the quote on its web page; its `date` is the day that a quote such as
        `last Saturday` means.
        """
        return {
            "id": self.id,
            "question": self.question,
            "understood_as": self.understood_as,
            "answer": self.text,
            "confidence": round(self.confidence, 4),
            "reason": self.reason,
            "citation": self._citation(self.best) if self.best else None,
            "alternatives": [
                {
                    "answer": quote.span.text,
                    "confidence": round(quote.confidence, 4),
                    "citation": self._citation(quote),
                }
                for quote in self.alternatives
            ],
            "hits": [
                {
                    "article_id": hit.passage.article_id,
                    "start": hit.passage.start,
                    "end": hit.passage.end,
                    "score": round(hit.score, 4),
                    "text": hit.passage.text,
                }
                for hit in self.hits
            ],
            "timings_ms": {
                "retrieve": round(self.timings.retrieve, 1),
                "read": round(self.timings.read, 1),
                "total": round(self.timings.total, 1),
            },
            "mode": self.mode,
            "choices": list(self.choices),
            "groups": [
                {
                    "answer": group.text,
                    "published": group.published.isoformat() if group.published else None,
                    "citations": [self._citation(quote) for quote in group.quotes],
                }
                for group in self.groups
            ],
            "longer": self._longer(),
            "items": list(self.items),
            "unknown_words": list(self.unknown_words),
            "hint": self.hint,
        }

    def _longer(self) -> dict[str, Any] | None:
        if self.longer is None:
            return None
        one = self.longer
        return {"article_id": one.article_id, "start": one.start, "end": one.end, "text": one.text}

    def _citation(self, quote: Quote) -> dict[str, Any]:
        span = quote.span
        article = self.articles[span.passage.article_id]
        place = article.place(span.start)
        day = resolve_relative(span.text, article.published)
        return {
            "article_id": article.id,
            "title": article.title,
            "source": article.source,
            "published": article.published.isoformat() if article.published else None,
            "page": place.page,
            "heading": place.heading,
            "link": text_link(article, span.start, span.end),
            "start": span.start,
            "end": span.end,
            "quote": span.text,
            "sentence": quote.sentence,
            "date": day.isoformat() if day else None,
        }
