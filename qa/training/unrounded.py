"""The twin of an exported int8 reader that computes in float with the very same weights (`index.onnx_model`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def write_twin(whole: onnx.ModelProto, holders: Sequence[Path], out: Path) -> None:
    """Write to `out` an int8 model with float arithmetic in place of rounded activations.

    The twin has no int8 weights of its own: it says where they lie in `holders`, ONNX files in the same folder that
    hold them between them, and that must not be written again.
    """
    import onnx

    twin = onnx.ModelProto()
    twin.CopyFrom(whole)
    nodes = _in_float(whole.graph)
    used = {name for node in nodes for name in node.input}
    files = {path.name: path.read_bytes() for path in holders}
    tensors = [one for one in whole.graph.initializer if one.name in used]
    del twin.graph.node[:], twin.graph.initializer[:]
    twin.graph.node.extend(nodes)
    twin.graph.initializer.extend(
        _elsewhere(one, files) if one.data_type == onnx.TensorProto.INT8 else one for one in tensors
    )
    onnx.save(twin, str(out))


def _in_float(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes of an int8 graph with float products in place of those that `quantize_dynamic` makes."""
    from onnx.helper import make_node

    made = {name: node for node in graph.node for name in node.output}
    nodes: list[onnx.NodeProto] = []

    def weights(rounded: str) -> str:
        stem = rounded.removesuffix("_quantized")
        nodes.append(make_node("DequantizeLinear", [rounded, f"{stem}_scale"], [f"{stem}_float"], axis=1))
        return f"{stem}_float"

    for node in graph.node:
        before = [made[name].op_type for name in node.input if name in made]
        if node.op_type == "QAttention":
            given, rounded, bias, _, _, mask = node.input[:6]
            inputs = [made[given].input[0], weights(rounded), bias, mask]
            nodes.append(make_node("Attention", inputs, node.output, node.name, domain=node.domain))
            nodes[-1].attribute.extend(node.attribute)
        elif node.op_type == "Mul" and "Cast" in before and (product := _product(node, made)):
            inputs = [made[product.input[0]].input[0], weights(product.input[1])]
            nodes.append(make_node("MatMul", inputs, node.output, node.name))
        elif not {"DynamicQuantizeLinear", "MatMulInteger"} & {node.op_type, *before}:
            nodes.append(node)
    return nodes


def _product(scaled: onnx.NodeProto, made: dict[str, onnx.NodeProto]) -> onnx.NodeProto | None:
    """The integer product that this node scales."""
    casts = (made[name] for name in scaled.input if name in made and made[name].op_type == "Cast")
    products = (made[cast.input[0]] for cast in casts if cast.input[0] in made)
    return next((one for one in products if one.op_type == "MatMulInteger"), None)


def _elsewhere(tensor: onnx.TensorProto, files: dict[str, bytes]) -> onnx.TensorProto:
    """A tensor that lies in one of the files."""
    import onnx

    places = ((name, data.find(tensor.raw_data)) for name, data in files.items())
    name, offset = next((name, offset) for name, offset in places if offset >= 0)
    found = onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
    found.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": name, "offset": offset, "length": len(tensor.raw_data)}.items():
        found.external_data.add(key=key, value=str(value))
    return found
