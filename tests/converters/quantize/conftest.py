"""Small networks, the example network, and onnxruntime as the judge."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.sources import load_source

FASHION = Path(__file__).parents[3] / "examples" / "fashion"
Floats = npt.NDArray[np.float32]


class Net:
    """A network in the making: every call adds a node and returns the name of its output."""

    def __init__(
        self, shape: tuple[int | str, ...] = ("N", 3, 8, 8), opset: int = 17, name: str = "x"
    ) -> None:
        self.random = np.random.default_rng(7)
        self._inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        self._opset = opset
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, numbers: npt.ArrayLike, dtype: type = np.float32) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(numbers, dtype), name))
        return name

    def op(self, op_type: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - as of ONNX
        return self.ops(op_type, *inputs, count=1, **attributes)[0]

    def ops(self, op_type: str, *inputs: str, count: int, **attributes: Any) -> list[str]:  # noqa: ANN401 - as of ONNX
        """Add a node with several outputs; the first is called like the node."""
        name = f"{op_type}_{len(self._nodes)}"
        names = [name, *(f"{name}_{index}" for index in range(1, count))]
        self._nodes.append(helper.make_node(op_type, inputs, names, name=name, **attributes))
        return names

    def conv(self, value: str, channels: int, out: int, *, side: int = 3, group: int = 1) -> str:
        fan_in = channels // group * side * side
        shape = (out, channels // group, side, side)
        weights = self.random.normal(0, (2 / fan_in) ** 0.5, shape)
        bias = self.random.normal(0, 0.1, out)
        constants = (self.constant(weights), self.constant(bias))
        return self.op("Conv", value, *constants, group=group, pads=[side // 2] * 4)

    def finish(self, *outputs: str) -> ir.Model:
        """Return the optimized graph with the outputs named."""
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self._nodes, "net", self._inputs, results, self._constants)
        opsets = [helper.make_opsetid("", self._opset)]
        proto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return optimize(ir.from_proto(onnx.shape_inference.infer_shapes(proto)))


@dataclass(frozen=True)
class Fashion:
    """The example network with normalized images: (n, 1, 28, 28) float32."""

    graph: ir.Model
    images: Floats
    labels: npt.NDArray[np.uint8]
    calibration: Floats


@pytest.fixture(scope="session")
def net() -> Callable[..., Any]:
    return Net


@pytest.fixture(scope="session")
def fashion() -> Fashion:
    test, calibration = np.load(FASHION / "test.npz"), np.load(FASHION / "calibration.npz")
    return Fashion(
        graph=optimize(load_source(str(FASHION / "fashion.onnx")).graph),
        images=_normalized(test["inputs"]),
        labels=test["labels"],
        calibration=_normalized(calibration["inputs"]),
    )


def _normalized(images: npt.NDArray[np.uint8]) -> Floats:
    pixels = (images[:, np.newaxis] / 255 - 0.286) / 0.353
    return pixels.astype(np.float32)


@pytest.fixture(scope="session")
def run() -> Callable[..., Any]:
    """Run a graph: ``run(model, feeds, fused=True) -> outputs by name``."""
    return _run


def _run(
    model: ir.Model, feeds: Mapping[str, Floats], *, fused: bool = True
) -> dict[str, npt.NDArray[Any]]:
    session = _session(model, fused=fused)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def _session(model: ir.Model, *, fused: bool, optimized: Path | None = None) -> Any:  # noqa: ANN401 - untyped library
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    # Without it, hosts that lack VNNI add products in int16, which saturates. ARM never does.
    options.add_session_config_entry("session.x64quantprecision", "1")
    level = "ORT_ENABLE_ALL" if fused else "ORT_DISABLE_ALL"
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    content = serialize_onnx(model)
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


@pytest.fixture
def kernels(tmp_path: Path) -> Callable[[ir.Model], Counter[str]]:
    """Return a function that counts the kernels which onnxruntime really runs, by name."""
    return partial(_kernels, tmp_path / "optimized.onnx")


def _kernels(path: Path, model: ir.Model) -> Counter[str]:
    _session(model, fused=True, optimized=path)
    return Counter(node.op_type for node in onnx.load(path).graph.node)
