"""What a training run depends on besides its data, and its schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from qa.training.examples import Kind


def _option(default: Any, about: str) -> Any:  # noqa: ANN401 - as dataclasses.field
    return field(default=default, metadata={"help": about})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run depends on besides its data; `python -m qa.training --help` says what each is.

    A run lasts `minutes`, or `passes` over the data when `minutes` is None; only the latter gives the same weights on
    machines of different speed. `negatives` gives for each kind how many are made for one answerable question.
    """

    init: str
    seed: int = _option(0, "of the data's order and of dropout")
    passes: float = _option(2.0, "over the data, unless --minutes is given")
    minutes: float | None = _option(None, "of training; the schedule fits itself into them")
    learning_rate: float = _option(5e-5, "at its peak")
    warm_up: float = _option(0.03, "share of the run in which the learning rate rises")
    weight_decay: float = _option(0.01, "of AdamW, not on biases and layer norms")
    batch_tokens: int = _option(3200, "padded tokens in a batch")
    max_tokens: int = _option(288, "of a window")
    stride: int = _option(96, "tokens that successive windows share")
    dropout: float = _option(0.1, "of hidden states")
    frozen_layers: int = _option(0, "lowest encoder layers, with the embeddings, that keep their weights")
    exit_layer: int = _option(0, "whose states learn to find answers too, for a screen to judge by; 0: none")
    exit_weight: float = _option(0.3, "of what is learnt there, the reader's own having 1")
    teacher: str = _option("", "a larger reader to learn from: hub name or folder")
    teacher_weight: float = _option(0.7, "of what is learnt from the teacher, the rest being the answers'")
    temperature: float = _option(2.0, "by which the teacher's and the reader's logits are divided, to compare them")
    rounded_share: float = _option(0.0, "last share of the run in which layers are rounded as int8 would")
    precision: str = _option("bf16", "bf16 (mixed) or fp32")
    checkpoint_steps: int = _option(200, "steps between checkpoints")
    evaluations: int = _option(8, "how often the development questions are read during the run")
    negatives: dict[Kind, float] = field(
        default_factory=lambda: {"wrong passage": 0.1, "sentence cut": 0.1, "name swapped": 0.05}
    )


def factor(share: float, warm_up: float) -> float:
    """The learning rate over its peak: up in a line over the first `warm_up` of the run, then down to 0 as a cosine."""
    if share < warm_up:
        return max(share / warm_up, 0.02)
    return 0.5 * (1.0 + math.cos(math.pi * (share - warm_up) / (1.0 - warm_up)))
