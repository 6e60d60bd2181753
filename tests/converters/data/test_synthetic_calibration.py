"""Made-up samples to calibrate on: prepared like data, where the network expects them."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgeml
from edgeml_converters.data.made_up_images import made_up_image
from edgeml_converters.data.synthetic import synthetic_calibration
from edgeml_converters.lint.expectations import expected_pixels, index_limits
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

EXAMPLE = Path(__file__).parents[3] / "examples" / "fashion"
CENTERED = (127.5, 63.75)


def test_images_are_seeded_and_smooth() -> None:
    one, again = (made_up_image(np.random.default_rng(3), 32, 48, 3) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert one.shape == (32, 48, 3)
    values = one.astype(np.float64)
    between_neighbors = np.abs(np.diff(values, axis=1)).mean()
    assert between_neighbors < 0.8 * values.std()  # of noise it is 1.1 times the deviation


@pytest.mark.parametrize(("layout", "shape"), [("NCHW", (1, 3, 8, 6)), ("NHWC", (1, 8, 6, 3))])
def test_images_without_steps_have_the_expected_range(layout: str, shape: tuple[int, ...]) -> None:
    spec = TensorSpec("image", shape, "float32", layout)
    data = synthetic_calibration((spec,), None, {}, CENTERED, samples=8)
    values = np.concatenate([sample.inputs["image"] for sample in data])
    assert data.synthetic
    assert values.shape == (8, *shape[1:])
    assert values.dtype == np.float32
    assert -2.0 <= values.min() < -0.5 < 0.5 < values.max() <= 2.0


def test_steps_prepare_made_up_images_as_they_would_photographs() -> None:
    steps = [
        {"op": "color", "to": "gray"},
        {"op": "normalize", "mean": [0.0], "std": [255.0]},
        {"op": "layout", "to": "NCHW"},
    ]
    pipeline = Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": steps})
    spec = TensorSpec("image", (None, 1, 8, 8), "float32", "NCHW")
    for sample in synthetic_calibration((spec,), pipeline, {}, CENTERED, samples=4):
        assert sample.inputs["image"].shape == (1, 1, 8, 8)
        assert 0.0 <= sample.inputs["image"].min() <= sample.inputs["image"].max() <= 1.0


def test_indices_stay_within_their_table() -> None:
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["ids"], ["wide"], to=TensorProto.INT64),
            helper.make_node("Gather", ["table", "wide"], ["rows"]),
        ],
        "words",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, [1, 7])],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [1, 7, 4])],
        [numpy_helper.from_array(np.zeros((50, 4), np.float32), "table")],
    )
    limits = index_limits(ir.from_proto(helper.make_model(graph)))
    assert limits == {"ids": 50}
    spec = TensorSpec("ids", (1, 7), "int32")
    data = synthetic_calibration((spec,), None, limits, CENTERED, samples=20)
    values = np.concatenate([sample.inputs["ids"] for sample in data])
    assert values.dtype == np.int32
    assert 40 < values.max() < 50
    assert values.min() >= 0


def test_a_network_that_divides_pixels_itself_gets_pixels() -> None:
    spec = TensorSpec("image", (1, 3, 8, 8), "float32", "NCHW")
    graph = helper.make_graph(
        [helper.make_node("Div", ["image", "c"], ["out"])],
        "scaling",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, 8, 8])],
        [numpy_helper.from_array(np.array(255.0, np.float32), "c")],
    )
    assert expected_pixels(ir.from_proto(helper.make_model(graph)), spec) == (0.0, 1.0)
    example = ir.from_proto(onnx.load(EXAMPLE / "fashion.onnx"))
    of_example = TensorSpec("image", (1, 1, 28, 28), "float32", "NCHW")
    assert expected_pixels(example, of_example) == CENTERED


def test_everything_says_that_the_samples_were_made_up(tmp_path: Path) -> None:
    conversion = edgeml.convert(
        EXAMPLE / "fashion.onnx",
        tmp_path,
        precisions=["float32", "int8"],
        calibrate="synthetic",
        evaluate=str(EXAMPLE / "test.npz"),
        preprocess=EXAMPLE / "preprocess.toml",
        max_drop=2.0,
    )
    assert conversion.passed
    (note,) = conversion.notes
    assert note.startswith("The scales of int8 were set from 64 made-up samples, not from data")
    assert conversion.record()["quantization"]["synthetic"] is True
    for name in ("fashion.int8.onnx", "fashion.int8.tflite"):
        assert any("made-up samples" in note for note in edgeml.inspect(tmp_path / name).notes)
    for name in ("fashion.float32.onnx", "fashion.float32.tflite"):
        assert not any("made-up" in note for note in edgeml.inspect(tmp_path / name).notes)
    bundle = edgeml.inspect(tmp_path / "fashion.edgeml")
    told = {v.id: any("made-up" in n for n in v.model.notes) for v in bundle.variants}
    assert told == {
        "float32.onnx": False,
        "float32.tflite": False,
        "int8.onnx": True,
        "int8.tflite": True,
    }


def test_nothing_can_be_scored_on_made_up_samples(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing can be scored"):
        edgeml.convert(EXAMPLE / "fashion.onnx", tmp_path, evaluate="synthetic")
