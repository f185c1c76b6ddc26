"""Float weights from an exported reader, to train it further: `python -m qa.restore FOLDER OUT`.

The repository carries readers as int8 only; what rounding to 7 bits took away comes back in a few steps of training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus import ModelError
from corpus.errors import exit_code
from index.export import EXACT, HEAD, ROWS, SCALES, SMOOTHING
from index.modelfiles import ModelCard, verify

Floats = npt.NDArray[np.float32]

_PREFIX = "reader."
_QKV = ("query", "key", "value")


@dataclass(slots=True)
class Weights:
    """The float weights of a BERT by their names in transformers, linear layers as (out, in), and its attention heads.

    `smoothing` has by the layers' names what their inputs were multiplied by, (in,); see `qa.training.smoothing`.
    """

    card: ModelCard
    tensors: dict[str, Floats] = field(default_factory=dict)
    smoothing: dict[str, Floats] = field(default_factory=dict)
    heads: int = 0


def restore_reader(folder: Path, out: Path) -> None:
    """Write the BERT reader that `qa.training.export` exported to `folder` as transformers reads it, to `out`.

    Every int8 weight is multiplied by its channel's scale, and by what its input is, and what was kept apart is put
    back, so the model computes what the exported one does, but for the rounding of activations. Raises `ModelError` for
    a folder that is damaged or holds no BERT reader.
    """
    import torch
    import transformers
    from transformers import BertConfig, BertForQuestionAnswering

    restored = restored_weights(folder)
    weights = restored.tensors
    words = weights["bert.embeddings.word_embeddings.weight"]
    config = BertConfig(
        vocab_size=words.shape[0],
        hidden_size=words.shape[1],
        num_hidden_layers=sum(name.endswith("intermediate.dense.bias") for name in weights),
        num_attention_heads=restored.heads,
        intermediate_size=len(weights["bert.encoder.layer.0.intermediate.dense.bias"]),
        max_position_embeddings=len(weights["bert.embeddings.position_embeddings.weight"]),
    )
    model = BertForQuestionAnswering(config)
    model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})
    model.save_pretrained(out)
    tokenizer = transformers.BertTokenizerFast(  # type: ignore[attr-defined]  # made when it is asked for
        tokenizer_file=str(folder / "tokenizer.json"), model_max_length=restored.card.max_tokens
    )
    tokenizer.save_pretrained(out)


def restored_weights(folder: Path) -> Weights:
    """The weights of an exported reader; raises `ModelError` as `restore_reader` does."""
    import onnx
    from onnx import numpy_helper

    card, _ = verify(folder, "reader")
    graphs: list[Any] = [onnx.load(str(folder / name)).graph for name in card.pieces]
    stored = {one.name: numpy_helper.to_array(one) for graph in graphs for one in graph.initializer}
    restored = Weights(card)
    found = restored.tensors
    for name, value in stored.items():
        if name.startswith(_PREFIX) and name.endswith((".weight", ".bias")):
            found[name.removeprefix(_PREFIX).replace(".layer.bias", ".bias")] = value
        elif name.endswith(f".{ROWS}"):
            embedding = name.removesuffix(f".{ROWS}")
            found[f"{embedding.removeprefix(_PREFIX)}.weight"] = value * stored[f"{embedding}.{SCALES}"]
    made = {output: node for graph in graphs for node in graph.node for output in node.output}
    for node in (node for graph in graphs for node in graph.node):
        if node.op_type == "QAttention":
            restored.heads = next(one.i for one in node.attribute if one.name == "num_heads")
            layer = node.output[0].split("/self/")[0].removeprefix("/reader/").replace("/", ".") + ".self"
            factors, weight = _dequantised(stored, made, node)
            parts = np.split(weight, 3, axis=1), np.split(stored[node.input[2]], 3)
            for name, part, bias in zip(_QKV, *parts, strict=True):
                found[f"{layer}.{name}.weight"], found[f"{layer}.{name}.bias"] = part.T, bias
                restored.smoothing[f"{layer}.{name}"] = factors
        elif node.op_type == "MatMulInteger":
            layer = _layer(node).removesuffix(".layer")
            restored.smoothing[layer], weight = _dequantised(stored, made, node)
            found[f"{layer}.weight"] = weight.T
        elif node.op_type == "MatMul" and HEAD in node.name:
            found[f"{_layer(node)}.weight"] = stored[node.input[1]].T
    if not restored.heads or "bert.embeddings.word_embeddings.weight" not in found:
        raise ModelError(f"{folder}: holds no BERT reader; only these can be restored")
    return restored


def _layer(product: Any) -> str:  # noqa: ANN401 - of onnx
    name: str = product.output[0].split("/MatMul_")[0].removeprefix("/reader/").replace("/", ".")
    return name


def _dequantised(
    stored: Mapping[str, Any],
    made: Mapping[str, Any],
    node: Any,  # noqa: ANN401 - of onnx
) -> tuple[Floats, Floats]:
    """What the input of an int8 product is multiplied by, and the weights (in, out) for inputs as they were before."""
    name = node.input[1].removesuffix("_quantized")
    whole, scale, zero = (stored[f"{name}_{part}"] for part in ("quantized", "scale", "zero_point"))
    weight: Floats = ((whole.astype(np.float32) - zero.astype(np.float32)) * scale).astype(np.float32)
    smoothing = made.get(made[node.input[0]].input[0])
    if smoothing is None or smoothing.op_type != "Mul" or smoothing.input[1] not in stored:
        return np.ones(len(weight), np.float32), weight
    factors: Floats = stored[smoothing.input[1]]
    weight *= factors[:, None]
    if not factors.all():  # some are kept apart
        weight[factors == 0.0] = stored[smoothing.input[1].removesuffix(SMOOTHING) + EXACT]
    return factors, weight


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
