"""Activations made easier to quantise, by SmoothQuant (Xiao et al. 2023)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_SMALLEST = 1e-5


def smooth(model: torch.nn.Module, run: Callable[[], object], *, alpha: float = 0.7) -> None:
    """Even out the inputs of the layers that need it most, in place, without changing what the model computes.

    A few channels of a transformer's activations are far larger than the others, and one scale for all of them leaves
    the others few of int8's 256 levels. It is worst behind the activation function, so layers with more inputs than
    outputs are treated: each channel j of the input X is divided by `max|X_j|^alpha / max|W_j|^(1-alpha)`, and the
    weights W are multiplied by it. `run` runs the model on typical texts, while the largest inputs are noted.
    """
    import torch

    layers = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and layer.in_features > layer.out_features
    ]
    largest: dict[str, torch.Tensor] = {}

    def noting(name: str) -> Callable[[torch.nn.Module, tuple[torch.Tensor, ...]], None]:
        def note(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            seen = inputs[0].detach().abs().flatten(0, -2).amax(0)
            largest[name] = torch.maximum(largest[name], seen) if name in largest else seen

        return note

    hooks = [layer.register_forward_pre_hook(noting(name)) for name, layer in layers]
    with torch.inference_mode():
        run()
    for hook in hooks:
        hook.remove()
    for name, layer in layers:
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, _smoothed(layer, largest[name], alpha))


def _smoothed(layer: torch.nn.Linear, largest: torch.Tensor, alpha: float) -> torch.nn.Module:
    """A module that divides its inputs by the scales of their channels, then applies the layer with scaled weights."""
    import torch

    class Smoothed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            scale = largest.clamp(min=_SMALLEST) ** alpha / layer.weight.abs().amax(0).clamp(min=_SMALLEST) ** (
                1 - alpha
            )
            layer.weight.data *= scale
            self.layer = layer
            self.inverse = torch.nn.Buffer(1.0 / scale)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = self.layer(x * self.inverse)
            return output

    return Smoothed()
