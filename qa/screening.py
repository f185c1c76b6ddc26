"""Best first: the passage that promises most is read on, as long as any may still win.

A passage is read in parts. Each but the last, a screen, guesses what the passage will score; the guess and the screen's
margin bound what is hoped for (early exit, between passages as in Xin et al. 2020, "Early Exiting BERT for Efficient
Document Ranking", in the order of a best-first search).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Sequence

Apply = Callable[[Callable[[int], float], Sequence[int]], Iterable[float]]
"""What `map` does."""


def best_first(
    places: Sequence[int],
    margins: Sequence[float],
    advance: Callable[[int, int], float],
    to_beat: float = -math.inf,
    *,
    apply: Apply = map,
) -> float:
    """Read on whichever place promises most, until none can reach what is to beat; the best score, or `to_beat`.

    `advance(place, part)` runs one part of a place: a screen, part 0 to `len(margins) - 1`, gives its guess; what comes
    after the last gives the score. The first parts are run on every place, by `apply`.
    """
    begun = list(apply(lambda place: advance(place, 0), places))
    if not margins:
        return max([to_beat, *begun])
    queue = [(-(told + margins[0]), place, 1) for place, told in zip(places, begun, strict=True)]
    heapq.heapify(queue)
    while queue:
        hope, place, part = heapq.heappop(queue)
        if -hope < to_beat:
            break
        told = advance(place, part)
        if part == len(margins):
            to_beat = max(to_beat, told)
        else:
            heapq.heappush(queue, (-(told + margins[part]), place, part + 1))
    return to_beat
