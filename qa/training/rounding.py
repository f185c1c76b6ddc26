"""int8's rounding imitated in float, to train with it (Jacob et al. 2018) or to make good for it (`qa.training.gptq`).

What `index.export.export_int8` makes of a model: weights of 7 bits with one scale for each output, inputs of 8 bits
with one scale for all, both after `qa.training.smoothing`; what that keeps apart stays exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qa.training.smoothing import scale_of

if TYPE_CHECKING:
    import torch

    from qa.training.smoothing import Smoothing

WEIGHT_STEPS = 64
_INPUT_STEPS = 255


def round_layers(model: torch.nn.Module, smoothing: Smoothing) -> None:
    """Let the layers named in `smoothing` compute as int8 would; gradients pass as if nothing had been rounded."""
    for name, factors in smoothing.items():
        layer = model.get_submodule(name)
        layer.forward = _rounding(layer, factors.to(layer.weight.device))  # type: ignore[arg-type]


def _rounding(layer: torch.nn.Module, factors: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    from torch.nn.functional import linear

    apart = (factors == 0.0).nonzero()[:, 0]
    scale = scale_of(factors) * (factors > 0.0)

    def forward(x: torch.Tensor) -> torch.Tensor:
        weight: torch.Tensor = layer.weight  # type: ignore[assignment]
        output = linear(round_inputs(x * factors), _round_weights(weight * scale), layer.bias)  # type: ignore[arg-type]
        return output + linear(x[..., apart], weight[:, apart]) if len(apart) else output

    return forward


def _round_weights(weight: torch.Tensor) -> torch.Tensor:
    """Each row to multiples of its largest value over 64."""
    scale = weight.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / WEIGHT_STEPS
    return weight + ((weight / scale).round() * scale - weight).detach()


def round_inputs(x: torch.Tensor) -> torch.Tensor:
    """All to 256 levels from the smallest value, or 0, to the largest, or 0."""
    low, high = x.detach().amin().clamp(max=0.0), x.detach().amax().clamp(min=0.0)
    scale = ((high - low) / _INPUT_STEPS).clamp(min=1e-8)
    return x + ((x / scale).round() * scale - x).detach()
