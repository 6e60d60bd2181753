"""The engine ``numpy`` beyond the contract of all engines: what its files may not do."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError

SCHEMA = "edgeml.numpy/1"
MODELS = Path(__file__).parent / "models"
IMAGE = np.random.default_rng(0).random((1, 3, 8, 8)).astype(np.float32)


def _file(steps: list[dict[str, Any]], **arrays: np.ndarray) -> bytes:
    """Return a file that makes ``y`` (N,) of ``x`` (N,2)."""
    spec = {"name": "x", "shape": [None, 2], "dtype": "float32"}
    program = {
        "inputs": [spec],
        "outputs": [{"name": "y", "shape": [None], "dtype": "float32"}],
        "arrays": list(arrays),
        "steps": steps,
    }
    header: dict[str, Any] = {"__metadata__": {SCHEMA: json.dumps(program)}}
    body = b""
    for name, array in arrays.items():
        kind = f"{array.dtype.kind.upper()}{8 * array.itemsize}"
        offsets = [len(body), len(body) + array.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        body += array.tobytes()
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + body


def _step(op: str, *reads: str, **options: object) -> dict[str, Any]:
    return {"op": op, "in": list(reads), "out": "y", "with": options}


def test_a_program_of_one_step_runs() -> None:
    engine = open_engine("numpy", _file([_step("max", "x", axis=1)]))
    rows = np.array([[1, 3], [4, 2]], np.float32)
    assert engine.run({"x": rows})["y"].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_file([_step("load", "x")]), "'op' is 'load', and must be one of abs, add"),
        (_file([_step("max", "x")], w=np.ones(2, "c8")), "'dtype' is 'C64'"),
        (_file([_step("max", "x")]).replace(b'"with"', b'"wish"')[:-9], "not valid JSON"),
        (b"\xff" * 64, "not valid JSON"),
        (b"\x02\0\0\0\0\0\0\0{}", "'__metadata__' is missing"),
    ],
)
def test_what_is_no_program_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_engine("numpy", data)


def test_arrays_lie_within_the_file() -> None:
    whole = _file([_step("take", "w", "x")], w=np.ones(4, np.float32))
    for offsets in (b"[0, 17]", b"[0, 12]", b"[8, 4]"):
        with pytest.raises(InputError):
            open_engine("numpy", whole.replace(b"[0, 16]", offsets.ljust(7)))


def _tree(child: "list[int]", feature: "list[int]", depth: int) -> bytes:
    nodes: dict[str, np.ndarray] = {
        "roots": np.array([0], np.int32),
        "child": np.array(child, np.int32),
        "feature": np.array(feature, np.uint8),
        "threshold": np.zeros(len(child), np.float32),
        "missing": np.zeros(len(child), np.uint8),
        "leaf": np.zeros(len(child), np.uint8),
        "values": np.ones((1, 1), np.float32),
    }
    return _file([_step("trees", "x", *nodes, depth=depth)], **nodes)


@pytest.mark.parametrize(
    ("child", "feature", "depth"),
    [
        ([9, 1, 2], [0, 0, 0], 1),  # a child outside
        ([1, 1, 2], [200, 0, 0], 1),  # a column outside
    ],
)
def test_trees_that_point_outside_are_refused(
    child: "list[int]", feature: "list[int]", depth: int
) -> None:
    engine = open_engine("numpy", _tree(child, feature, depth))
    with pytest.raises(InputError, match="numpy cannot run the model"):
        engine.run({"x": np.ones((1, 2), np.float32)})


def test_trees_without_an_end_end() -> None:
    engine = open_engine("numpy", _tree([0, 0, 0], [0, 0, 0], 1 << 62))
    assert engine.run({"x": np.zeros((1, 2), np.float32)})["y"].tolist() == [[1.0]]


@pytest.mark.parametrize(
    "step",
    [
        _step("max", "x", out="nowhere"),
        _step("max", "x", wish=1),
        _step("max", "y", axis=0),
        _step("add", "x"),
        _step("full", "x", fill_value=1, dtype="no type"),
        _step("reshape", "x", "x"),
    ],
)
def test_steps_that_cannot_run_are_refused_when_they_run(step: "dict[str, Any]") -> None:
    engine = open_engine("numpy", _file([step]))
    with pytest.raises(InputError, match="numpy cannot run the model"):
        engine.run({"x": np.ones((1, 2), np.float32)})


@given(data=st.data())
def test_a_damaged_file_is_refused_or_runs(data: st.DataObject) -> None:
    content = bytearray((MODELS / "classifier.numpy").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, 2600) | st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    with suppress(InputError):
        open_engine("numpy", bytes(content)).run({"image": IMAGE})
