"""The turns of a conversation, and the short form in which the browser keeps them across reloads.

A kept turn holds offsets, not articles: when it comes back, every quote is cut from the library again, and what no
longer stands there is not shown.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.markup import Html
from app.render import answer_html, notice_html
from corpus import LibraryError, Passage
from index import Hit
from qa import Answer, Quote, Span, Timings
from qa.answer import Group

if TYPE_CHECKING:
    from corpus import Article
    from index import Library

KEPT_TURNS = 30
KEPT_BYTES = 40_000  # the page sends them back, in a body of 64 KiB at most
REMEMBERED_TURNS = 10
_GONE = "This answer came from an article that has changed or left the library since; ask again"


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answer, or with a notice; `verdict` is what the person said of the answer, if anything.

    `talk` names the conversation that it belongs to.
    """

    id: str
    asked: str
    answer: Answer | None = None
    notice: str = ""
    verdict: str = ""
    talk: str = ""

    @property
    def reply(self) -> Html:
        """What is shown for it."""
        if self.answer is None:
            return notice_html(self.notice)
        return answer_html(self.answer, turn=self.id, verdict=self.verdict)


def new_id() -> str:
    """An id for a turn that no other turn of anyone has."""
    return secrets.token_hex(6)


def history(turns: Sequence[Turn]) -> list[tuple[str, str | None]]:
    """The turns that were answered, as a follow-up question needs them."""
    said = [(turn.asked, turn.answer.text) for turn in turns if turn.answer]
    return said[-REMEMBERED_TURNS:]


def to_records(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The newest turns as the browser keeps them, within `KEPT_BYTES`, oldest first."""
    kept: list[dict[str, Any]] = []
    left = KEPT_BYTES
    for turn in reversed(turns[-KEPT_TURNS:]):
        record = _record(turn)
        left -= len(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
        if left < 0:
            break
        kept.insert(0, record)
    return kept


def of_records(records: object, library: Library) -> list[Turn]:
    """The turns that the browser kept, made anew from the library; whatever in them makes no sense is left out."""
    kept = records if isinstance(records, list) else []
    articles: dict[str, Article] = {}
    turns = []
    for record in kept[-KEPT_TURNS:]:
        if not isinstance(record, Mapping):
            continue
        turn = Turn(_text(record, "id")[:32] or new_id(), _text(record, "asked"), verdict=_text(record, "verdict"))
        if not turn.asked:
            continue
        if "confidence" not in record:
            turns.append(replace(turn, notice=_text(record, "notice") or _GONE))
            continue
        try:
            turns.append(replace(turn, answer=_answer(record, turn.asked, library, articles)))
        except (LibraryError, LookupError, TypeError, ValueError):
            turns.append(replace(turn, notice=_GONE, verdict=""))
    return turns


def _record(turn: Turn) -> dict[str, Any]:
    record: dict[str, Any] = {"id": turn.id, "asked": turn.asked, "verdict": turn.verdict}
    if turn.answer is None:
        return record | {"notice": turn.notice}
    answer = turn.answer
    closest = [answer.hits[0].passage] if answer.hits else []
    return record | {
        "understood_as": answer.understood_as,
        "confidence": answer.confidence,
        "reason": answer.reason,
        "best": _kept(answer.best) if answer.best else None,
        "alternatives": [_kept(quote) for quote in answer.alternatives],
        "hits": [[passage.article_id, passage.start, passage.end] for passage in closest],
        "timings": [answer.timings.retrieve, answer.timings.read, answer.timings.total],
        "choices": list(answer.choices),
        "groups": [[_kept(quote) for quote in group.quotes] for group in answer.groups],
        "longer": [answer.longer.article_id, answer.longer.start, answer.longer.end] if answer.longer else None,
        "items": list(answer.items),
        "unknown": list(answer.unknown_words),
        "hint": answer.hint,
    }


def _kept(quote: Quote) -> list[Any]:
    span, end = quote.span, quote.sentence_start + len(quote.sentence)
    passage = span.passage
    places = [passage.start, passage.end, quote.sentence_start, end, span.start, span.end]
    return [passage.article_id, *places, span.text, quote.confidence, span.score]


def _answer(record: Mapping[str, Any], asked: str, library: Library, articles: dict[str, Article]) -> Answer:
    def article(article_id: str) -> Article:
        if article_id not in articles:
            articles[article_id] = library.article(str(article_id))
        return articles[article_id]

    def passage(article_id: str, start: int, end: int) -> Passage:
        return Passage(article_id, start, end, _cut(article(article_id), start, end))

    def quote(kept: list[Any]) -> Quote:
        name, first, last, sentence_start, sentence_end, start, end, words, confidence, score = kept
        if _cut(article(name), start, end) != words or not sentence_start <= start < end <= sentence_end:
            raise ValueError(name)
        span = Span(passage(name, min(first, start), max(last, end)), start, end, words, float(score))
        return Quote(span, float(confidence), _cut(article(name), sentence_start, sentence_end), sentence_start)

    best = quote(record["best"]) if record["best"] else None
    alternatives = tuple(quote(kept) for kept in record["alternatives"])
    passages = [passage(*kept) for kept in record["hits"]]
    groups = [[quote(kept) for kept in quotes] for quotes in record.get("groups") or ()]
    longer = passage(*record["longer"]) if best and record.get("longer") else None
    if best and longer and not _holds(longer, best.span):
        raise ValueError(longer.article_id)
    reason, hint = record["reason"], record.get("hint")
    return Answer(
        question=asked,
        understood_as=str(record["understood_as"]),
        best=best,
        confidence=float(record["confidence"]),
        alternatives=alternatives,
        hits=tuple(Hit(one, articles[one.article_id], 0.0, 0.0, 0.0) for one in passages),
        articles=articles,
        timings=Timings(*map(float, record["timings"])),
        reason=reason if isinstance(reason, str) else None,
        choices=_texts(record, "choices"),
        groups=tuple(
            Group(quotes[0].span.text, tuple(quotes), articles[quotes[0].span.passage.article_id].published)
            for quotes in groups
            if quotes
        ),
        longer=longer,
        items=tuple(one for one in _texts(record, "items") if best and one in best.span.text),
        unknown_words=_texts(record, "unknown"),
        hint=hint[:1_000] if isinstance(hint, str) else None,
    )


def _cut(article: Article, start: int, end: int) -> str:
    if not 0 <= start < end <= len(article.text):
        raise ValueError(article.id)
    return article.text[start:end]


def _holds(passage: Passage, span: Span) -> bool:
    return passage.article_id == span.passage.article_id and passage.start <= span.start <= span.end <= passage.end


def _texts(record: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = record.get(key)
    return tuple(one[:1_000] for one in value[:20] if isinstance(one, str)) if isinstance(value, list) else ()


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    return value[:1_000] if isinstance(value, str) else ""
