"""The graph of an exported reader cut in two, with a head for the first half."""

from __future__ import annotations

import hashlib
import io
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus import ModelError
from index.modelfiles import SCREEN, ModelCard, verify

if TYPE_CHECKING:
    import onnx
    import torch

_STATES, _GUESS, _TYPES = "states", "guess", "token_type_ids"


def cut(reader: Path, out: Path, layer: int) -> ModelCard:
    """Write an exported reader cut after so many layers: `model.onnx` goes on from the states that the screen outputs.

    The screen has no head yet. The card is the reader's own, and not written. Raises `ModelError` for a reader that is
    no BERT, or has a screen.
    """
    import onnx
    from onnx.utils import Extractor

    card, _ = verify(reader, "reader")
    whole = onnx.load(str(reader / "model.onnx"))
    norms = [node.output[0] for node in whole.graph.node if node.op_type == "LayerNormalization"]
    if card.margin is not None or len(norms) % 2 == 0 or not 0 < layer < len(norms) // 2:
        raise ModelError(f"{reader}: cannot be cut after layer {layer}; name a whole BERT reader of more layers")
    states, outputs = norms[2 * layer], [one.name for one in whole.graph.output]
    _rename(whole.graph, {states: _STATES})
    whole.graph.value_info.append(onnx.helper.make_tensor_value_info(_STATES, onnx.TensorProto.FLOAT, None))
    extractor = Extractor(whole)
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(extractor.extract_model([one.name for one in whole.graph.input], [_STATES]), str(out / SCREEN))
    onnx.save(extractor.extract_model([_STATES, "attention_mask"], outputs), str(out / "model.onnx"))
    shutil.copyfile(reader / "tokenizer.json", out / "tokenizer.json")
    return card


def take_screen(like: Path, out: Path) -> None:
    """Put the screen of reader `like`, head and all, in the place of one without a head.

    Raises `ModelError` when its layers are not the same, or it has no screen.
    """
    import onnx

    if verify(like, "reader")[0].margin is None:
        raise ModelError(f"{like}: this reader has no screen; name one that has")
    theirs, ours = (_tensors(onnx.load(str(folder / SCREEN)).graph) for folder in (like, out))
    if not ours <= theirs:
        raise ModelError(f"{like}: its first layers are others; fit a screen of this reader's own")
    shutil.copyfile(like / SCREEN, out / SCREEN)


def _tensors(graph: onnx.GraphProto) -> set[bytes]:
    from onnx.numpy_helper import to_array

    return {hashlib.sha256(to_array(one).tobytes()).digest() for one in graph.initializer}


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for node in graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(name, name) for name in ends]


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
            input_names=[_STATES, _TYPES],
            output_names=[_GUESS],
            dynamic_axes={_STATES: {1: "tokens"}, _TYPES: {1: "tokens"}},
            dynamo=False,
            opset_version=17,
        )
    added = onnx.compose.add_prefix(onnx.load_from_string(exported.getvalue()), "screen/").graph
    _rename(added, {f"screen/{name}": name for name in (_STATES, _TYPES, _GUESS)})
    model = onnx.load(str(screen))
    model.graph.node.extend(added.node)
    model.graph.initializer.extend(added.initializer)
    model.graph.output.append(onnx.helper.make_tensor_value_info(_GUESS, onnx.TensorProto.FLOAT, [1]))
    onnx.save(model, str(screen))
