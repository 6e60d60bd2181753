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
    {"op": "color", "to": "BGR"},
    {"op": "normalize", "mean": [127.0], "std": [128.0, 127.0, 126.0]},
    {"op": "layout", "to": "NCHW"},
    {"op": "cast", "to": "int8"},
]


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
        ([{"op": "rezise"}], r"step 1: 'op' is 'rezise'.*cast, center_crop, color, layout"),
        ([{"to": "RGB"}], r"step 1: 'op' is missing"),
        (["resize"], r"step 1: .*must be a table"),
        ([EVERY_STEP[2], {"op": "color", "to": "HSV"}], r"step 2: 'to' is 'HSV'.*RGB, BGR, gray"),
        ([{"op": "color", "to": "BGR", "form": 1}], r"no key 'form'.*allowed are op, to"),
        ([{"op": "resize"}], "either 'size' or 'shorter_side'"),
        ([{"op": "resize", "size": [1, 2], "shorter_side": 3}], "either 'size' or"),
        ([{"op": "resize", "size": [0, 2]}], r"'size' is 0, and must be at least 1"),
        ([{"op": "resize", "size": [4]}], r"'size' has 1 entries, and must have 2"),
        ([{"op": "resize", "size": [4, 99999]}], r"at most 32767"),
        ([{"op": "resize", "size": [4.5, 4]}], r"'size' is 4.5, and must be a whole number"),
        ([{"op": "resize", "size": [True, 4]}], r"'size' is True, and must be a whole number"),
        ([{"op": "resize", "size": [4, 4], "interpolation": "cubic"}], r"nearest, bilinear"),
        ([{"op": "pad", "amounts": [0, 0, 0, -1]}], r"'amounts' is -1"),
        ([{"op": "cast", "to": "float99"}], r"float32, int8, uint8"),
        ([{"op": "normalize", "mean": 0}], r"'std' is missing"),
        ([{"op": "normalize", "mean": 0, "std": [1, 0]}], r"'std' is .*above 0"),
        ([{"op": "normalize", "mean": "0", "std": 1}], r"'mean' is '0', and must be a number"),
        ([{"op": "normalize", "mean": [], "std": 1}], r"'mean' is an empty list"),
        ([{"op": "normalize", "mean": float("nan"), "std": 1}], r"finite"),
        ([EVERY_STEP[6], EVERY_STEP[6]], r"step 2: the image is normalized already"),
        ([EVERY_STEP[7], EVERY_STEP[2]], r"step 2: 'center_crop' follows 'layout'"),
        ([EVERY_STEP[7], EVERY_STEP[7]], r"step 2: 'layout' follows 'layout'"),
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
