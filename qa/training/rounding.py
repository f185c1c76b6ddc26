"""Training with int8's rounding, so that the weights learn to do with it (Jacob et al. 2018).

What `index.export.export_int8` makes of a model is imitated: weights of 7 bits with one scale for each output, inputs
of 8 bits with one scale for all, and the largest inputs of the layers that widen or narrow kept apart as
`index.outliers` does. Gradients pass as if nothing had been rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from index.outliers import largest_inputs

if TYPE_CHECKING:
    import torch

_WEIGHT_STEPS = 64
_INPUT_STEPS = 255


def exact_inputs(model: torch.nn.Module, run: Callable[[], object]) -> dict[str, torch.Tensor]:
    """The inputs that stay exact in every linear layer of the encoder and the head, by the layer's name."""
    import torch

    outliers = largest_inputs(model, run)
    return {
        name: outliers.get(name, torch.zeros(0, dtype=torch.long))
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
    }


def round_layers(model: torch.nn.Module, exact: dict[str, torch.Tensor]) -> None:
    """Let the layers named in `exact` compute as int8 would, but for the inputs given there; in place."""
    for name, outliers in exact.items():
        layer = model.get_submodule(name)
        layer.forward = _rounding(layer, outliers.to(layer.weight.device))  # type: ignore[arg-type]


def _rounding(layer: torch.nn.Module, outliers: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    import torch
    from torch.nn.functional import linear

    kept = torch.ones(layer.in_features, device=outliers.device)  # type: ignore[call-overload]
    kept[outliers] = 0.0

    def forward(x: torch.Tensor) -> torch.Tensor:
        weight: torch.Tensor = layer.weight  # type: ignore[assignment]
        output = linear(_round_inputs(x * kept), _round_weights(weight * kept), layer.bias)  # type: ignore[arg-type]
        return output + linear(x[..., outliers], weight[:, outliers]) if len(outliers) else output

    return forward


def _round_weights(weight: torch.Tensor) -> torch.Tensor:
    """Each row to multiples of its largest value over 64."""
    scale = weight.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / _WEIGHT_STEPS
    return weight + ((weight / scale).round() * scale - weight).detach()


def _round_inputs(x: torch.Tensor) -> torch.Tensor:
    """All to 256 levels from the smallest value, or 0, to the largest, or 0."""
    low, high = x.detach().amin().clamp(max=0.0), x.detach().amax().clamp(min=0.0)
    scale = ((high - low) / _INPUT_STEPS).clamp(min=1e-8)
    return x + ((x / scale).round() * scale - x).detach()
