"""The default reader: an exported int8 model on ONNX Runtime, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from index.onnx_model import OnnxModel, batches
from qa.reader import BUNDLED_READER, WINDOW_TOKENS, Window, windows

_BATCH_TOKENS = 2048


class OnnxReader:
    """A reader from a model folder that `python -m qa.export` has written."""

    def __init__(self, folder: Path = BUNDLED_READER, *, threads: int | None = None) -> None:
        """Load the model of `folder`. Raises `ModelError` when it is missing or altered."""
        self._model = OnnxModel(folder, "reader", threads=threads)
        self.name = self._model.card.name

    def read(self, question: str, passages: Sequence[str]) -> list[Window]:
        """Windows over all passages, in the passages' order."""
        limit = min(WINDOW_TOKENS, self._model.card.max_tokens)
        inputs = windows(self._model.tokenizer, question, passages, max_tokens=limit)
        found: list[Window | None] = [None] * len(inputs)
        for group in batches([len(one.encoding.ids) for one in inputs], tokens=_BATCH_TOKENS):
            starts, ends = self._model.run([inputs[index].encoding for index in group])
            for row, index in enumerate(group):
                found[index] = inputs[index].scored(starts[row], ends[row])
        return [window for window in found if window is not None]
