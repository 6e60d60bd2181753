"""Published models from the folder that ``EDGEML_MODELS`` names: any ONNX files below it."""

import os
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.inspection import inspect_model, onnxruntime_limits
from edgeml_converters.opsets import lower_model
from edgeml_converters.sources import SourceModel, load_source
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError, UnsupportedError

FOLDER = os.environ.get("EDGEML_MODELS")
FILES = sorted(Path(FOLDER).rglob("*.onnx")) if FOLDER else []
FREE_SIZES = (64, 160, 200, 320)
"""Tried for axes that a model leaves free: what fits differs, and no file says it."""
OLDEST = "1.6"
WORST = 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_published_model_is_the_same_in_an_older_operator_set(path: Path) -> None:
    limits = onnxruntime_limits(OLDEST)
    assert limits is not None
    source, feed, expected = _opened(path)
    try:
        lowered = lower_model(optimize(source.graph), limits, OLDEST)
    except UnsupportedError as error:
        pytest.skip(error.problem)
    assert lowered.opset_imports[""] <= limits.opsets[""]
    engine = open_engine("onnxruntime", serialize_onnx(lowered))
    found = engine.run(feed)
    for name, value in expected.items():
        if value.dtype.kind == "f":
            scale = max(float(np.ptp(value)), 1e-2 * float(np.abs(value).max(initial=0)), 1e-30)
            assert np.abs(found[name] - value).max(initial=0) <= WORST * scale
    assert inspect_model(path).to_json()["oldest_engines"]


def _opened(path: Path) -> tuple[SourceModel, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the model with the first sizes that it runs at, inputs, and what it gives for them."""
    free = {(axis.input, axis.axis) for axis in inspect_model(path).free_axes}
    specs = inspect_model(path).inputs
    random = np.random.default_rng(0)
    for size in FREE_SIZES:
        shapes = {
            spec.name: tuple(
                (1 if axis == 0 else size) if (spec.name, axis) in free else int(known or 1)
                for axis, known in enumerate(spec.shape)
            )
            for spec in specs
        }
        try:
            source = load_source(str(path), shapes)
            feed = {
                spec.name: random.random(shapes[spec.name]).astype(spec.dtype)
                for spec in source.inputs
            }
            return source, feed, source.reference().run(feed)
        except InputError:
            continue
    pytest.skip("no size fits")
