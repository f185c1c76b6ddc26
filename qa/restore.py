"""Float weights from an exported reader, to train it further: `python -m qa.restore FOLDER OUT`.

The repository carries readers as int8 only; what rounding to 7 bits took away comes back in a few steps of training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus import ModelError
from corpus.errors import exit_code
from index.export import EXACT, HEAD, ROWS, SCALES, SMOOTHING
from index.modelfiles import verify

Floats = npt.NDArray[np.float32]

_PREFIX = "reader."
_QKV = ("query", "key", "value")


def restore_reader(folder: Path, out: Path) -> None:
    """Write the BERT reader that `qa.training.export` exported to `folder` as transformers reads it, to `out`.

    Every int8 weight is multiplied by its channel's scale, and by what its input is, and what was kept apart is put
    back, so the model computes what the exported one does, but for the rounding of activations. Raises `ModelError` for
    a folder that is damaged or holds no BERT reader.
    """
    import torch
    import transformers
    from transformers import BertConfig, BertForQuestionAnswering

    card, _ = verify(folder, "reader")
    weights, heads = _weights([folder / name for name in card.pieces])
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
        if name.startswith(_PREFIX) and name.endswith((".weight", ".bias"))
    }
    for name, value in stored.items():
        if name.endswith(f".{ROWS}"):
            embedding = name.removesuffix(f".{ROWS}")
            found[f"{embedding.removeprefix(_PREFIX)}.weight"] = value * stored[f"{embedding}.{SCALES}"]
    made = {output: node for graph in graphs for node in graph.node for output in node.output}
    heads = 0
    for node in (node for graph in graphs for node in graph.node):
        if node.op_type == "QAttention":
            heads = next(one.i for one in node.attribute if one.name == "num_heads")
            layer = node.output[0].split("/self/")[0].removeprefix("/reader/").replace("/", ".") + ".self"
            weight = _dequantised(stored, made, node)
            for name, part, bias in zip(
                _QKV, np.split(weight, 3, axis=1), np.split(stored[node.input[2]], 3), strict=True
            ):
                found[f"{layer}.{name}.weight"], found[f"{layer}.{name}.bias"] = part.T, bias
        elif node.op_type == "MatMulInteger" or (node.op_type == "MatMul" and HEAD in node.name):
            layer = node.output[0].split("/MatMul_")[0].removeprefix("/reader/").replace("/", ".")
            whole = node.op_type == "MatMulInteger"
            found[f"{layer}.weight"] = (_dequantised(stored, made, node) if whole else stored[node.input[1]]).T
    return {
        name.replace(".layer.weight", ".weight").replace(".layer.bias", ".bias"): found[name] for name in found
    }, heads


def _dequantised(stored: Mapping[str, Any], made: Mapping[str, Any], node: Any) -> Floats:  # noqa: ANN401 - of onnx
    """The weights (in, out) of an int8 product, for inputs as they were before they were smoothed."""
    name = node.input[1].removesuffix("_quantized")
    whole, scale, zero = (stored[f"{name}_{part}"] for part in ("quantized", "scale", "zero_point"))
    weight: Floats = ((whole.astype(np.float32) - zero.astype(np.float32)) * scale).astype(np.float32)
    smoothing = made.get(made[node.input[0]].input[0])
    if smoothing is None or smoothing.op_type != "Mul" or smoothing.input[1] not in stored:
        return weight
    factors = stored[smoothing.input[1]]
    weight *= factors[:, None]
    if not factors.all():  # some are kept apart
        weight[factors == 0.0] = stored[smoothing.input[1].removesuffix(SMOOTHING) + EXACT]
    return weight


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
