"""The document ``edgeml.preprocess/1``: what is read, written and refused."""

from typing import Any

import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline

SCHEMA = "edgeml.preprocess/1"

EVERY_STEP: list[dict[str, Any]] = [
    {"op": "resize", "shorter_side": 256, "interpolation": "bicubic"},
    {"op": "resize", "size": [250, 260], "interpolation": "area"},
    {"op": "center_crop", "size": [224, 224]},
    {"op": "letterbox", "size": [640, 640], "interpolation": "nearest", "fill": [114.0]},
    {"op": "pad", "amounts": [1, 2, 3, 4], "fill": [0.0, 1.0, 2.0]},
    {
        "op": "resize",
        "shorter_side": 800,
        "longer_side": 1333,
        "interpolation": "box",
        "like": "pil",
    },
    {
        "op": "resize",
        "height": 48,
        "max_width": 320,
        "interpolation": "bicubic",
        "like": "tensorflow",
        "antialias": True,
        "rounding": "up",
    },
    {"op": "resize", "longer_side": 1024, "interpolation": "nearest_exact", "like": "torch"},
    {"op": "crop", "place": [3, 0], "size": [40, 50]},
    {"op": "center_crop", "fraction": 0.875},
    {"op": "center_crop", "size": [30, 30], "rounding": "nearest"},
    {
        "op": "letterbox",
        "size": [64, 64],
        "interpolation": "bilinear",
        "like": "tensorflow1",
        "fill": [0.0],
        "align": "top-left",
        "rounding": "down",
        "scale_up": False,
    },
    {"op": "pad", "size": [64, 80], "fill": [0.0], "align": "center"},
    {"op": "pad", "multiple": [32, 32], "fill": [0.0]},
    {"op": "color", "to": "BGR"},
    {"op": "normalize", "mean": [127.0], "std": [128.0, 127.0, 126.0]},
    {"op": "layout", "to": "NCHW"},
    {"op": "cast", "to": "int8"},
]

CROP, NORMALIZE, LAYOUT = EVERY_STEP[2], EVERY_STEP[-3], EVERY_STEP[-2]


def _document(*steps: object) -> dict[str, Any]:
    return {"schema": SCHEMA, "step": list(steps)}


def test_every_step_comes_back_as_it_was() -> None:
    document = _document(*EVERY_STEP)
    pipeline = Pipeline.from_json(document)
    assert pipeline.to_json() == document
    assert Pipeline.from_json(pipeline.to_json()) == pipeline


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"op": "rezise"}], r"step 1: 'op' is 'rezise'.*cast, center_crop, color, crop, layout"),
        ([{"to": "RGB"}], r"step 1: 'op' is missing"),
        (["resize"], r"step 1: .*must be a table"),
        ([CROP, {"op": "color", "to": "HSV"}], r"step 2: 'to' is 'HSV'.*RGB, BGR, gray"),
        ([{"op": "color", "to": "BGR", "form": 1}], r"no key 'form'.*allowed are op, to"),
        ([{"op": "resize"}], "either 'size' or 'shorter_side'"),
        ([{"op": "resize", "size": [1, 2], "shorter_side": 3}], "either 'size' or"),
        ([{"op": "resize", "size": [0, 2]}], r"'size' is 0, and must be at least 1"),
        ([{"op": "resize", "size": [4]}], r"'size' has 1 entries, and must have 2"),
        ([{"op": "resize", "size": [4, 99999]}], r"at most 32767"),
        ([{"op": "resize", "size": [4.5, 4]}], r"'size' is 4.5, and must be a whole number"),
        ([{"op": "resize", "size": [True, 4]}], r"'size' is True, and must be a whole number"),
        ([{"op": "resize", "size": [4, 4], "interpolation": "cubic"}], r"nearest, bilinear"),
        ([{"op": "resize", "max_width": 9}], r"either 'size' or"),
        ([{"op": "resize", "height": 9, "longer_side": 9}], r"either 'size' or"),
        ([{"op": "resize", "size": [4, 4], "interpolation": "box"}], r"'interpolation' is 'box'"),
        ([{"op": "resize", "size": [4, 4], "like": "skimage"}], r"opencv, pil, torch, tensorflow"),
        ([{"op": "resize", "size": [4, 4], "antialias": True}], r"'antialias' is for bilinear"),
        ([{"op": "letterbox", "size": [4, 4], "scale_up": 1}], r"must be true or false"),
        ([{"op": "letterbox", "size": [4, 4], "rounding": "even"}], r"down, nearest, up"),
        ([{"op": "pad", "size": [4, 4], "multiple": [2, 2]}], r"only one of 'size' and 'multiple'"),
        ([{"op": "pad", "multiple": [0, 4]}], r"'multiple' is 0, and must be at least 1"),
        ([{"op": "center_crop", "fraction": 1.5}], r"above 0 and at most 1"),
        ([{"op": "crop", "place": [-1, 0], "size": [4, 4]}], r"'place' is -1"),
        ([{"op": "pad", "amounts": [0, 0, 0, -1]}], r"'amounts' is -1"),
        ([{"op": "cast", "to": "float99"}], r"float32, int8, uint8"),
        ([{"op": "normalize", "mean": 0}], r"'std' is missing"),
        ([{"op": "normalize", "mean": 0, "std": [1, 0]}], r"'std' is .*above 0"),
        ([{"op": "normalize", "mean": "0", "std": 1}], r"'mean' is '0', and must be a number"),
        ([{"op": "normalize", "mean": [], "std": 1}], r"'mean' is an empty list"),
        ([{"op": "normalize", "mean": float("nan"), "std": 1}], r"finite"),
        ([NORMALIZE, NORMALIZE], r"step 2: the image is normalized already"),
        ([LAYOUT, CROP], r"step 2: 'center_crop' follows 'layout'"),
        ([LAYOUT, LAYOUT], r"step 2: 'layout' follows 'layout'"),
    ],
)
def test_a_fault_names_the_step_the_key_and_what_is_allowed(
    steps: list[object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Pipeline.from_json(_document(*steps))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"schema": "edgeml.preprocess/2", "step": []}, r"'schema' is 'edgeml.preprocess/2'"),
        ({"schema": SCHEMA}, r"'step' is missing"),
        ({"schema": SCHEMA, "step": {}}, r"'step' is \{\}, and must be a list"),
        ({"schema": SCHEMA, "step": [], "steps": []}, r"no key 'steps'.*schema, step"),
    ],
)
def test_a_fault_of_the_document_is_named(document: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Pipeline.from_json(document)
