"""Spans of several passages in one ranking, and the answers that are distinct among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from corpus import Passage
from index import Hit
from index.fusion import saturated
from qa.answer import Span
from qa.confidence import Signals, cover
from qa.spans import overlap, same_answer

SATURATION = 8.0
"""From this margin on a span is sure, and the passage decides. With 12 in its place a fifth more passages are read for
the same answers, but for 1 in 465 (development files of Wikipedia and of news, each as one library)."""
RETRIEVAL_WEIGHT = 10.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span, the passage hit it was read from, and its rank score (see `rank_score`)."""

    span: Span
    hit: Hit
    rank: float


def rank_score(span_score: float, retrieval_score: float) -> float:
    """Where a span ranks among all: its margin over null, up to 8 logits, plus ten times the passage's score.

    The limit makes the rank bounded, so reading can stop once nothing unread could still rank higher.
    """
    return min(span_score, SATURATION) + RETRIEVAL_WEIGHT * retrieval_score


def rank(spans: Sequence[Span], hits: Sequence[Hit]) -> list[Candidate]:
    """All spans as candidates, best first, each place of an article once, by the passage it ranks best from.

    Among equals the better reader's score comes first, then the earlier place.
    """
    by_passage: dict[Passage, Hit] = {hit.passage: hit for hit in hits}
    candidates = [
        Candidate(span, by_passage[span.passage], rank_score(span.score, by_passage[span.passage].score))
        for span in spans
    ]
    candidates.sort(key=lambda one: (-one.rank, -one.span.score, one.span.start))
    places: dict[tuple[str, int, int], Candidate] = {}
    for one in candidates:
        places.setdefault((one.span.passage.article_id, one.span.start, one.span.end), one)
    return list(places.values())


def settled(candidates: Sequence[Candidate], unread: Sequence[Hit]) -> bool:
    """Whether no span of the unread passages could rank above the best one found."""
    highest = max((hit.score for hit in unread), default=-math.inf)
    return bool(candidates) and candidates[0].rank > rank_score(math.inf, highest)


def needed(candidates: Sequence[Candidate], hit: Hit) -> float:
    """The score a span of this passage needs to rank first; no more than a span that is sure has."""
    return min(candidates[0].rank - RETRIEVAL_WEIGHT * hit.score, SATURATION) if candidates else -math.inf


def distinct(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """The best `count` candidates of which no two say the same."""
    chosen: list[Candidate] = []
    for candidate in candidates:
        if len(chosen) == count:
            break
        if not any(same_answer(candidate.span, other.span) for other in chosen):
            chosen.append(candidate)
    return chosen


def signals(candidate: Candidate, candidates: Sequence[Candidate], question: str, heading: str) -> Signals:
    """What the calibrator is told about a candidate, among all `candidates` found, best first."""
    others = [one for one in candidates if not same_answer(one.span, candidate.span)]
    agreeing = {
        one.span.passage
        for one in candidates
        if one.span.score > 0 and not overlap(one.span, candidate.span) and same_answer(one.span, candidate.span)
    }
    return Signals(
        margin=candidate.span.score,
        gap=max(0.0, candidate.rank - others[0].rank) if others else 10.0,
        dense=candidate.hit.dense,
        lexical=saturated(candidate.hit.lexical),
        agreement=math.log1p(len(agreeing)),
        cover=cover(question, f"{heading}\n{candidate.hit.passage.text}"),
    )
