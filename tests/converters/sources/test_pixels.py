"""Preprocessing folded into a model: the same answers from bytes, in every format and precision."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper, numpy_helper

from edgeml_converters.data import synthetic_data
from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.graph.pixel_entry import take_bytes
from edgeml_converters.inspection import list_operators
from edgeml_converters.quantize import Quantizer, Recipe
from edgeml_converters.sources import load_source
from edgeml_converters.sources.pixels import PixelSamples, PixelSource, fold_preprocess
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline

IMAGENET = {"op": "normalize", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
SYMMETRIC = {"op": "normalize", "mean": [127.5], "std": [127.5]}
SHARE = {"op": "normalize", "mean": [0.0], "std": [255.0]}
BGR = {"op": "color", "to": "BGR"}
RESIZE = {"op": "resize", "size": [12, 12]}
HWC = (12, 12, 3)


def pipeline(*steps: dict[str, Any], layout: str = "NCHW") -> Pipeline:
    """Return the preprocessing of some steps."""
    last = {"op": "layout", "to": layout}
    return Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": [*steps, last]})


def network(
    path: Path, *, pads: Sequence[int] = (0, 0, 1, 1), layout: str = "NCHW", start: str = "Conv"
) -> Path:
    """Write a network: a convolution of stride 2, another one, a mean, a dense layer."""
    random = np.random.default_rng(3)

    def draw(*shape: int) -> np.ndarray:
        return random.normal(0, 0.4, shape).astype(np.float32)

    nodes, image = [], "image"
    if layout == "NHWC":
        nodes.append(helper.make_node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2]))
        image = "turned"
    if start != "Conv":
        nodes.append(helper.make_node(start, [image], ["started"]))
        image = "started"
    nodes += [
        helper.make_node("Conv", [image, "w0", "b0"], ["c0"], strides=[2, 2], pads=list(pads)),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("GlobalAveragePool", ["r1"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w2", "b2"], ["scores"]),
    ]
    constants = {"w0": draw(8, 3, 3, 3), "b0": draw(8), "w1": draw(8, 8, 3, 3)}
    constants |= {"w2": draw(8, 4), "b2": draw(4)}
    shape: list[str | int] = ["N", 3, 12, 12] if layout == "NCHW" else ["N", 12, 12, 3]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def images(count: int = 12) -> list[np.ndarray]:
    """Return images of bytes: noise, black and white."""
    random = np.random.default_rng(5)
    noise = [random.integers(0, 256, (1, *HWC), np.uint8) for _ in range(count)]
    return [*noise, np.zeros((1, *HWC), np.uint8), np.full((1, *HWC), 255, np.uint8)]


def expected(path: Path, steps: Pipeline, fed: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return what the source answers behind its whole preprocessing."""
    with closing(open_engine("onnxruntime", path)) as engine:
        return [engine.run({"image": steps(image[0])})["scores"] for image in fed]


def written(graph: ir.Model, suffix: str, folder: Path) -> Path:
    """Write the artifact of a graph of pixels."""
    graph = take_bytes(graph, turned=suffix == "onnx")
    path = folder / f"folded.{suffix}"
    path.write_bytes(serialize_onnx(graph) if suffix == "onnx" else write_tflite(graph))
    return path


def answers(path: Path, fed: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return what an artifact answers."""
    name = "onnxruntime" if path.suffix == ".onnx" else "litert"
    with closing(open_engine(name, path)) as engine:
        (spec,) = engine.inputs
        assert (spec.dtype, spec.shape) == ("uint8", (1, *HWC))
        return [engine.run({"image": image})["scores"] for image in fed]


@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
@pytest.mark.parametrize("steps", [(IMAGENET,), (BGR, IMAGENET), (IMAGENET, BGR), (SYMMETRIC,)])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (0, 0, 1, 1), (1, 1, 1, 1)])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_float_answers_are_those_of_the_source_behind_its_preprocessing(
    tmp_path: Path, layout: str, pads: tuple[int, ...], steps: tuple[dict[str, Any]], suffix: str
) -> None:
    path = network(tmp_path / "network.onnx", pads=pads, layout=layout)
    whole = pipeline(*steps, layout=layout)
    folded = fold_preprocess(load_source(str(path)), whole)
    wanted = expected(path, whole, images())
    with closing(folded.source.reference()) as engine:
        for image, value in zip(images(), wanted, strict=True):
            np.testing.assert_array_equal(engine.run({"image": image})["scores"], value)
    found = answers(written(optimize(folded.source.graph), suffix, tmp_path), images())
    largest = max(float(np.abs(value).max()) for value in wanted)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * largest)


def quantized(folded: PixelSource) -> ir.Model:
    """Return the int8 graph of a folded source."""
    graph = optimize(folded.integer_graph())
    samples = PixelSamples([{"image": image} for image in images(30)], graph)
    return Quantizer(graph, samples).int8(Recipe())


@pytest.mark.parametrize("steps", [(IMAGENET,), (BGR, IMAGENET), (SYMMETRIC,), (SHARE,)])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (0, 0, 1, 1)])
def test_int8_is_fed_bytes_without_a_float_operator(
    tmp_path: Path, pads: tuple[int, ...], steps: tuple[dict[str, Any]]
) -> None:
    path = network(tmp_path / "network.onnx", pads=pads)
    whole = pipeline(*steps)
    folded = fold_preprocess(load_source(str(path)), whole)
    graph = quantized(folded)
    wanted = np.array(expected(path, whole, images()))
    files = [written(graph, suffix, tmp_path) for suffix in ("onnx", "tflite")]
    for path in files:
        found = np.array(answers(path, images()))
        noise = np.sqrt(np.mean((found - wanted) ** 2) / np.var(wanted))
        assert noise < 0.05, path
    file = files[1]
    operators = [operator.type for operator in list_operators(file)]
    several_means = IMAGENET in steps and any(pads)
    assert operators[: 2 + several_means] == (
        ["QUANTIZE", "ADD", "CONV_2D"] if several_means else ["QUANTIZE", "CONV_2D"]
    )
    with closing(open_engine("litert", file)) as engine:
        assert engine.inputs[0].quantization is not None
        assert engine.inputs[0].quantization.scale == 1.0


def test_what_changes_places_stays_before(tmp_path: Path) -> None:
    path = network(tmp_path / "network.onnx")
    folded = fold_preprocess(load_source(str(path)), pipeline(RESIZE, BGR, IMAGENET))
    kept = folded.pipeline.to_json()["step"]
    assert [step["op"] for step in kept] == ["resize", "layout"]
    assert folded.pipeline.output_layout == "NHWC"
    assert [s["op"] for s in folded.source.provenance["folded_preprocess"]] == [
        *("color", "normalize", "layout")
    ]
    sample = next(iter(synthetic_data(folded.source.inputs))).inputs["image"]
    assert sample.dtype == np.uint8


@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
def test_a_network_without_a_convolution_first_keeps_the_steps(tmp_path: Path, suffix: str) -> None:
    path = network(tmp_path / "network.onnx", start="Tanh")
    whole = pipeline(BGR, IMAGENET)
    folded = fold_preprocess(load_source(str(path)), whole)
    assert any("does not start with a plain convolution" in note for note in folded.source.notes)
    found = answers(written(optimize(folded.source.graph), suffix, tmp_path), images())
    np.testing.assert_allclose(found, expected(path, whole, images()), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((IMAGENET, RESIZE), r"'normalize' \(step 1\) after what resizes"),
        (({"op": "cast", "to": "float32"}, RESIZE), r"'cast' \(step 1\)"),
        ((SHARE, {"op": "cast", "to": "int8"}), r"cannot fold a cast to int8 \(step 2\)"),
    ],
)
def test_other_orders_are_refused(
    tmp_path: Path, steps: tuple[dict[str, Any], ...], words: str
) -> None:
    source = load_source(str(network(tmp_path / "network.onnx")))
    with pytest.raises(InputError, match=words):
        fold_preprocess(source, pipeline(*steps))


def test_a_model_of_no_image_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    graph = helper.make_graph(
        [node],
        "relu",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "relu.onnx")
    with pytest.raises(InputError, match=r"one float32 image.*x float32 \[1, 4\]"):
        fold_preprocess(load_source(str(tmp_path / "relu.onnx")), pipeline(SHARE))
