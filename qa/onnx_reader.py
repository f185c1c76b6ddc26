"""The default reader: an exported int8 model on ONNX Runtime, without torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from index.arrays import Floats
from index.onnx_model import OnnxModel
from qa.reader import BUNDLED_READER, WINDOW_TOKENS, Window, windows
from qa.screening import best_first

_AT_ONCE = 32
"""So many windows' states are kept at a time: 18 MB."""
_ABREAST = 2
"""So many windows are begun side by side: two cores are busier so than when both share one window."""


class OnnxReader:
    """A reader from a model folder that `python -m qa.training.export` has written."""

    def __init__(self, folder: Path = BUNDLED_READER, *, threads: int | None = None) -> None:
        """Load the model of `folder`. Raises `ModelError` when it is missing or altered."""
        self._model = OnnxModel(folder, "reader", threads=threads)
        self.name = self._model.card.name

    def read(self, question: str, passages: Sequence[str], *, to_beat: float = -math.inf) -> list[Window]:
        """Windows over the passages, in the passages' order; see `Reader`.

        A model with screens runs its first layers on every window, and the others where these leave hope. Windows
        whose best spans lie closer together than the rounding of activations can tell are read again without it.
        """
        limit = min(WINDOW_TOKENS, self._model.card.max_tokens)
        inputs = windows(self._model.tokenizer, question, passages, max_tokens=limit)
        margins = self._model.card.margins
        states: dict[int, Floats] = {}
        found: dict[int, Window] = {}

        def advance(place: int, part: int) -> float:
            one = inputs[place]
            if part < len(margins):
                states[place], guess = self._model.screen(one.encoding, part, states.get(place))
                return guess
            found[place] = one.scored(*self._model.run(one.encoding, states.pop(place, None)))
            return found[place].best

        for first in range(0, len(inputs), _AT_ONCE):
            places = range(first, min(first + _AT_ONCE, len(inputs)))
            to_beat = best_first(places, margins, advance, to_beat, apply=_side_by_side)
            states.clear()
        for place in near_ties(found, self._model.card.resolution, to_beat):
            found[place] = inputs[place].scored(*self._model.run_unrounded(inputs[place].encoding))
        return [found[place] for place in sorted(found)]


def _side_by_side(function: Callable[[int], float], places: Sequence[int]) -> Iterable[float]:
    if len(places) < 2:
        return map(function, places)
    with ThreadPoolExecutor(_ABREAST) as pool:
        return pool.map(function, places)


def near_ties(found: Mapping[int, Window], resolution: float, to_beat: float) -> list[int]:
    """The places of the windows with spans that score less than `resolution` below the best, if these are several.

    None for a resolution of 0, which is that of a model that has no unrounded twin.
    """
    if not resolution:
        return []
    near = [
        (place, (window.passage, window.starts[first], window.ends[last]))
        for place, window in found.items()
        for first, last, score in window.top_spans(2)
        if score > to_beat - resolution
    ]
    return sorted({place for place, _ in near}) if len({span for _, span in near}) > 1 else []
