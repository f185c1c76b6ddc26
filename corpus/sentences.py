"""Sentence boundaries, as character offsets."""

from __future__ import annotations

import re
from functools import lru_cache

_PARAGRAPH = re.compile(r"[^\n]+\n*|\n+")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Cut `text` into sentences: half-open character offsets that follow each other and cover the whole text.

    A line break ends a sentence (news text puts a paragraph on a line). The white space after a sentence belongs to
    it, so joining the pieces gives the text back.
    """
    spans: list[tuple[int, int]] = []
    for paragraph in _PARAGRAPH.finditer(text):
        start = paragraph.start()
        spans.extend((start + a, start + b) for a, b in _cut(paragraph[0]))
    return spans


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Half-open offsets of the sentence or sentences that hold `text[start:end]`, without outer white space."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    first, last = line_start, line_end
    for a, b in sentence_spans(text[line_start:line_end]):
        if line_start + a <= start < line_start + b:
            first = line_start + a
        if line_start + a < end <= line_start + b:
            last = line_start + b
    return strip(text, first, last)


def without(text: str, quote: str) -> str:
    """The text without every sentence that holds `quote`."""
    while (start := text.find(quote)) >= 0:
        first, last = sentence_around(text, start, start + len(quote))
        text = text[:first] + text[last:].lstrip()
    return text


def strip(text: str, start: int, end: int) -> tuple[int, int]:
    """Narrow half-open offsets until neither end of `text[start:end]` is white space."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))


@lru_cache(maxsize=4096)
def _cut(paragraph: str) -> tuple[tuple[int, int], ...]:
    from nupunkt import sent_spans

    starts = [a for a, _ in sent_spans(paragraph)]
    starts = [0, *starts[1:]]
    return tuple(zip(starts, [*starts[1:], len(paragraph)], strict=True))
