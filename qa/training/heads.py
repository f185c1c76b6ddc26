"""The heads of screens: a guess at what a passage will score, from the states after some of the reader's layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from index.arrays import Floats

if TYPE_CHECKING:
    import torch

_WIDTH, _FEATURES, _PASSES, _BATCH, _RATE = 96, 32, 6, 32, 4e-3
_QUANTILE = 0.9
_FAR = 12.0
_OUTSIDE = -30.0
_NEITHER = 2
"""The type of padding, which is neither question (0) nor passage (1)."""


@dataclass(frozen=True, slots=True)
class Look:
    """A window as the screens see it: states of shape (tokens, width) at each, and its tokens' types.

    `question` numbers its question; `score` is that of the best span when it is read to the end, and `guesses` what the
    screens guess, if they have heads.
    """

    question: int
    states: tuple[npt.NDArray[np.float16], ...]
    types: npt.NDArray[np.int64]
    score: float
    guesses: tuple[float, ...] = ()


def fit(seen: Sequence[Look], screen: int, seed: int) -> torch.nn.Module:
    """A head fitted so that nine in ten windows score less than its guess (pinball loss, scores within 12 of 0)."""
    import torch

    class Head(torch.nn.Module):
        """Features of every token; the largest over the passage and over the question, and those of CLS."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.norm = torch.nn.Sequential(torch.nn.LayerNorm(width), torch.nn.Dropout(0.1))
            self.hidden = torch.nn.Sequential(torch.nn.Linear(width, _WIDTH), torch.nn.GELU())
            self.passage, self.question = torch.nn.Linear(_WIDTH, _FEATURES), torch.nn.Linear(_WIDTH, _FEATURES)
            self.whole = torch.nn.Linear(width, _FEATURES)
            self.out = torch.nn.Sequential(
                torch.nn.GELU(),
                torch.nn.Dropout(0.1),
                torch.nn.Linear(3 * _FEATURES, _FEATURES),
                torch.nn.GELU(),
                torch.nn.Linear(_FEATURES, 1),
            )

        def forward(self, states: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
            states = self.norm(states)
            hidden = self.hidden(states)
            passage, question = self.passage(hidden), self.question(hidden)
            passage = torch.where((types == 1).unsqueeze(-1), passage, _OUTSIDE).amax(1)
            question = torch.where((types == 0).unsqueeze(-1), question, _OUTSIDE).amax(1)
            guess: torch.Tensor = self.out(torch.cat([passage, question, self.whole(states[:, 0])], -1)).squeeze(-1)
            return guess * _FAR

    torch.manual_seed(seed)
    head = Head(seen[0].states[screen].shape[1])
    optimiser = torch.optim.AdamW(head.parameters(), weight_decay=0.05)
    steps = _PASSES * -(-len(seen) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    rng = np.random.default_rng(seed)
    for _ in range(_PASSES):
        order = rng.permutation(len(seen))
        for first in range(0, len(order), _BATCH):
            some = [seen[place] for place in order[first : first + _BATCH]]
            short = head(*_padded(some, screen)) - torch.tensor([one.score for one in some]).clamp(-_FAR, _FAR)
            optimiser.zero_grad()
            loss: Any = torch.maximum(-_QUANTILE * short, (1 - _QUANTILE) * short).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return head.eval()


def guesses(head: torch.nn.Module, seen: Sequence[Look], screen: int) -> Floats:
    """The head's guess at every window, shape (n,)."""
    import torch

    with torch.inference_mode():
        made = [head(*_padded(seen[first : first + _BATCH], screen)) for first in range(0, len(seen), _BATCH)]
    found: Floats = torch.cat(made).numpy()
    return found


def _padded(seen: Sequence[Look], screen: int) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    longest = max(len(one.types) for one in seen)
    states = torch.zeros(len(seen), longest, seen[0].states[screen].shape[1])
    types = torch.full((len(seen), longest), _NEITHER)
    for row, one in enumerate(seen):
        states[row, : len(one.types)] = torch.from_numpy(one.states[screen]).float()
        types[row, : len(one.types)] = torch.from_numpy(one.types)
    return states, types
