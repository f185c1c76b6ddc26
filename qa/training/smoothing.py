"""Inputs of linear layers scaled so that int8's levels serve every channel (SmoothQuant; Xiao et al. 2023).

A few channels of a transformer's activations are many times larger than the others, and one scale for all of them
leaves the others few of int8's 256 levels. So what a linear layer W computes of x is computed as `(x / s) (s W)`, with
the largest value of each channel in s: then all are equally large. What this costs the weights, which keep one scale
for each output, `qa.training.gptq` makes good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Scales = Mapping[str, "torch.Tensor"]
"""What the inputs of linear layers are divided by, each (in,), by the layers' names."""

_HEAD = "qa_outputs"
_SMALLEST = 0.1
"""No channel is divided by less than this part of the mean: what is all but 0 in a few texts need not be in others."""


def blocks(model: torch.nn.Module) -> Sequence[Any]:
    """The layers of a model built as BERT is; none of another."""
    encoder = getattr(getattr(model, "base_model", None), "encoder", None)
    found: Sequence[Any] = getattr(encoder, "layer", ())
    return found if all(hasattr(one, "intermediate") for one in found) else ()


def input_scales(model: torch.nn.Module, run: Callable[[], object]) -> dict[str, torch.Tensor]:
    """The scales of all linear layers but the head's, from what reaches them while `run` runs the model on texts."""
    import torch

    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and not name.endswith(_HEAD)
    }
    largest = {name: torch.zeros(layer.in_features, device=layer.weight.device) for name, layer in layers.items()}

    def noting(name: str) -> Callable[[torch.nn.Module, tuple[torch.Tensor, ...]], None]:
        def note(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            largest[name] = torch.maximum(largest[name], inputs[0].detach().abs().flatten(0, -2).amax(0).float())

        return note

    hooks = [layer.register_forward_pre_hook(noting(name)) for name, layer in layers.items()]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return {name: found.clamp(min=max(_SMALLEST * float(found.mean()), 1e-6)) for name, found in largest.items()}


def smooth(model: torch.nn.Module, scales: Scales) -> list[torch.Tensor]:
    """Scale the layers of a BERT in place, without changing what it computes.

    What the attention reads cannot be scaled here, since its layers are fused later on: its scales are returned, of
    each block in turn (see `index.export.export_int8`).
    """
    names = {layer: name for name, layer in model.named_modules()}
    for block in blocks(model):
        value, output = block.attention.self.value, block.attention.output.dense
        scale = scales[names[output]]
        value.weight.data /= scale[:, None]
        value.bias.data /= scale
        output.weight.data *= scale
        for part in (block.intermediate, block.output):
            part.dense = _smoothed(part.dense, scales[names[part.dense]])
    return [scales[names[block.attention.self.query]] for block in blocks(model)]


def _smoothed(layer: torch.nn.Linear, scale: torch.Tensor) -> torch.nn.Module:
    import torch

    class Smoothed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.smoothing = torch.nn.Buffer(1.0 / scale)
            layer.weight.data *= scale
            self.layer = layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = self.layer(x * self.smoothing)
            return output

    return Smoothed()
