"""Small networks in every form, and the call that compares two of them layer by layer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.layers import (
    LayerComparison,
    LayeredModel,
    OnnxLayers,
    TfliteLayers,
    compare_layers,
)
from edgeml_converters.quantize import calibrate, quantize_int8
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.engines import open_engine

CHANNELS, SIZE = 4, 6
Floats = npt.NDArray[np.float32]


class Net:
    """A network in the making: every call adds a node and returns the name of its output."""

    def __init__(self, shape: tuple[int | str, ...] = ("n", CHANNELS, SIZE, SIZE)) -> None:
        self.random = np.random.default_rng(11)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]

    def constant(self, numbers: npt.ArrayLike, dtype: str = "float32") -> str:
        """Add a constant."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(numbers, dtype), name))
        return name

    def op(self, op_type: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - as of ONNX
        """Add a node."""
        name = f"t{len(self.nodes)}"
        node = helper.make_node(op_type, inputs, [name], name=f"n{len(self.nodes)}", **attributes)
        self.nodes.append(node)
        return name

    def conv(self, source: str, *, side: int = 3, group: int = 1, out: int = CHANNELS) -> str:
        """Add a convolution of ``CHANNELS`` feature maps."""
        inside = CHANNELS // group
        weights = self.random.normal(0, (inside * side * side) ** -0.5, (out, inside, side, side))
        bias = self.constant(self.random.normal(0, 0.3, out))
        pads = [side // 2] * 4
        return self.op("Conv", source, self.constant(weights), bias, group=group, pads=pads)

    def finish(self, *outputs: str) -> onnx.ModelProto:
        """Return the model, shapes inferred."""
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "net", self._inputs, results, self.constants)
        opsets = [helper.make_opsetid("", 17)]
        proto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        inferred: onnx.ModelProto = onnx.shape_inference.infer_shapes(proto)
        onnx.checker.check_model(inferred)
        return inferred


@dataclass(frozen=True)
class Samples:
    """Seeded inputs, to be read again and again; the channels are put last where it is said."""

    shape: tuple[int, ...] = (1, CHANNELS, SIZE, SIZE)
    last: bool = False

    def __iter__(self) -> Iterator[Mapping[str, Floats]]:
        for seed in range(3):
            random = np.random.default_rng(seed)
            values = random.standard_normal(self.shape).astype(np.float32)
            yield {"x": np.moveaxis(values, 1, -1).copy() if self.last else values}


def as_onnx(model: onnx.ModelProto | ir.Model) -> LayeredModel:
    """Return an ONNX model as it is."""
    graph = model if isinstance(model, ir.Model) else ir.from_proto(model)
    engine = open_engine("onnxruntime", serialize_onnx(graph))
    inputs = (replace(spec, layout="NCHW" * (len(spec.shape) == 4)) for spec in engine.inputs)
    return OnnxLayers(graph, tuple(inputs), engine.outputs)


def as_tflite(model: onnx.ModelProto | ir.Model) -> LayeredModel:
    """Return the TFLite form of a model."""
    return tflite_layers(
        write_tflite(model if isinstance(model, ir.Model) else ir.from_proto(model))
    )


def tflite_layers(data: bytes) -> LayeredModel:
    """Return a TFLite file."""
    engine = open_engine("litert-builtin", data)
    return TfliteLayers(data, engine.inputs, engine.outputs)


def quantized(model: onnx.ModelProto, samples: Samples | None = None) -> ir.Model:
    """Return the int8 form of a model."""
    graph = optimize(ir.from_proto(model))
    return quantize_int8(graph, calibrate(graph, samples or Samples()))


FORMS: Mapping[str, Callable[[onnx.ModelProto], LayeredModel]] = {
    "onnx": as_onnx,
    "optimized onnx": lambda model: as_onnx(optimize(ir.from_proto(model))),
    "tflite": as_tflite,
    "int8 onnx": lambda model: as_onnx(quantized(model)),
    "int8 tflite": lambda model: as_tflite(quantized(model)),
}


def changed(model: onnx.ModelProto, constant: str, change: Callable[[Floats], Floats]) -> Any:  # noqa: ANN401 - protobuf
    """Return a copy with one constant changed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        if tensor.name == constant:
            array = np.asarray(change(numpy_helper.to_array(tensor)))
            tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float32), constant))
    return copy


def renamed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose tensors, inputs and outputs apart, have other names."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    kept = {value.name for value in (*copy.graph.input, *copy.graph.output)}
    for node in copy.graph.node:
        for names in (node.input, node.output):
            names[:] = [name if name in kept or not name else f"other_{name}" for name in names]
    for value in (*copy.graph.initializer, *copy.graph.value_info):
        value.name = f"other_{value.name}"
    return copy


def compared(
    reference: LayeredModel,
    candidate: LayeredModel,
    samples: Samples | None = None,
    *,
    tolerance: float = 1e-4,
    **options: Any,  # noqa: ANN401 - as of the call
) -> LayerComparison:
    """Compare two models on the samples."""
    return compare_layers(reference, candidate, samples or Samples(), tolerance, **options)


class Workshop:
    """What the tests are made with."""

    Net = Net
    Samples = Samples
    forms = FORMS
    as_onnx = staticmethod(as_onnx)
    as_tflite = staticmethod(as_tflite)
    tflite_layers = staticmethod(tflite_layers)
    quantized = staticmethod(quantized)
    changed = staticmethod(changed)
    renamed = staticmethod(renamed)
    compared = staticmethod(compared)


@pytest.fixture(scope="session")
def workshop() -> type[Workshop]:
    """Networks, their forms, and the comparison."""
    return Workshop
