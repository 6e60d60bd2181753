"""Whole chains: one pass over a uint8 image gives what the steps give one by one, to the bit."""

import sys
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.adaptation import TensorAdapter
from edgeml_runtime.preprocess import Pipeline, scaling
from edgeml_runtime.tensors import Quantization, TensorSpec

pytest.importorskip("hypothesis")
import hypothesis
from hypothesis import strategies as st

SCHEMA = "edgeml.preprocess/1"
quickly = hypothesis.settings(max_examples=100, deadline=None)

CHANNEL_VALUES = st.lists(
    st.floats(0.5, 255.0, width=32), min_size=3, max_size=3
) | st.sampled_from([[255.0], [1.0], [127.5], [128.0]])
PLACING: list[list[dict[str, Any]]] = [
    [],
    [{"op": "resize", "size": [7, 9]}],
    [{"op": "resize", "shorter_side": 11}, {"op": "center_crop", "size": [5, 6]}],
    [{"op": "letterbox", "size": [16, 20], "fill": 114}],
    [{"op": "letterbox", "size": [16, 20], "fill": [1, 2, 3], "align": "top-left"}],
    [{"op": "pad", "amounts": [1, 2, 3, 4], "fill": 9}],
    [{"op": "center_crop", "fraction": 0.5}, {"op": "pad", "multiple": [8, 8]}],
]


@st.composite
def _chains(draw: st.DrawFn) -> list[dict[str, Any]]:
    orders = st.lists(st.sampled_from(["RGB", "BGR"]), max_size=2)
    colors = [{"op": "color", "to": to} for to in draw(orders)]
    placing = draw(st.sampled_from(PLACING))
    normalize = {"op": "normalize", "mean": draw(CHANNEL_VALUES), "std": draw(CHANNEL_VALUES)}
    end: list[list[dict[str, Any]]] = [[], [normalize], [normalize, {"op": "cast", "to": "int8"}]]
    layout = {"op": "layout", "to": draw(st.sampled_from(["NCHW", "NHWC"]))}
    steps = [*colors[:1], *placing, *colors[1:], *draw(st.sampled_from(end))]
    return steps if draw(st.integers(0, 4)) == 0 else [*steps, layout]


@st.composite
def _encodings(draw: st.DrawFn) -> tuple[str, Any]:
    dtype = draw(st.sampled_from(["float32", "int8", "uint8"]))
    if dtype == "float32":
        return dtype, None
    scale = draw(st.sampled_from([1.0, 1 / 255, 1 / 128]) | st.floats(1 / 1024, 3.0, width=32))
    limits = np.iinfo(dtype)
    return dtype, Quantization(scale, draw(st.integers(int(limits.min), int(limits.max))))


def _one_by_one(steps: list[dict[str, Any]], image: np.ndarray) -> np.ndarray:
    """Return the result of each step as a chain of its own, in the order of the document."""
    result, layouts = image, [step for step in steps if step["op"] == "layout"]
    source = "RGB"
    for step in steps:
        if step["op"] == "color":
            channels = np.repeat(result, 3, axis=2) if result.shape[2] == 1 else result
            result = channels if step["to"] == source else channels[:, :, ::-1]
            source = step["to"]
        elif step["op"] == "normalize":
            mean, std = (np.array(step[key], np.float32) for key in ("mean", "std"))
            result = (result.astype(np.float32) - mean) / std
        elif step["op"] == "cast":
            result = np.clip(np.rint(result), -128, 127).astype(np.int8)
        elif step["op"] != "layout":
            result = Pipeline.from_json({"schema": SCHEMA, "step": [step]})(result)[0]
    planar = bool(layouts) and layouts[0]["to"] == "NCHW"
    return (result.transpose(2, 0, 1) if planar else result)[np.newaxis]


@hypothesis.given(
    _chains(), _encodings(), st.sampled_from([1, 3]), st.integers(6, 30), st.integers(6, 30)
)
@quickly
@pytest.mark.parametrize("opencv", [True, False])
def test_one_pass_is_every_step_to_the_bit(
    opencv: bool,
    steps: list[dict[str, Any]],
    encoding: tuple[str, Any],
    channels: int,
    height: int,
    width: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if opencv:
            pytest.importorskip("cv2")
        else:
            patch.setitem(sys.modules, "cv2", None)
            patch.setattr(scaling, "opencv", lambda: None)
        image = np.random.default_rng(height).integers(0, 256, (height, width, channels))
        image = image.astype(np.uint8)
        colored = channels == 3 or any(step["op"] == "color" for step in steps[:1])
        values = [step.get(key, 0) for step in steps for key in ("fill", "mean", "std")]
        hypothesis.assume(colored or not any(np.size(value) == 3 for value in values))
        expected = _one_by_one(steps, image)
        dtype, quantization = encoding
        source = TensorSpec("image", (None,) * 4, expected.dtype.name)
        variant = TensorSpec("image", (None,) * 4, dtype, "", quantization)
        adapter = TensorAdapter(source, variant)
        chain = Pipeline.from_json({"schema": SCHEMA, "step": steps})
        found = chain(image)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        encoded = chain.encoded(adapter.encode_source)
        for _ in range(2):  # the second time in the memory of the first
            np.testing.assert_array_equal(encoded(image), adapter.encode(expected))


def test_a_result_is_the_caller_s_own() -> None:
    chain = Pipeline.from_json({"schema": SCHEMA, "step": [{"op": "layout", "to": "NHWC"}]})
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    first, kept = chain(image), image.copy()
    first[:] = 0
    np.testing.assert_array_equal(image, kept)
    np.testing.assert_array_equal(chain(image)[0], kept)
