"""The judgement of samples by constructed networks."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.data import Dataset, Sample
from edgeml_converters.lint import NetworkCheck, WatchedData
from edgeml_runtime.tensors import TensorSpec

SPEC = TensorSpec("image", (1, 3, 16, 16), "float32", "NCHW")
CLASSES = 4


def _model(before: Sequence[onnx.NodeProto], constants: dict[str, np.ndarray]) -> ir.Model:
    """Return a network that tells four colors apart, behind the nodes *before* (to ``x``)."""
    colors = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
    arrays = {
        "w": np.tile(colors[:, :, None, None], (1, 1, 3, 3)) / np.float32(18),
        "b": np.full(CLASSES, 0.3, np.float32),
        "scale": np.float32(12.0),
        **constants,
    }
    nodes = [
        *before,
        helper.make_node("Conv", ["x", "w", "b"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Mul", ["flat", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colors",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, CLASSES])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    return ir.from_proto(onnx.shape_inference.infer_shapes(model))


def _plain() -> ir.Model:
    return _model([helper.make_node("Identity", ["image"], ["x"])], {})


def _images(count: int = 64) -> np.ndarray:
    """Return images of the four colors, with noise, in -1..1."""
    generator = np.random.default_rng(0)
    colors = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
    own = colors[np.arange(count) % CLASSES][:, :, None, None] * 0.7
    images = own + generator.normal(0, 0.3, (count, 3, 16, 16))
    return np.asarray(np.clip(images, -1, 1), np.float32)


def _notes(model: ir.Model, images: np.ndarray, labels: Sequence[int] | None = None) -> list[str]:
    rows = [
        Sample({"image": image[None]}, None if labels is None else labels[index], image)
        for index, image in enumerate(images)
    ]
    watched = WatchedData(
        Dataset("made", lambda: iter(rows), len(rows), labelled=labels is not None),
        "image",
        kept_limit=64,
        kept_bytes=1 << 24,
    )
    assert len(list(watched.data)) == len(rows)
    check = NetworkCheck(model, SPEC, None)
    seen = watched.statistics
    return check.range_notes(seen) or check.surety_notes(seen, labelled=labels is not None)


def test_sound_samples_pass() -> None:
    assert _notes(_plain(), _images()) == []
    assert _notes(_plain(), _images(), [index % CLASSES for index in range(64)]) == []


@pytest.mark.parametrize(
    ("node", "constants"),
    [
        ("Div", {"c": np.float32(127.5)}),
        ("Mul", {"c": np.float32(1 / 255)}),
        ("Sub", {"c": np.array([123.7, 116.8, 103.9], np.float32).reshape(1, 3, 1, 1)}),
    ],
)
def test_a_network_that_normalizes_pixels_gets_no_normalized_ones(
    node: str, constants: dict[str, np.ndarray]
) -> None:
    model = _model([helper.make_node(node, ["image", "c"], ["x"])], constants)
    (note,) = _notes(model, _images())
    assert note.startswith("The network normalizes pixels of 0..255 by itself")


def test_a_network_that_normalizes_unit_pixels_gets_no_others() -> None:
    mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1)
    std = np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)
    nodes = [
        helper.make_node("Sub", ["image", "mean"], ["shifted"]),
        helper.make_node("Div", ["shifted", "std"], ["x"]),
    ]
    (note,) = _notes(_model(nodes, {"mean": mean, "std": std}), _images())
    assert note.startswith("The network normalizes pixels of 0..1 by itself")


def test_values_that_drown_in_the_bias_are_told() -> None:
    (note,) = _notes(_plain(), _images() / 127.5)
    assert "times smaller than it was trained on" in note


def test_samples_normalized_in_half_of_the_range_are_not_judged_without_evidence() -> None:
    assert _notes(_plain(), _images() * 1.2) == []


def test_a_sure_answer_that_never_changes_is_no_better() -> None:
    same = np.repeat(_images(1), 64, axis=0) + np.linspace(0, 1e-3, 64)[:, None, None, None]
    assert _notes(_plain(), same.astype(np.float32)) == []
