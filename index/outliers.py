"""Channels too large for int8 kept in float, as in LLM.int8() (Dettmers et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

EXACT = "exact"
"""The name of the weights that stay float."""


def keep_outliers(model: torch.nn.Module, run: Callable[[], object]) -> None:
    """Take the largest inputs out of the feed-forward layers, in place, without changing what the model computes.

    One or two channels of a transformer's activations are several times larger than the others, and one scale for all
    of them leaves the others few of int8's 256 levels. So each linear layer W that widens or narrows has the largest of
    its inputs, O, taken apart: `X W = X' W + X_O W_O`, with O zero in X'. The second product is narrow enough to stay
    float. `run` runs the model on typical texts, while the largest inputs are noted.
    """
    for name, outliers in largest_inputs(model, run).items():
        parent, _, last = name.rpartition(".")
        layer: torch.nn.Linear = model.get_submodule(name)  # type: ignore[assignment]
        setattr(model.get_submodule(parent), last, _apart(layer, outliers))


def largest_inputs(model: torch.nn.Module, run: Callable[[], object], *, channels: int = 4) -> dict[str, torch.Tensor]:
    """The `channels` inputs, ascending, that grow largest in each linear layer that widens or narrows, by its name."""
    import torch

    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and layer.in_features != layer.out_features
    }
    largest = {name: torch.zeros(layer.in_features, device=layer.weight.device) for name, layer in layers.items()}

    def noting(name: str) -> Callable[[torch.nn.Module, tuple[torch.Tensor, ...]], None]:
        def note(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            largest[name] = torch.maximum(largest[name], inputs[0].detach().abs().flatten(0, -2).amax(0))

        return note

    hooks = [layer.register_forward_pre_hook(noting(name)) for name, layer in layers.items()]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return {name: found.topk(channels).indices.sort().values for name, found in largest.items()}


def _apart(layer: torch.nn.Linear, outliers: torch.Tensor) -> torch.nn.Module:
    """The layer, with the weights of some of its inputs in a product of their own."""
    import torch

    class Apart(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            kept = torch.ones(layer.in_features)
            kept[outliers] = 0.0
            self.outliers, self.kept = torch.nn.Buffer(outliers), torch.nn.Buffer(kept)
            self.exact = torch.nn.Buffer(layer.weight.detach()[:, outliers].T.clone())
            layer.weight.data *= kept
            self.layer = layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = self.layer(x * self.kept) + x.index_select(-1, self.outliers) @ self.exact
            return output

    return Apart()
