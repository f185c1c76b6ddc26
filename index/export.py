"""Models exported to int8 ONNX: `python -m index.export MODEL FOLDER` for an embedder.

Only this module and `qa.training.export` need the extra `[export]` (onnx), and torch.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus import ModelError
from index.arrays import Floats
from index.modelfiles import ModelCard

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
ROWS, SCALES = "rows", "scales"
"""The last parts of the names of an embedding's int8 rows and of their scales."""
SMOOTHING, EXACT = "smoothing", "exact"
"""The same of what inputs are multiplied by, 0 for some, and of the weights of these, which stay float."""
HEAD = "qa_outputs"
"""What transformers calls the layer that makes the logits of states."""


def export_embedder(model: str, folder: Path, *, name: str, max_tokens: int | None = None) -> None:
    """Export a sentence-transformers model with mean pooling to `folder`: pooled and normalised inside the graph.

    `model` is a hub name or folder; `max_tokens` defaults to the model's own limit. Raises `ModelError` when the model
    pools otherwise than by the mean.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    source = SentenceTransformer(model, device="cpu", model_kwargs={"attn_implementation": "eager"})
    transformer, pooling = source[0], source[1]
    if not isinstance(transformer, Transformer) or not isinstance(pooling, Pooling) or pooling.pooling_mode != "mean":
        raise ModelError(
            f"{model}: only a transformer with mean pooling can be exported; use it with --embedder instead"
        )

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder: Any = transformer.auto_model

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
        ) -> torch.Tensor:
            states = self.encoder(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            return torch.nn.functional.normalize((states * weights).sum(1) / weights.sum(1).clamp(min=1e-9), dim=-1)

    folder.mkdir(parents=True, exist_ok=True)
    export_int8(Graph().eval(), folder / "model.onnx", outputs=("embedding",), config=transformer.auto_model.config)
    source.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    card = ModelCard(
        kind="embedder",
        name=name,
        max_tokens=max_tokens or int(source.max_seq_length or 512),
        dimension=int(source.get_embedding_dimension() or 0),
    )
    card.write(folder)


def export_int8(
    graph: torch.nn.Module,
    path: Path,
    *,
    outputs: tuple[str, ...],
    config: PretrainedConfig,
    smoothing: Sequence[Floats] = (),
) -> None:
    """Write a module that takes token ids, mask and types, each (batch, tokens), as ONNX with int8 weights.

    The attention and layer norms of a BERT of this configuration are fused. Weights are quantised per channel to 7
    bits, so that processors without VNNI cannot overflow; activations at run time (onnxruntime's dynamic
    quantisation); embeddings, each by itself, to 8 bits. A reader's head stays float, and so does what is called
    `EXACT`. `smoothing` has what the inputs of each attention are multiplied by, and its weights divided by, (width,).
    """
    import onnx
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    options = FusionOptions("bert")
    # fused, these are slower
    options.enable_bias_gelu = options.enable_skip_layer_norm = False
    options.enable_bias_skip_layer_norm = options.enable_embed_layer_norm = False

    _round_embeddings(graph)
    ids = torch.ones(2, 16, dtype=torch.long)
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        # the TorchScript exporter is deprecated, yet needs one package less than its successor
        warnings.simplefilter("ignore")
        full = Path(scratch) / "model.onnx"
        torch.onnx.export(
            graph,
            (ids, ids, torch.zeros_like(ids)),
            str(full),
            input_names=list(INPUTS),
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in INPUTS}
            | {name: {0: "batch"} for name in outputs},
            dynamo=False,
            opset_version=17,
        )
        fused = optimize_model(
            str(full),
            model_type="bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            opt_level=0,
            optimization_options=options,
        )
        _smooth_attention(fused, smoothing)
        fused.save_model_to_file(str(full))
        exact = [
            node.name
            for node in fused.nodes()
            if HEAD in node.name or any(name.endswith((f".{ROWS}", f".{SCALES}", f".{EXACT}")) for name in node.input)
        ]
        quantize_dynamic(
            full,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            nodes_to_exclude=exact,
            # fused nodes do not say of what type their outputs are
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )


def _round_embeddings(graph: torch.nn.Module) -> None:
    """Let every embedding keep its rows in int8, with a scale each; in place."""
    import torch

    class Rounded(torch.nn.Module):
        def __init__(self, weight: torch.Tensor) -> None:
            super().__init__()
            scales = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
            self.register_buffer(ROWS, (weight / scales).round().to(torch.int8))
            self.register_buffer(SCALES, scales)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            rows, scales = (self.get_buffer(name)[ids] for name in (ROWS, SCALES))
            return rows.to(scales.dtype) * scales

    for parent in list(graph.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, torch.nn.Embedding):
                setattr(parent, name, Rounded(child.weight.detach()))


def _smooth_attention(fused: Any, smoothing: Sequence[Floats]) -> None:  # noqa: ANN401 - onnxruntime's OnnxModel
    """Multiply what each fused attention reads, and divide its weights."""
    import onnx

    attention = [node for node in fused.nodes() if node.op_type == "Attention"]
    for number, (node, factors) in enumerate(zip(attention, smoothing, strict=bool(smoothing))):
        weight = fused.get_initializer(node.input[1])
        scaled = onnx.numpy_helper.to_array(weight) / factors[:, None]
        weight.CopyFrom(onnx.numpy_helper.from_array(scaled, weight.name))
        name = f"attention.{number}.{SMOOTHING}"
        fused.add_initializer(onnx.numpy_helper.from_array(factors, name))
        fused.add_node(onnx.helper.make_node("Mul", [node.input[0], name], [f"{name}/output"], name=f"{name}/Mul"))
        node.input[0] = f"{name}/output"
    fused.topological_sort()


def main() -> None:
    """Export the embedder named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m index.export", description=__doc__)
    parser.add_argument("model", help="a sentence-transformers model: hub name or folder")
    parser.add_argument("folder", type=Path, help="where to write the model folder")
    parser.add_argument("--name", help="the name that libraries remember it by (default: the model's)")
    parser.add_argument("--max-tokens", type=int, help="longer texts are cut here (default: the model's limit)")
    options = parser.parse_args()
    export_embedder(options.model, options.folder, name=options.name or options.model, max_tokens=options.max_tokens)


if __name__ == "__main__":
    main()
