"""The forms that ONNX files have taken over the years, each read and converted."""

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.sources import load_source
from edgeml_runtime.engines import open_engine

MakeProto = Callable[..., onnx.ModelProto]
Save = Callable[[onnx.ModelProto | bytes], str]
Shape = tuple[int | str | None, ...]


def _same_results(path: str, shape: tuple[int, ...]) -> ir.Model:
    """Check that the converted model gives what the source gives, and return it."""
    source = load_source(path)
    converted = optimize(source.graph)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    expected = source.reference().run({"x": x})["y"]
    found = open_engine("onnxruntime", serialize_onnx(converted)).run({"x": x})["y"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    return converted


@pytest.mark.parametrize("opset", range(7, onnx.defs.onnx_opset_version() + 1))
def test_every_opset_is_read_and_kept(conv_net: MakeProto, save: Save, opset: int) -> None:
    versions = onnx.helper.VERSION_TABLE
    ir_version = next(row[1] for row in versions if row[2] >= opset)
    proto = conv_net(opset=opset, ir_version=ir_version)
    if ir_version == 3:  # which lists the weights among the inputs
        entry = helper.make_tensor_value_info("w", TensorProto.FLOAT, (4, 3, 3, 3))
        proto.graph.input.append(entry)
    converted = _same_results(save(proto), (1, 3, 8, 8))
    assert converted.opset_imports[""] == opset
    assert converted.ir_version == max(ir_version, 4)


def _function(name: str, nodes: list[onnx.NodeProto], *attributes: str) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["a"], ["b"], nodes, opsets, list(attributes))


def _by_reference(name: str, source: str) -> onnx.AttributeProto:
    attribute = onnx.AttributeProto(name=name, type=onnx.AttributeProto.FLOAT)
    attribute.ref_attr_name = source
    return attribute


def test_functions_within_functions_are_taken_apart(conv_net: MakeProto, save: Save) -> None:
    proto = conv_net()
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"])
    leaky.attribute.append(_by_reference("alpha", "slope"))
    inner = helper.make_node("Leaky", ["a"], ["t"])
    inner.domain = "own"
    inner.attribute.append(_by_reference("slope", "steepness"))
    halved = [
        inner,
        helper.make_node("Constant", [], ["half"], value_float=0.5),
        helper.make_node("Mul", ["t", "half"], ["b"]),
    ]
    proto.functions.append(_function("Leaky", [leaky], "slope"))
    proto.functions.append(_function("Halved", halved, "steepness"))
    proto.graph.node[0].output[0] = "c"
    proto.graph.node.append(helper.make_node("Halved", ["c"], ["y"], domain="own", steepness=0.3))
    proto.opset_import.append(helper.make_opsetid("own", 1))
    converted = _same_results(save(proto), (1, 3, 8, 8))
    assert not converted.functions
    assert {node.domain for node in converted.graph} == {""}
    assert dict(converted.opset_imports) == {"": 17}


@pytest.mark.parametrize("shape", [(-1, 3, -1, -1), ("?", 3, "?", "?"), (None, 3, None, None)])
def test_free_sizes_without_a_name_are_told_apart(save: Save, shape: Shape) -> None:
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [weights],
    )
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    source = load_source(save(proto), {"x": (1, 3, 48, 192)})
    assert source.inputs[0].shape == (1, 3, 48, 192)
    assert source.outputs[0].shape == (1, 4, 48, 192)
