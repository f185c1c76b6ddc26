"""Weights rounded one input at a time, the rest making up for it each time (GPTQ; Frantar et al. 2023).

The layers are rounded in the order in which they run, each for what reaches it once those before it round, and towards
what the float layer computes of what reaches it in the float model: so a layer makes up for the layers before it, too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qa.training.rounding import WEIGHT_STEPS, round_inputs
from qa.training.smoothing import blocks, scale_of

if TYPE_CHECKING:
    import torch

    from qa.training.smoothing import Smoothing

_DAMPING = 0.01
"""Added to the moments' diagonal, as a part of its mean."""
_AT_ONCE = 128


def round_model(
    model: torch.nn.Module,
    smoothing: Smoothing,
    texts: Sequence[Mapping[str, torch.Tensor]],
    *,
    kept: Collection[str] = (),
) -> None:
    """Round the weights of a BERT in place for texts, each a batch of one without padding.

    Once smoothed, a row of weights then holds whole multiples of a 64th of its largest value, which is what
    `index.export.export_int8` makes of any weights: these come through it unchanged. Layers named in `kept` hold such
    weights already, and keep them.
    """
    import torch

    names = {layer: name for name, layer in model.named_modules()}
    with torch.no_grad():
        exact = [model.base_model.embeddings(**text) for text in texts]  # type: ignore[operator, union-attr]
        rounded = exact
        for block in blocks(model):
            original = copy.deepcopy(block)
            hooks = []
            for group, like in zip(_groups(block), _groups(original), strict=True):
                factors = smoothing[names[group[0]]]
                rounding = _rounding(factors)
                new = [layer for layer in group if names[layer] not in kept]
                if new:
                    moments = _moments(
                        (_reaching(original, like[0], one), rounding(_reaching(block, group[0], other)))
                        for one, other in zip(exact, rounded, strict=True)
                    )
                    for layer in new:
                        _fit(layer, factors, *moments)
                hooks += [
                    layer.register_forward_pre_hook(lambda _, given, of=rounding: (of(given[0]),)) for layer in group
                ]
            exact = [_states(original(one)) for one in exact]
            rounded = [_states(block(one)) for one in rounded]
            for hook in hooks:
                hook.remove()


def _groups(block: Any) -> tuple[tuple[torch.nn.Linear, ...], ...]:  # noqa: ANN401 - of transformers
    """The linear layers of a block in the order in which they run, those with the same input together."""
    attention = block.attention
    heads = attention.self
    return (
        (heads.query, heads.key, heads.value),
        (attention.output.dense,),
        (block.intermediate.dense,),
        (block.output.dense,),
    )


def _states(output: Any) -> Any:  # noqa: ANN401 - of transformers, some of whose blocks give a tuple
    return output[0] if isinstance(output, tuple) else output


def _rounding(factors: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    scale, apart = scale_of(factors), factors == 0.0
    return lambda x: (round_inputs(x * factors) * scale).where(~apart, x)


class _ReachedError(Exception):
    pass


def _reaching(block: torch.nn.Module, layer: torch.nn.Module, states: torch.Tensor) -> torch.Tensor:
    """What reaches a layer of a block that is given states."""

    def stop(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        raise _ReachedError(inputs[0])

    hook = layer.register_forward_pre_hook(stop, prepend=True)
    try:
        block(states)
    except _ReachedError as reached:
        found: torch.Tensor = reached.args[0]
        return found
    finally:
        hook.remove()
    raise AssertionError("the layer was not reached")


def _moments(pairs: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Of exact and rounded inputs the sums of `rounded' rounded` and `exact' rounded`, with a last input of 1."""
    import torch

    both: torch.Tensor | None = None
    for pair in pairs:
        exact, rounded = (torch.nn.functional.pad(one.flatten(0, -2), (0, 1), value=1.0) for one in pair)
        if both is None:
            both = torch.zeros(2, rounded.shape[1], rounded.shape[1])
        both[0].addmm_(rounded.T, rounded)
        both[1].addmm_(exact.T, rounded)
    if both is None:
        raise ValueError("no texts to round the weights for")
    gram, cross = both.double()
    return gram, cross


def _fit(layer: torch.nn.Linear, factors: torch.Tensor, gram: torch.Tensor, cross: torch.Tensor) -> None:
    """Round the weights of a layer, and move its bias, for the moments of its inputs."""
    import torch

    inputs = layer.in_features
    scale = torch.nn.functional.pad(scale_of(factors), (0, 1), value=1.0)
    gram, cross = (moments / scale / scale[:, None] for moments in (gram, cross))
    damped = gram + torch.eye(inputs + 1) * _DAMPING * gram.diagonal()[:inputs][factors > 0.0].mean()
    weight = torch.cat([layer.weight, layer.bias[:, None]], dim=1).double() * scale
    weight += torch.linalg.solve(damped, (weight @ (cross - gram)).T).T
    # the largest inputs first, while there are most to make up for them; what is not rounded last
    first = torch.where(factors > 0.0, gram.diagonal()[:inputs], -1.0).argsort(descending=True)
    order = torch.cat([first, torch.tensor([inputs])])
    found = torch.empty_like(weight)
    found[:, order] = _rounded(weight[:, order], damped[order][:, order], int((factors > 0.0).sum()))
    found /= scale
    layer.weight.copy_(found[:, :inputs])
    layer.bias.copy_(found[:, inputs])


def _rounded(weight: torch.Tensor, gram: torch.Tensor, inputs: int) -> torch.Tensor:
    """The first columns rounded, each passing on to those after it what its rounding did to the output."""
    import torch

    factor = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(gram)), upper=True)
    largest, where = weight[:, :inputs].abs().max(dim=1)
    step = largest / WEIGHT_STEPS
    sign = weight.gather(1, where[:, None])[:, 0].sign()
    rest, found = weight.clone(), weight.clone()
    for begin in range(0, inputs, _AT_ONCE):
        end = min(begin + _AT_ONCE, inputs)
        errors = torch.zeros(len(weight), end - begin, dtype=weight.dtype)
        for at in range(begin, end):
            levels = (rest[:, at] / step).round().clamp(-WEIGHT_STEPS, WEIGHT_STEPS)
            # the largest stays so, since the scale is taken from it
            found[:, at] = torch.where(where == at, sign * WEIGHT_STEPS, levels) * step
            errors[:, at - begin] = (rest[:, at] - found[:, at]) / factor[at, at]
            rest[:, at + 1 : end] -= errors[:, at - begin, None] * factor[at, at + 1 : end]
        rest[:, end:] -= errors @ factor[begin:end, end:]
    found[:, inputs:] = rest[:, inputs:]
    return found
