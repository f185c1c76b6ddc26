"""From examples to batches of token windows with labels."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from qa.reader import windows
from qa.torch_reader import batches
from qa.training.examples import Example

_POOL = 64

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Feature:
    """One window: token ids and types, each of shape (T,), and the tokens where the answer starts and ends.

    Both are 0, the CLS token, when the window does not hold the whole answer.
    """

    ids: npt.NDArray[np.int32]
    types: npt.NDArray[np.int8]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded windows: `ids`, `mask`, `types` of shape (B, T); `starts`, `ends` of shape (B,)."""

    ids: Integers
    mask: Integers
    types: Integers
    starts: Integers
    ends: Integers


def features(
    tokenizer: Tokenizer, examples: Iterable[Example], *, max_tokens: int, stride: int, rng: random.Random
) -> list[Feature]:
    """The windows of all examples, in order.

    A long passage whose answer stands in one window gives that window and every other time one of the others, not all
    of them: windows without an answer would else outnumber the rest.
    """
    found: list[Feature] = []
    for example in examples:
        holding: list[Feature] = []
        empty: list[Feature] = []
        for window in windows(tokenizer, example.question, [example.passage], max_tokens=max_tokens, stride=stride):
            encoding = window.encoding
            start = end = None
            if example.start >= 0:
                start = encoding.char_to_token(example.start, 1)
                end = encoding.char_to_token(_last(example), 1)
            whole = start is not None and end is not None
            feature = Feature(
                np.array(encoding.ids, np.int32),
                np.array(encoding.type_ids, np.int8),
                start if whole and start else 0,
                end if whole and end else 0,
            )
            (holding if whole else empty).append(feature)
        if example.start >= 0:
            found += holding
        if empty and (example.start < 0 or rng.random() < 0.5):
            found.append(rng.choice(empty))
    return found


def save_features(features: Sequence[Feature], path: Path) -> None:
    """Write windows to an .npz file: the tokens of all of them one after the other, and where each one ends."""
    scratch = path.with_name(f".{path.name}")
    np.savez_compressed(
        scratch,
        ids=np.concatenate([one.ids for one in features]),
        types=np.concatenate([one.types for one in features]),
        ends=np.cumsum([len(one.ids) for one in features]),
        spans=np.array([(one.start, one.end) for one in features], np.int32),
    )
    scratch.replace(path)


def load_features(path: Path) -> list[Feature]:
    """The windows that `save_features` wrote."""
    with np.load(path) as stored:
        ids, types, ends, spans = (stored[name] for name in ("ids", "types", "ends", "spans"))
    return [
        Feature(ids[last - size : last], types[last - size : last], int(start), int(end))
        for last, size, (start, end) in zip(ends, np.diff(ends, prepend=0), spans, strict=True)
    ]


def batched(features: list[Feature], *, tokens: int, pad: int, rng: random.Random) -> Iterator[Batch]:
    """All features once, in random order, windows of like length together, at most `tokens` padded tokens a batch."""
    order = list(range(len(features)))
    rng.shuffle(order)
    groups: list[list[int]] = []
    mean = max(1, sum(len(one.ids) for one in features) // max(1, len(features)))
    size = max(1, _POOL * tokens // mean)
    for first in range(0, len(order), size):
        pool = order[first : first + size]
        lengths = [len(features[index].ids) for index in pool]
        groups += [[pool[i] for i in group] for group in batches(lengths, tokens=tokens)]
    rng.shuffle(groups)
    for group in groups:
        yield _padded([features[index] for index in group], pad)


def _padded(group: list[Feature], pad: int) -> Batch:
    shape = (len(group), max(len(one.ids) for one in group))
    ids = np.full(shape, pad, np.int64)
    mask, types = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for row, one in enumerate(group):
        size = len(one.ids)
        ids[row, :size], mask[row, :size], types[row, :size] = one.ids, 1, one.types
    return Batch(ids, mask, types, np.array([one.start for one in group]), np.array([one.end for one in group]))


def _last(example: Example) -> int:
    """The place of the answer's last character that is not white space."""
    return example.start + len(example.passage[example.start : example.end].rstrip()) - 1
