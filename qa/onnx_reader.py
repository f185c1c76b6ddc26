"""The default reader: an exported int8 model on ONNX Runtime, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from index.onnx_model import OnnxModel
from qa.reader import BUNDLED_READER, WINDOW_TOKENS, Window, windows


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
        return [one.scored(*self._model.run(one.encoding)) for one in inputs]
