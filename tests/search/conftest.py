"""The example network, one that equalization saves, and one that only float layers save."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgeml
from benchmarks.broken_network.breaking import NETWORK, break_network

EXAMPLE = Path(__file__).parents[2] / "examples" / "fashion"
SCORED, WATCHED = 200, 40
WIDTH = 64


@dataclass(frozen=True)
class Case:
    """A model with its data.

    Args:
        source: The ONNX file.
        calibrate: Samples to set scales from.
        evaluate: Labelled samples.
        preprocess: What is done with them first, if anything.
    """

    source: Path
    calibrate: Path
    evaluate: Path
    preprocess: Path | None = None

    def search(self, output: Path, **options: object) -> edgeml.Conversion:
        """Convert with ``--quantize auto`` to the folder *output*."""
        given: dict[str, object] = {
            "precisions": ["auto"],
            "calibrate": str(self.calibrate),
            "evaluate": str(self.evaluate),
            "preprocess": self.preprocess,
            **options,
        }
        return edgeml.convert(self.source, output, **given)  # type: ignore[arg-type]  # of many types

    @property
    def arguments(self) -> tuple[str, ...]:
        """The same on the command line, but for the folder and what to make."""
        given = {"calibrate": self.calibrate, "evaluate": self.evaluate}
        if self.preprocess is not None:
            given["preprocess"] = self.preprocess
        options = (part for name, path in given.items() for part in (f"--{name}", str(path)))
        return ("convert", str(self.source), *options)


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The example network and a part of its data."""
    folder = tmp_path_factory.mktemp("example")
    for name, count in (("test", SCORED), ("calibration", WATCHED)):
        with np.load(EXAMPLE / f"{name}.npz") as stored:
            parts = {key: stored[key][:count] for key in ("inputs", "labels")}
        np.savez(folder / f"{name}.npz", **parts)
    return Case(
        EXAMPLE / "fashion.onnx",
        folder / "calibration.npz",
        folder / "test.npz",
        EXAMPLE / "preprocess.toml",
    )


@pytest.fixture(scope="session")
def broken(example: Case, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The benchmark's network whose channels differ by four decades."""
    source = tmp_path_factory.mktemp("broken") / "broken.onnx"
    onnx.save(break_network(onnx.load(NETWORK)), source)
    return Case(source, example.calibrate, example.evaluate, example.preprocess)


@pytest.fixture(scope="session")
def stubborn(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A network with uneven channels that are an output, and so cannot be equalized."""
    folder = tmp_path_factory.mktemp("stubborn")
    random = np.random.default_rng(9)
    onnx.save(_stubborn(random), folder / "stubborn.onnx")
    session = ort.InferenceSession(folder / "stubborn.onnx", providers=["CPUExecutionProvider"])
    for name, count in (("test", SCORED), ("calibration", WATCHED)):
        rows = random.standard_normal((count, WIDTH), np.float32)
        (logits,) = session.run(["logits"], {"x": rows})
        np.savez(folder / f"{name}.npz", inputs=rows, labels=np.asarray(logits).argmax(axis=1))
    return Case(folder / "stubborn.onnx", folder / "calibration.npz", folder / "test.npz")


def _stubborn(random: np.random.Generator) -> onnx.ModelProto:
    sizes = 10.0 ** np.linspace(-2, 2, 24)
    nodes, constants = [], []

    def layer(source: str, name: str, weights: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(weights.astype(np.float32), f"{name}_weights"))
        nodes.append(helper.make_node("MatMul", [source, f"{name}_weights"], [name], name=name))
        return name

    def relu(source: str) -> str:
        nodes.append(helper.make_node("Relu", [source], [f"{source}_relu"], name=f"{source}_relu"))
        return f"{source}_relu"

    value = "x"
    for index in range(3):
        value = relu(layer(value, f"first_{index}", random.normal(0, 0.2, (WIDTH, WIDTH))))
    uneven = layer(value, "uneven", random.normal(0, 0.2, (WIDTH, 24)) * sizes)
    value = relu(layer(uneven, "evened", random.normal(0, 0.3, (24, WIDTH)) / sizes[:, None]))
    for index in range(3):
        value = relu(layer(value, f"last_{index}", random.normal(0, 0.2, (WIDTH, WIDTH))))
    layer(value, "logits", random.normal(0, 0.2, (WIDTH, 10)))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", WIDTH])]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])
        for name, size in (("logits", 10), ("uneven", 24))
    ]
    graph = helper.make_graph(nodes, "stubborn", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)
