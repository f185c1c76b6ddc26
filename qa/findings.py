"""What one form of a question finds, where a conversation's answers were found, and what to say of the outcome."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from index import Hit, Library
from qa.answer import Group, Quote
from qa.mentions import nearest_sentence
from qa.ranking import Candidate
from qa.spans import normalised

HELP = "name the person, place or thing in full, ask for one fact at a time, or add an article that tells it"
_LOCATING = 5
_DEEP = 30
_FROM_ORIGINAL = 2
_KNOWN_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Found:
    """What one form of a question found; `reading` is the time spent on reading, in milliseconds."""

    question: str
    hits: list[Hit]
    candidates: list[Candidate]
    quotes: list[Quote]
    reading: float

    @property
    def confidence(self) -> float:
        """The confidence of the best quote; 0 without one."""
        return self.quotes[0].confidence if self.quotes else 0.0


class Places:
    """Where the answers of a conversation were found, and passages for a follow-up to it."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._articles: set[str] = set()

    def locate(self, asked: str, answered: str) -> tuple[str, str]:
        """The sentence that an earlier answer was quoted from, and its article around it; two empty texts without."""
        hits = self._library.search(f"{asked} {answered}", k=_LOCATING)
        hit = next((hit for hit in hits if answered and answered in hit.passage.text), hits[0] if hits else None)
        if hit is None:
            return "", ""
        self._articles.add(hit.article.id)
        text, middle = hit.article.text, hit.passage.start
        if len(text) > _KNOWN_CHARACTERS:
            text = text[max(0, middle - _KNOWN_CHARACTERS // 2) : middle + _KNOWN_CHARACTERS // 2]
        return nearest_sentence(hit.passage.text, answered, asked), text

    def hits(self, whole: str, original: str, k: int) -> list[Hit]:
        """The passages for a whole question, with up to two that the original finds in the conversation's articles."""
        found = self._library.search(whole, k=max(k, _DEEP))
        own = {hit.passage for hit in self._library.search(original, k=_DEEP) if hit.article.id in self._articles}
        more = [hit for hit in found[k:] if hit.passage in own][:_FROM_ORIGINAL]
        return [*found[: k - len(more)], *more]


def surest(found: Found, groups: tuple[Group, ...], threshold: float) -> tuple[Quote | None, float]:
    """The quote to answer with, if one is sure enough, and its confidence.

    Where articles contradict each other, each answer takes from the other's confidence; then the best one counts by
    what it has in its own article.
    """
    if not found.quotes:
        return None, 0.0
    best = found.quotes[0]
    if best.confidence < threshold and len(groups) > 1:
        best = next((one for group in groups for one in group.quotes if one.span == best.span), best)
    return best if best.confidence >= threshold else None, best.confidence


def is_given(text: str, answers: Sequence[str]) -> bool:
    """Whether a text says no more than one of these answers."""
    words = set(normalised(text))
    return any(words <= set(normalised(answer)) for answer in answers)


def reason_for(any_hits: bool, confidence: float, threshold: float) -> str:
    """Why there is no answer."""
    if not any_hits:
        return "there are no articles to search"
    got, needed = math.floor(100 * confidence), math.ceil(round(100 * threshold, 9))
    return f"no passage answers this surely enough (confidence {got}%, needed {needed}%)"


def hint_for(found: Found, unknown: tuple[str, ...], is_followup: bool) -> str:
    """One line on what would help where there is no answer."""
    if not found.hits:
        return "add articles first: `articleqa add FILE`, or drop them on the page"
    if unknown:
        words = ", ".join(f"\u201c{word}\u201d" for word in unknown)
        return f"no article has {words}: check the spelling, or add an article about it"
    if is_followup:
        return "ask the whole question, with the names in it, if it was understood wrongly"
    return HELP
