"""What a reader is corrected by: the answers, and a teacher's opinion of every token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qa.training.features import Batch

if TYPE_CHECKING:
    import torch

    Logits = tuple[torch.Tensor, torch.Tensor]
    """Of starts and of ends, each (B, T)."""


def answer_loss(logits: Logits, batch: Batch) -> torch.Tensor:
    """The mean cross-entropy with the batch's labels."""
    import torch

    both = torch.stack(logits).float()
    labels = torch.from_numpy(np.stack([batch.starts, batch.ends])).to(both.device)
    return torch.nn.functional.cross_entropy(both.flatten(0, 1), labels.flatten())


def teacher_loss(logits: Logits, taught: Logits, batch: Batch, temperature: float) -> torch.Tensor:
    """The divergence (Kullback-Leibler) from what the teacher holds likely, times the square of the temperature.

    Judged are the tokens that may be chosen: the passage's, and CLS, which stands for no answer.
    """
    import torch

    both, theirs = torch.stack(logits).float(), torch.stack(taught)
    chosen = batch.mask * batch.types
    chosen[:, 0] = 1
    barred = torch.from_numpy(chosen == 0).to(both.device)
    ours, wanted = (
        torch.log_softmax((part / temperature).masked_fill(barred, -1e4), dim=-1) for part in (both, theirs)
    )
    divergence = torch.nn.functional.kl_div(ours, wanted, reduction="sum", log_target=True)
    return divergence * temperature**2 / (2 * len(batch.ids))
