"""The graph of an exported reader cut in pieces, with a head for each but the last."""

from __future__ import annotations

import io
import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus import ModelError
from index.modelfiles import ModelCard, screen_file, verify
from index.onnx_model import STATES

if TYPE_CHECKING:
    import onnx
    import torch

_TYPES, _GUESS = "token_type_ids", "guess"
_HEAD = "screen/"
"""What the names in a head begin with."""
_GIVEN = "states_given"
"""The output of a screen: the states for what comes next."""


def cut(reader: Path, out: Path, layers: Sequence[int]) -> ModelCard:
    """Write an exported reader cut after each of `layers`, ascending: every piece goes on from the one before.

    The screens have no heads yet. The card is the reader's own, and not written. Raises `ModelError` for a reader that
    is no BERT, or has screens, or has not so many layers.
    """
    import onnx
    from onnx.utils import Extractor

    card, _ = verify(reader, "reader")
    whole = onnx.load(str(reader / "model.onnx"))
    norms = [node.output[0] for node in whole.graph.node if node.op_type == "LayerNormalization"]
    ascending = all(low < high for low, high in pairwise([0, *layers, len(norms) // 2]))
    if card.margins or len(norms) % 2 == 0 or not ascending:
        after = ", ".join(map(str, layers))
        raise ModelError(f"{reader}: cannot be cut after layer {after}; name a whole BERT reader of more layers")
    out.mkdir(parents=True, exist_ok=True)
    inputs, outputs = ([one.name for one in ends] for ends in (whole.graph.input, whole.graph.output))
    states = [norms[2 * layer] for layer in layers]
    for name in states:
        whole.graph.value_info.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    extractor = Extractor(whole)
    for number, (given, wanted) in enumerate(pairwise([inputs, *([name] for name in states), outputs])):
        piece = extractor.extract_model(given if number == 0 else [*given, "attention_mask"], wanted)
        _rename(piece.graph, dict.fromkeys(given, STATES) if number else {})
        _rename(piece.graph, dict.fromkeys(wanted, _GIVEN) if number < len(states) else {})
        onnx.save(piece, str(out / (screen_file(number) if number < len(states) else "model.onnx")))
    shutil.copyfile(reader / "tokenizer.json", out / "tokenizer.json")
    return card


def take_heads(like: Path, out: Path, layers: Sequence[int]) -> None:
    """Put the heads of reader `like` on the screens after `layers`, which have none.

    Raises `ModelError` when it has not as many screens.
    """
    import onnx

    card, _ = verify(like, "reader")
    if len(card.margins) != len(layers):
        raise ModelError(f"{like}: the screens of this reader are {len(card.margins)}; name one with {len(layers)}")
    for name in card.screens:
        graph = onnx.load(str(like / name)).graph
        _attach(
            out / name,
            [node for node in graph.node if any(one.startswith(_HEAD) for one in (*node.input, *node.output))],
            [one for one in graph.initializer if one.name.startswith(_HEAD)],
        )


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for node in graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(name, name) for name in ends]
    for one in (*graph.input, *graph.output):
        one.name = names.get(one.name, one.name)


def add_head(screen: Path, head: torch.nn.Module, width: int) -> None:
    """Put a head in the screen's file, from states (1, tokens, width) and types (1, tokens) to a guess (1,)."""
    import onnx
    import torch

    exported: Any = io.BytesIO()
    example = torch.zeros(1, 16, width), torch.ones(1, 16, dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # see `index.export`
        torch.onnx.export(
            head.eval(),
            example,
            exported,
            input_names=[_GIVEN, _TYPES],
            output_names=[_GUESS],
            dynamic_axes={_GIVEN: {1: "tokens"}, _TYPES: {1: "tokens"}},
            dynamo=False,
            opset_version=17,
        )
    added = onnx.compose.add_prefix(onnx.load_from_string(exported.getvalue()), _HEAD).graph
    _rename(added, {_HEAD + name: name for name in (_GIVEN, _TYPES, _GUESS)})
    _attach(screen, added.node, added.initializer)


def _attach(screen: Path, nodes: Iterable[onnx.NodeProto], tensors: Iterable[onnx.TensorProto]) -> None:
    import onnx

    model = onnx.load(str(screen))
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(tensors)
    model.graph.output.append(onnx.helper.make_tensor_value_info(_GUESS, onnx.TensorProto.FLOAT, [1]))
    if all(one.name != _TYPES for one in model.graph.input):
        model.graph.input.append(
            onnx.helper.make_tensor_value_info(_TYPES, onnx.TensorProto.INT64, ["batch", "tokens"])
        )
    onnx.save(model, str(screen))
