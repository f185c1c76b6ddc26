"""Float weights from an exported reader, to train it further: `python -m qa.restore FOLDER OUT`.

The repository carries readers as int8 only; what rounding to 7 bits took away comes back in a few steps of training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus import ModelError
from corpus.errors import exit_code
from index.modelfiles import verify
from index.outliers import EXACT

Floats = npt.NDArray[np.float32]

_PREFIX = "reader."
_QKV = ("query", "key", "value")


def restore_reader(folder: Path, out: Path) -> None:
    """Write the BERT reader that `qa.export` exported to `folder` as transformers reads it, to `out`.

    Every int8 weight is multiplied by its channel's scale and the outliers are put back, so the model computes what the
    exported one does, but for the rounding of activations. Raises `ModelError` for a folder that is damaged or holds
    no BERT reader.
    """
    import torch
    import transformers
    from transformers import BertConfig, BertForQuestionAnswering

    card, _ = verify(folder, "reader")
    weights, heads = _weights([folder / name for name in card.files if name.endswith(".onnx")])
    words = weights.get("bert.embeddings.word_embeddings.weight")
    if words is None or not heads:
        raise ModelError(f"{folder}: holds no BERT reader; only these can be restored")
    config = BertConfig(
        vocab_size=words.shape[0],
        hidden_size=words.shape[1],
        num_hidden_layers=sum(name.endswith("intermediate.dense.bias") for name in weights),
        num_attention_heads=heads,
        intermediate_size=len(weights["bert.encoder.layer.0.intermediate.dense.bias"]),
        max_position_embeddings=len(weights["bert.embeddings.position_embeddings.weight"]),
    )
    model = BertForQuestionAnswering(config)
    model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})
    model.save_pretrained(out)
    tokenizer = transformers.BertTokenizerFast(  # type: ignore[attr-defined]  # made when it is asked for
        tokenizer_file=str(folder / "tokenizer.json"), model_max_length=card.max_tokens
    )
    tokenizer.save_pretrained(out)


def _weights(paths: Sequence[Path]) -> tuple[dict[str, Floats], int]:
    """The float weights by their names in transformers, linear layers as (out, in); and the attention heads."""
    import onnx
    from onnx import numpy_helper

    graphs: list[Any] = [onnx.load(str(path)).graph for path in paths]
    stored = {one.name: numpy_helper.to_array(one) for graph in graphs for one in graph.initializer}
    found = {
        name.removeprefix(_PREFIX): value
        for name, value in stored.items()
        if name.startswith(_PREFIX) and value.dtype == np.float32 and not name.endswith(("_scale", ".kept"))
    }
    heads = 0
    for node in (node for graph in graphs for node in graph.node):
        if node.op_type == "DequantizeLinear" and _is_embedding(node.input[1]):
            name = node.input[1].removesuffix("_scale").removeprefix(_PREFIX)
            found[name] = _dequantised(stored, node.input[1].removesuffix("_scale"), axis=0)
        elif node.op_type == "Mul" and node.input[1].endswith(".kept"):  # one for several layers, where they are equal
            layer = node.output[0].rpartition("/")[0].removeprefix("/reader/").replace("/", ".")
            found[f"{layer}.kept"] = stored[node.input[1]]
        elif node.op_type == "QAttention":
            heads = next(one.i for one in node.attribute if one.name == "num_heads")
            layer = node.output[0].split("/self/")[0].removeprefix("/reader/").replace("/", ".") + ".self"
            weight = _dequantised(stored, node.input[1].removesuffix("_quantized"), axis=1)
            for name, part, bias in zip(
                _QKV, np.split(weight, 3, axis=1), np.split(stored[node.input[2]], 3), strict=True
            ):
                found[f"{layer}.{name}.weight"], found[f"{layer}.{name}.bias"] = part.T, bias
        elif node.op_type == "MatMulInteger":
            layer = node.output[0].split("/MatMul_")[0].removeprefix("/reader/").replace("/", ".")
            found[f"{layer}.weight"] = _dequantised(stored, node.input[1].removesuffix("_quantized"), axis=1).T
    return _with_outliers(found), heads


def _is_embedding(name: str) -> bool:
    return name.startswith(_PREFIX) and name.endswith("_embeddings.weight_scale")


def _dequantised(stored: dict[str, Any], name: str, *, axis: int) -> Floats:
    whole, scale, zero = stored[f"{name}_quantized"], stored[f"{name}_scale"], stored[f"{name}_zero_point"]
    shape = [1] * whole.ndim
    shape[axis] = -1
    if scale.ndim:
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    weight: Floats = ((whole.astype(np.float32) - zero.astype(np.float32)) * scale).astype(np.float32)
    return weight


def _with_outliers(weights: dict[str, Floats]) -> dict[str, Floats]:
    """Put the weights that `index.outliers` keeps apart back into their layers."""
    plain: dict[str, Floats] = {}
    for name, value in weights.items():
        layer, _, last = name.rpartition(".")
        if last not in (EXACT, "kept"):
            plain[name.replace(".layer.weight", ".weight").replace(".layer.bias", ".bias")] = value
        elif last == EXACT:
            weights[f"{layer}.layer.weight"][:, weights[f"{layer}.kept"] == 0] = value.T
    return plain


@exit_code
def main() -> None:
    """Restore the reader named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m qa.restore", description=__doc__)
    parser.add_argument("folder", type=Path, help="an exported reader, such as the bundled one")
    parser.add_argument("out", type=Path, help="where to write the float model")
    options = parser.parse_args()
    restore_reader(options.folder, options.out)


if __name__ == "__main__":
    sys.exit(main())
