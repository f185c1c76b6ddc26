"""Readings remembered, so that the parts of a run are measured without reading anything twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from qa import ArticleQA
from qa.reader import Reader, Window


class Remembered:
    """A reader that keeps what it has read, by question, passage and what was to beat, until it is told to forget."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self.name = reader, reader.name
        self._windows: dict[tuple[str, str, float], list[Window]] = {}

    def read(self, question: str, passages: Sequence[str], *, to_beat: float = -math.inf) -> list[Window]:
        """Windows over the passages, in the passages' order; only what is new is read, a passage at a time."""
        for text in passages:
            if (question, text, to_beat) not in self._windows:
                self._windows[question, text, to_beat] = self._reader.read(question, [text], to_beat=to_beat)
        return [
            replace(window, passage=number)
            for number, text in enumerate(passages)
            for window in self._windows[question, text, to_beat]
        ]

    def forget(self) -> None:
        """Read everything anew from here on."""
        self._windows.clear()


def remembering(bot: ArticleQA) -> tuple[ArticleQA, Remembered]:
    """The same assistant with a reader that remembers, and this reader."""
    reader = Remembered(bot.reader)
    return ArticleQA(bot.library, reader, calibrator=bot.calibrator, settings=bot.settings), reader
