"""The reader's protocol: from a question and passages to windows of logits.

A back end returns windows and decides nothing; `qa.spans` holds all policy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from index.arrays import Floats

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

BUNDLED_READER = Path(__file__).parent / "models" / "reader-v7-int8"
MAX_QUESTION_TOKENS = 64
WINDOW_TOKENS = 384
WINDOW_STRIDE = 128
MAX_ANSWER_TOKENS = 30


@dataclass(frozen=True, slots=True)
class Window:
    """One model input: the tokens of (a part of) one passage, T of them, with their logits.

    `starts` and `ends` are half-open character offsets into the passage, shape (T,); `start_logits` and `end_logits`
    have shape (T,). `null_score` is the sum of both logits at CLS: the model's score for "this window does not say".
    """

    passage: int
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    start_logits: Floats
    end_logits: Floats
    null_score: float

    @property
    def best(self) -> float:
        """The score of its best span, of whatever length; minus infinity when there are no tokens."""
        if len(self.starts) == 0:
            return -math.inf
        return float((np.maximum.accumulate(self.start_logits) + self.end_logits).max()) - self.null_score

    def top_spans(self, count: int, *, max_tokens: int = MAX_ANSWER_TOKENS) -> list[tuple[int, int, float]]:
        """The `count` best (first token, last token, score) with first <= last < first + max_tokens, best first."""
        size = len(self.starts)
        if size == 0:
            return []
        width = min(max_tokens, size)
        lasts = np.arange(size)[:, None] + np.arange(width)[None, :]
        inside = lasts < size
        ends: npt.NDArray[np.float32] = np.where(inside, self.end_logits[np.minimum(lasts, size - 1)], -np.inf)
        scores = (self.start_logits[:, None] + ends - self.null_score).ravel()
        count = min(count, int(inside.sum()))
        best = np.argpartition(-scores, count - 1)[:count]
        best = best[np.argsort(-scores[best], kind="stable")]
        return [(int(i // width), int(i // width + i % width), float(scores[i])) for i in best]


class Reader(Protocol):
    """Scores every token of the passages as the start and the end of an answer."""

    name: str

    def read(self, question: str, passages: Sequence[str], *, to_beat: float = -math.inf) -> list[Window]:
        """Windows over all passages, in the passages' order; `Window.passage` is the passage's index.

        A back end may leave out windows whose spans would surely score less than `to_beat`, or than a span in another
        of these passages.
        """
        ...


@dataclass(frozen=True, slots=True)
class WindowInput:
    """One model input before the model has run: the passage's index and the tokens of question and passage."""

    passage: int
    encoding: Encoding

    def scored(self, start_logits: Floats, end_logits: Floats, *, cls: int = 0) -> Window:
        """The window of these logits, each of shape (at least T + question and special tokens,)."""
        size = len(self.encoding.ids)
        rows = np.array([i for i, part in enumerate(self.encoding.sequence_ids) if part == 1], np.int64)
        offsets = np.array(self.encoding.offsets, np.int64).reshape(size, 2)[rows]
        rows, offsets = rows[offsets[:, 0] < offsets[:, 1]], offsets[offsets[:, 0] < offsets[:, 1]]
        return Window(
            passage=self.passage,
            starts=offsets[:, 0],
            ends=offsets[:, 1],
            start_logits=start_logits[rows],
            end_logits=end_logits[rows],
            null_score=float(start_logits[cls] + end_logits[cls]),
        )


def windows(
    tokenizer: Tokenizer,
    question: str,
    passages: Sequence[str],
    *,
    max_tokens: int = WINDOW_TOKENS,
    stride: int = WINDOW_STRIDE,
) -> list[WindowInput]:
    """Pair the question with every passage, cutting long passages into windows that share `stride` tokens.

    The question is cut at 64 tokens, or half a window. The tokenizer must neither truncate nor pad by itself.
    """
    asked = tokenizer.encode(question, add_special_tokens=False)
    room = max_tokens - tokenizer.num_special_tokens_to_add(is_pair=True)
    asked.truncate(min(MAX_QUESTION_TOKENS, room // 2))
    room -= len(asked.ids)
    inputs: list[WindowInput] = []
    for index, passage in enumerate(tokenizer.encode_batch(list(passages), add_special_tokens=False)):
        passage.truncate(room, stride=min(stride, room // 2))
        inputs.extend(
            WindowInput(index, tokenizer.post_process(asked, part)) for part in (passage, *passage.overflowing)
        )
    return inputs


def load_reader(model: str | None = None) -> Reader:
    """The bundled reader, an exported model folder, or any question-answering model (hub name or folder)."""
    if model is None or ((Path(model) / "model.onnx").is_file() and (Path(model) / "model.json").is_file()):
        from qa.onnx_reader import OnnxReader

        return OnnxReader(Path(model) if model else BUNDLED_READER)
    from qa.torch_reader import TorchReader

    return TorchReader(model)
