"""Builds small ONNX networks, converts them, and compares the TFLite file with onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgeml_converters.graph.axis_layout import border_layouts
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.engines import open_engine

Feeds = Mapping[str, np.ndarray]


class Net:
    """An ONNX network in the making; every method returns the name of the tensor it adds."""

    def __init__(self, opset: int = 17, seed: int = 0) -> None:
        self.opset = opset
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.constants: list[onnx.TensorProto] = []

    def input(
        self, name: str, shape: Sequence[int | str], dtype: int = onnx.TensorProto.FLOAT
    ) -> str:
        """Add an input of the graph."""
        self.inputs.append(onnx.helper.make_tensor_value_info(name, dtype, shape))
        return name

    def const(self, array: npt.ArrayLike, dtype: str = "float32") -> str:
        """Add a constant."""
        name = f"c{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(np.array(array, dtype), name))
        return name

    def op(
        self,
        op_type: str,
        *inputs: str,
        outputs: int = 1,
        **attributes: Any,  # noqa: ANN401 - what make_node takes
    ) -> str:
        """Add a node; the first of its outputs is returned."""
        names = [f"t{len(self.nodes)}" + ("" if i == 0 else f"_{i}") for i in range(outputs)]
        node = onnx.helper.make_node(
            op_type, list(inputs), names, name=f"n{len(self.nodes)}", **attributes
        )
        self.nodes.append(node)
        return names[0]

    def conv(
        self,
        source: str,
        channels: tuple[int, int],
        *,
        kernel: int = 3,
        pads: list[int] | None = None,
        groups: int = 1,
        norm: bool = True,
        relu6: bool = True,
        **attributes: Any,  # noqa: ANN401 - what make_node takes
    ) -> str:
        """Add a convolution with He-initialized weights, batch normalization and ReLU6."""
        given, made = channels
        fan_in = given // groups * kernel * kernel
        weights = self.rng.standard_normal((made, given // groups, kernel, kernel))
        inputs = [source, self.const(weights * np.sqrt(2.0 / fan_in))]
        if not norm:
            inputs.append(self.const(self.rng.standard_normal(made) * 0.1))
        around = pads if pads is not None else [kernel // 2] * 4
        result = self.op("Conv", *inputs, group=groups, pads=around, **attributes)
        if norm:
            parts = (
                self.rng.uniform(0.5, 1.5, made),
                self.rng.standard_normal(made) * 0.1,
                self.rng.standard_normal(made) * 0.1,
                self.rng.uniform(0.5, 1.5, made),
            )
            result = self.op("BatchNormalization", result, *map(self.const, parts))
        if relu6:
            result = self.op("Clip", result, self.const(0.0), self.const(6.0))
        return result

    def gemm(self, source: str, features: int, classes: int) -> str:
        """Add a fully connected layer."""
        weights = self.rng.standard_normal((classes, features)) / np.sqrt(features)
        bias = self.rng.standard_normal(classes) * 0.1
        return self.op("Gemm", source, self.const(weights), self.const(bias), transB=1)

    def model(self, *outputs: str) -> onnx.ModelProto:
        """Return the checked model."""
        infos = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = onnx.helper.make_graph(self.nodes, "net", self.inputs, infos, self.constants)
        opsets = [onnx.helper.make_opsetid("", self.opset)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
        onnx.checker.check_model(inferred)
        return inferred


@dataclass(frozen=True)
class Converted:
    """A TFLite file, its operators in order, and what it and onnxruntime gave."""

    data: bytes
    ops: list[str]
    results: Feeds
    expected: Feeds
    tensors: list[schema.TensorT]


def read_ops(data: bytes, graph: int = 0) -> list[str]:
    """Return the names of the operators of a file, or of the body of that number."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    codes = [names[code.builtinCode] for code in model.operatorCodes]
    return [codes[operator.opcodeIndex] for operator in model.subgraphs[graph].operators]


def channels_last(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array as a tensor of the given shape wants it."""
    if array.ndim == 4 and shape == tuple(array.shape[axis] for axis in (0, 2, 3, 1)):
        return np.ascontiguousarray(array.transpose(0, 2, 3, 1))
    return array


def in_layout(array: np.ndarray, layout: str) -> np.ndarray:
    """Return an array of the ONNX graph as the file has it: images channels-last."""
    turned = layout == "NCHW"
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if turned else array


def run_tflite(data: bytes, feeds: Feeds) -> dict[str, np.ndarray]:
    """Run a file on one thread; images are turned channels-last."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    details = interpreter.get_signature_runner("serving_default").get_input_details()
    given = {
        name: channels_last(array, tuple(int(s) for s in details[name]["shape"]))
        for name, array in feeds.items()
    }
    return run_signature(data, given)


def run_signature(data: bytes, feeds: Feeds) -> dict[str, np.ndarray]:
    """Run a file on one thread, on inputs as it has them."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    return dict(interpreter.get_signature_runner("serving_default")(**feeds))


def assert_same_everywhere(model: onnx.ModelProto, *feeds: Feeds) -> bytes:
    """Assert the results of onnxruntime on XNNPACK and on the built-in kernels; return the file.

    Each set of inputs is run twice over by one interpreter, so that nothing is left behind.
    """
    data = write_tflite(ir.from_proto(model))
    for engine in ("litert", "litert-builtin"):
        with closing(open_engine(engine, data)) as opened:
            sizes = {spec.name: spec.shape for spec in opened.inputs}
            for given in (*feeds, *feeds):
                turned = {n: channels_last(a, fixed(sizes[n], a)) for n, a in given.items()}
                results = opened.run(turned)
                expected = run_onnx(model, given)
                assert set(results) == set(expected)
                for name, wanted in expected.items():
                    same = channels_last(wanted, results[name].shape)
                    assert results[name].shape == same.shape, name
                    atol = 1e-5 * max(1.0, float(np.abs(same).max(initial=0)))
                    np.testing.assert_allclose(
                        results[name], same, rtol=1e-5, atol=atol, err_msg=f"{name} in {engine}"
                    )
    return data


def fixed(shape: tuple[int | None, ...], array: np.ndarray) -> tuple[int, ...]:
    """Return a shape with its free batch axis as an array has it."""
    return tuple(len(array) if size is None else size for size in shape)


def run_onnx(model: onnx.ModelProto, feeds: Feeds) -> dict[str, np.ndarray]:
    """Run a model in onnxruntime, without optimizations: operator by operator."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def random_feeds(model: onnx.ModelProto, seed: int = 0) -> dict[str, np.ndarray]:
    """Return standard normal inputs; free axes are 1."""
    rng = np.random.default_rng(seed)
    known = {constant.name for constant in model.graph.initializer}
    feeds = {}
    for value in model.graph.input:
        if value.name not in known:
            sizes = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
            feeds[value.name] = rng.standard_normal(sizes).astype(np.float32)
    return feeds


def convert_and_run(model: onnx.ModelProto, feeds: Feeds | None = None) -> Converted:
    """Convert a model and run both forms on the same inputs."""
    given = random_feeds(model) if feeds is None else feeds
    data = write_tflite(ir.from_proto(model))
    expected = run_onnx(model, given)
    layouts = border_layouts(ir.from_proto(model).graph)
    results = run_signature(
        data, {n: in_layout(array, layouts.inputs[n]) for n, array in given.items()}
    )
    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0)).subgraphs[0]
    turned = {n: in_layout(array, layouts.outputs[n]) for n, array in expected.items()}
    return Converted(data, read_ops(data), results, turned, graph.tensors)


def assert_same(model: onnx.ModelProto, feeds: Feeds | None = None) -> Converted:
    """Assert that the largest difference is at most 1e-5 of the range; integers are equal."""
    converted = convert_and_run(model, feeds)
    assert set(converted.results) == set(converted.expected)
    for name, expected in converted.expected.items():
        result = converted.results[name]
        assert result.shape == expected.shape, name
        if expected.dtype.kind != "f":
            np.testing.assert_array_equal(result, expected, name, strict=True)
            continue
        span = max(float(expected.max() - expected.min()), 1e-6, float(np.abs(expected).max()))
        worst = float(np.abs(result.astype(np.float64) - expected).max())
        assert worst <= 1e-5 * span, f"{name}: {worst} in a range of {span}"
    return converted


@pytest.fixture
def net() -> type[Net]:
    """The network builder."""
    return Net


@pytest.fixture
def same() -> Callable[..., Converted]:
    """Converts a model, asserts float parity, returns the conversion."""
    return assert_same


@pytest.fixture
def same_everywhere() -> Callable[..., bytes]:
    """Converts a model, asserts float parity in both sets of kernels, returns the file."""
    return assert_same_everywhere


@pytest.fixture
def ops_of() -> Callable[..., list[str]]:
    """Names the operators of a file, or of one of its graphs."""
    return read_ops


@pytest.fixture
def convert() -> Callable[..., Converted]:
    """Converts a model and runs it and its source."""
    return convert_and_run


@pytest.fixture
def tflite_runner() -> Callable[[bytes, Feeds], dict[str, np.ndarray]]:
    """Runs a TFLite file."""
    return run_tflite


@pytest.fixture
def onnx_runner() -> Callable[[onnx.ModelProto, Feeds], dict[str, np.ndarray]]:
    """Runs an ONNX model."""
    return run_onnx
