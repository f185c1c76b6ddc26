"""Passages that look right for a question and do not answer it, found by BM25."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from eval.dataset import ReadingExample
from index.lexical import LexicalIndex

_SEARCHED = 20


class WrongPassages:
    """Searches the passages of one data set."""

    def __init__(self, passages: Iterable[str]) -> None:
        """Index the passages, each once."""
        self.passages = list(dict.fromkeys(passages))
        self._lexical = LexicalIndex(None)
        self._lexical.change(remove=(), add=[(row, "", text) for row, text in enumerate(self.passages)])

    def of(self, question: str, answers: Sequence[str]) -> list[str]:
        """The passages closest to the question, best first, that hold none of the answers; at most 20."""
        found = (self.passages[row] for row in self._lexical.search(question, _SEARCHED))
        return [text for text in found if not any(answer.lower() in text.lower() for answer in answers)]


def with_wrong_passages(examples: Sequence[ReadingExample]) -> list[ReadingExample]:
    """The examples, and after them each answerable question on the closest passage that does not answer it."""
    passages = WrongPassages(example.passage for example in examples)
    return [
        *examples,
        *(
            replace(example, id=f"{example.id} (wrong passage)", passage=wrong[0], answers=(), starts=())
            for example in examples
            if example.answerable and (wrong := passages.of(example.question, example.answers))
        ),
    ]
