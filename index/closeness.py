"""How closely a passage's words follow a question's: what BM25, which knows no order, leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

_WINDOW = 25


def closeness(question: Sequence[str], passage: Sequence[str], weights: Mapping[str, float]) -> tuple[float, float]:
    """Two shares of the question's weight, each from 0 to 1.

    The first is that of its pairs of neighbouring words that are neighbours in the passage too, the second that of its
    words that stand within 25 words of the passage. Both texts are given as the words of the lexical index, in order;
    `weights` says how rare each word of the question is.
    """
    pairs = list(pairwise(question))
    wanted = frozenset(question)
    places = [(place, word) for place, word in enumerate(passage) if word in wanted]
    if not places:
        return 0.0, 0.0
    total = sum(weights[word] for word in wanted) or 1.0
    neighbours = {(word, after) for (place, word), (following, after) in pairwise(places) if following == place + 1}
    of_pairs = sum(weights[a] + weights[b] for a, b in pairs) or 1.0
    shared = sum(weights[a] + weights[b] for a, b in pairs if (a, b) in neighbours)
    return shared / of_pairs, _most_together(places, weights) / total


def _most_together(places: Sequence[tuple[int, str]], weights: Mapping[str, float]) -> float:
    """The greatest weight of different words within a window of the passage."""
    counts: dict[str, int] = {}
    best = weight = 0.0
    first = 0
    for place, word in places:
        counts[word] = counts.get(word, 0) + 1
        if counts[word] == 1:
            weight += weights[word]
        while place - places[first][0] >= _WINDOW:
            left = places[first][1]
            counts[left] -= 1
            if not counts[left]:
                weight -= weights[left]
            first += 1
        best = max(best, weight)
    return best
