"""The default reader: an exported int8 model on ONNX Runtime, without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from index.onnx_model import OnnxModel
from qa.reader import BUNDLED_READER, WINDOW_TOKENS, Window, windows

_AT_ONCE = 32
"""So many windows' states are kept at a time: 18 MB."""


class OnnxReader:
    """A reader from a model folder that `python -m qa.export` has written."""

    def __init__(self, folder: Path = BUNDLED_READER, *, threads: int | None = None) -> None:
        """Load the model of `folder`. Raises `ModelError` when it is missing or altered."""
        self._model = OnnxModel(folder, "reader", threads=threads)
        self.name = self._model.card.name

    def read(self, question: str, passages: Sequence[str], *, to_beat: float = -math.inf) -> list[Window]:
        """Windows over the passages, in the passages' order; see `Reader`.

        A model with a screen has the first layers look at every window. The rest reads the most promising one, then
        the next, as long as its guess is not the model card's margin below the best score so far, or `to_beat`.
        """
        limit = min(WINDOW_TOKENS, self._model.card.max_tokens)
        inputs = windows(self._model.tokenizer, question, passages, max_tokens=limit)
        margin = self._model.card.margin
        if margin is None:
            return [one.scored(*self._model.run(one.encoding)) for one in inputs]
        found: dict[int, Window] = {}
        for first in range(0, len(inputs), _AT_ONCE):
            places = range(first, min(first + _AT_ONCE, len(inputs)))
            looked = {place: self._model.screen(inputs[place].encoding) for place in places}
            for place in sorted(looked, key=lambda place: -looked[place][1]):
                states, guess = looked[place]
                if guess + margin < to_beat:
                    break
                one = inputs[place]
                found[place] = one.scored(*self._model.run(one.encoding, states))
                to_beat = max(to_beat, found[place].best)
        return [found[place] for place in sorted(found)]
