"""A free batch stays free in the file where no operator holds its size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeml_converters.graph import optimize
from edgeml_converters.quantize import calibrate, quantize_int8
from edgeml_converters.tflite import convert_tflite

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Net


def classifier(graph: Net, batch: int | str) -> onnx.ModelProto:
    """Return a small network with the operators of most classifiers."""
    x = graph.conv(graph.input("x", [batch, 3, 8, 8]), (3, 6))
    gate = graph.op("Sigmoid", graph.op("GlobalAveragePool", x))
    x = graph.op("Mul", x, gate)
    x = graph.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    flat = graph.op("Flatten", x)
    return graph.model(graph.op("Softmax", graph.gemm(flat, 96, 5)), graph.op("Relu", x))


def fixed(model: onnx.ModelProto, batch: int = 1) -> onnx.ModelProto:
    """Return a model with its free axes set to a size."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value in copy.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            if not axis.HasField("dim_value"):
                axis.dim_value = batch
    return copy


def run(data: bytes, feeds: dict[str, np.ndarray], *, builtin: bool) -> dict[str, np.ndarray]:
    """Run a file after resizing its inputs to those given."""
    options: dict[str, Any] = {}
    if builtin:
        kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        options = {"experimental_op_resolver_type": kernels}
    interpreter = Interpreter(model_content=data, num_threads=1, **options)
    for details in interpreter.get_input_details():
        interpreter.resize_tensor_input(details["index"], feeds[details["name"]].shape)
    interpreter.allocate_tensors()
    return dict(interpreter.get_signature_runner("serving_default")(**feeds))


def last(array: np.ndarray) -> np.ndarray:
    """Return an image channels-last."""
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def operators(data: bytes) -> list[tuple[int, tuple[bytes, ...]]]:
    """Return the operators of a file with the bytes of their float constants."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    tensors = model.subgraphs[0].tensors
    found = []
    for operator in model.subgraphs[0].operators:
        floats = [
            tensors[at] for at in operator.inputs if tensors[at].type != schema.TensorType.INT32
        ]
        held = [model.buffers[tensor.buffer].data for tensor in floats]
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        found.append((code, tuple(b"" if d is None else bytes(d) for d in held)))
    return found


def signatures(data: bytes) -> list[list[int]]:
    """Return the shapes of inputs and outputs, -1 for what is open."""
    interpreter = Interpreter(model_content=data)
    ends = (*interpreter.get_input_details(), *interpreter.get_output_details())
    return [details["shape_signature"].tolist() for details in ends]


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batch=st.integers(1, 5), builtin=st.booleans())
def test_any_batch_gives_the_results_of_onnxruntime(
    net: type[Net],
    onnx_runner: Callable[..., dict[str, np.ndarray]],
    batch: int,
    builtin: bool,
) -> None:
    model = classifier(net(), "n")
    written = convert_tflite(ir.from_proto(model))
    assert written.notes == ()
    assert sorted(signatures(written.data)) == [[-1, 4, 4, 6], [-1, 5], [-1, 8, 8, 3]]
    x = np.random.default_rng(batch).standard_normal((batch, 3, 8, 8)).astype(np.float32)
    results = run(written.data, {"x": np.ascontiguousarray(last(x))}, builtin=builtin)
    for name, wanted in onnx_runner(model, {"x": x}).items():
        np.testing.assert_allclose(results[name], last(wanted), rtol=1e-5, atol=1e-5)


def test_a_free_batch_costs_nothing(net: type[Net]) -> None:
    free = convert_tflite(ir.from_proto(classifier(net(), "n"))).data
    held = convert_tflite(ir.from_proto(classifier(net(), 1))).data
    assert operators(free) == operators(held)
    assert signatures(held)[0] == [1, 8, 8, 3]


def test_a_reshape_leaves_the_batch_open(
    net: type[Net], onnx_runner: Callable[..., dict[str, np.ndarray]]
) -> None:
    graph = net()
    x = graph.input("x", ["n", 6, 4])
    heads = graph.op("Reshape", x, graph.const([0, 6, 2, 2], "int64"))
    turned = graph.op("Transpose", heads, perm=[0, 2, 1, 3])
    model = graph.model(graph.op("Softmax", turned, axis=-1))
    written = convert_tflite(ir.from_proto(model))
    assert written.notes == ()
    given_ = {"x": graph.rng.standard_normal((3, 6, 4)).astype(np.float32)}
    (wanted,) = onnx_runner(model, given_).values()
    for builtin in (False, True):
        (result,) = run(written.data, given_, builtin=builtin).values()
        np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-6)


def test_what_holds_the_batch_is_named(net: type[Net]) -> None:
    graph = net()
    x = graph.input("x", ["n", 4])
    sizes = graph.op("Concat", graph.op("Shape", x, end=1), graph.const([3], "int64"), axis=0)
    column = graph.op("ReduceMean", x, axes=[1])
    model = graph.model(graph.op("Expand", column, sizes))
    written = convert_tflite(ir.from_proto(model))
    (note,) = written.notes
    assert note.startswith("The batch of the TFLite file is 1: ")
    assert "BROADCAST_TO" in note
    assert signatures(written.data) == [[1, 4], [1, 3]]


def test_a_mean_over_the_batch_holds_it(net: type[Net]) -> None:
    graph = net()
    x = graph.input("x", ["n", 4])
    count = graph.op("Cast", graph.op("Shape", x, end=1), to=onnx.TensorProto.FLOAT)
    model = graph.model(graph.op("Div", graph.op("ReduceSum", x), count))
    (note,) = convert_tflite(ir.from_proto(model)).notes
    assert "constant" in note


@pytest.mark.parametrize("builtin", [False, True])
def test_integers_too(net: type[Net], builtin: bool) -> None:
    graph = optimize(ir.from_proto(classifier(net(), "n")))
    rng = np.random.default_rng(0)
    samples = [{"x": rng.standard_normal((1, 3, 8, 8)).astype(np.float32)} for _ in range(4)]
    written = convert_tflite(quantize_int8(graph, calibrate(graph, samples)))
    assert written.notes == ()
    whole = np.concatenate([last(sample["x"]) for sample in samples])
    together = run(written.data, {"x": whole}, builtin=builtin)
    for at in range(4):
        alone = run(written.data, {"x": whole[at : at + 1]}, builtin=builtin)
        for name, wanted in alone.items():
            np.testing.assert_array_equal(together[name][at : at + 1], wanted)
