"""Inputs of linear layers made fit for int8: scaled (SmoothQuant; Xiao et al. 2023), the largest kept apart.

Some channels of a transformer's activations are many times larger than the others, and one scale for all of them
leaves the others few of int8's 256 levels. So what a linear layer W computes of x is computed as `(x m) (W / m)`, with
smaller m for larger channels. That makes the weights of these larger, which have one scale for each output; so not all
of it is evened out, and where a layer widens or narrows, the few largest channels, O, are taken apart, as LLM.int8()
does (Dettmers et al. 2022): `(x m) (W / m) + x_O W_O`, with m zero for them. The last product is narrow enough to stay
float. What rounding still does, `qa.training.gptq` makes good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from index.export import EXACT, HEAD, SMOOTHING

if TYPE_CHECKING:
    import torch

Smoothing = Mapping[str, "torch.Tensor"]
"""What the inputs of linear layers are multiplied by, each (in,), 0 for those kept apart; by the layers' names."""

_SHARE = 0.75
"""How much of the differences between channels the weights take over; the rest stays in the activations."""
_APART = 4
_SMALLEST = 1e-5


def blocks(model: torch.nn.Module) -> Sequence[Any]:
    """The layers of a model built as BERT is; none of another."""
    encoder = getattr(getattr(model, "base_model", None), "encoder", None)
    found: Sequence[Any] = getattr(encoder, "layer", ())
    return found if all(hasattr(one, "intermediate") for one in found) else ()


def smoothing(model: torch.nn.Module, run: Callable[[], object]) -> dict[str, torch.Tensor]:
    """Of all linear layers but the head's, from what reaches them while `run` runs the model on texts.

    Layers that get the same get the same smoothing.
    """
    import torch

    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and not name.endswith(HEAD)
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
    weights = {name: layer.weight.detach().abs().amax(0) for name, layer in layers.items()}
    for block in blocks(model):
        heads = block.attention.self
        alike = [name for name, layer in layers.items() if layer in (heads.query, heads.key, heads.value)]
        weights.update(dict.fromkeys(alike, torch.stack([weights[name] for name in alike]).amax(0)))
    found = {}
    for name, layer in layers.items():
        scale = largest[name].clamp(min=_SMALLEST) ** _SHARE / weights[name].clamp(min=_SMALLEST) ** (1.0 - _SHARE)
        found[name] = scale.mean() / scale
        if layer.in_features != layer.out_features:
            found[name][largest[name].topk(_APART).indices] = 0.0
    return found


def scale_of(smoothing: torch.Tensor) -> torch.Tensor:
    """What the weights of a layer are multiplied with, (in,); 1 for inputs kept apart."""
    return smoothing.where(smoothing > 0.0, 1.0).reciprocal()


def smooth(model: torch.nn.Module, smoothing: Smoothing) -> list[torch.Tensor]:
    """Scale the layers of a BERT in place, without changing what it computes.

    What the attention reads cannot be scaled here, since its layers are fused later on: what to multiply it by is
    returned, of each block in turn (see `index.export.export_int8`).
    """
    names = {layer: name for name, layer in model.named_modules()}
    for block in blocks(model):
        value, output = block.attention.self.value, block.attention.output.dense
        factor = smoothing[names[output]]
        value.weight.data *= factor[:, None]
        value.bias.data *= factor
        output.weight.data /= factor
        for part in (block.intermediate, block.output):
            part.dense = _smoothed(part.dense, smoothing[names[part.dense]])
    return [smoothing[names[block.attention.self.query]] for block in blocks(model)]


def _smoothed(layer: torch.nn.Linear, smoothing: torch.Tensor) -> torch.nn.Module:
    import torch

    class Smoothed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.apart = torch.nn.Buffer((smoothing == 0.0).nonzero()[:, 0])
            self.register_buffer(SMOOTHING, smoothing)
            self.register_buffer(EXACT, layer.weight.detach()[:, self.apart].T.clone())
            layer.weight.data *= scale_of(smoothing) * (smoothing > 0.0)
            self.layer = layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            smoothed: torch.Tensor = self.layer(x * self.get_buffer(SMOOTHING))
            return smoothed + x.index_select(-1, self.apart) @ self.get_buffer(EXACT)

    return Smoothed()
