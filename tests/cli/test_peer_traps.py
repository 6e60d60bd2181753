"""Traps that other converters fall into: measured on them, tested on this one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml.pipeline.formats import FORMATS, Written
from edgeml_converters.quantize import calibrate
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.engines import open_engine

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand


def _save(
    path: Path, nodes: list[onnx.NodeProto], shape: list[int | str], opset: int, **weights: object
) -> Path:
    """Save a model of one input ``x`` and one output ``y``."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(w, np.float32), n) for n, w in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def _network(path: Path, batch: int | str = 1, seed: int = 0) -> Path:
    """Save a convolution, a pool and a softmax."""
    rng = np.random.default_rng(seed)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Clip", ["a", "low", "high"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Softmax", ["d"], ["y"], axis=-1),
    ]
    weights = rng.standard_normal((8, 3, 3, 3))
    return _save(path, nodes, [batch, 3, 16, 16], 13, w=weights, low=0.0, high=6.0)


def _operators(data: bytes) -> list[int]:
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - only used here

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    codes = [code.builtinCode for code in model.operatorCodes]
    return [codes[operator.opcodeIndex] for operator in model.subgraphs[0].operators]


@pytest.mark.parametrize("options", [[], ["--to", "onnx"], ["--to", "tflite"]])
def test_the_users_file_is_left_alone(
    edgeml: RunCommand, tmp_path: Path, options: list[str]
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    path = _network(folder / "net.onnx", batch="batch")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert edgeml("convert", path, "-o", tmp_path / "out", *options).code in {0, 1}
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert [entry.name for entry in folder.iterdir()] == ["net.onnx"]


def test_every_file_that_is_delivered_loads_and_runs(edgeml: RunCommand, tmp_path: Path) -> None:
    path = _network(tmp_path / "net.onnx", batch="batch")
    assert edgeml("convert", path, "-o", tmp_path / "out").code == 0
    for file in (tmp_path / "out").glob("*.float32.*"):
        engine_name = {".onnx": "onnxruntime", ".tflite": "litert"}[file.suffix]
        with closing(open_engine(engine_name, file)) as engine:
            (source,) = engine.inputs
            shape = [size or 1 for size in source.shape]
            assert engine.run({source.name: np.zeros(shape, np.float32)})


@pytest.mark.parametrize("opset", [7, 9, 11, 12])
def test_softmax_of_old_over_an_image_of_one_pixel(
    edgeml: RunCommand, tmp_path: Path, opset: int
) -> None:
    """Along the wrong axis every result is 1, and the cosine of that with itself is 1 too."""
    nodes = [helper.make_node("Softmax", ["x"], ["y"], axis=1)]
    path = _save(tmp_path / "net.onnx", nodes, [1, 1000, 1, 1], opset)
    assert edgeml("convert", path, "-o", tmp_path / "out").code == 0
    with closing(open_engine("litert", tmp_path / "out" / "net.float32.tflite")) as engine:
        (source,) = engine.inputs
        shape = [size or 1 for size in source.shape]
        feeds = np.random.default_rng(0).standard_normal(shape, np.float32)
        (result,) = engine.run({source.name: feeds}).values()
    assert result.sum() == pytest.approx(1.0, abs=1e-5)
    assert result.max() < 0.1


def test_a_free_batch_costs_no_operators(tmp_path: Path) -> None:
    fixed, free = (
        _operators(write_tflite(ir.load(_network(tmp_path / f"{name}.onnx", batch))))
        for name, batch in (("fixed", 1), ("free", "batch"))
    )
    assert free == fixed


def _samples(count: int) -> Iterator[Mapping[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield {"x": rng.standard_normal((1, 3, 16, 16), np.float32)}


def test_a_generator_calibrates_and_its_samples_are_counted(tmp_path: Path) -> None:
    """One that is looked at before (by a progress bar, say) would be empty afterwards."""
    model = ir.load(_network(tmp_path / "net.onnx"))
    of_generator = calibrate(model, _samples(5), progress=lambda *_: None, total=5)
    of_list = calibrate(model, list(_samples(5)))
    assert of_generator.samples == of_list.samples == 5
    assert of_generator.bounds == of_list.bounds


def test_the_record_says_how_many_samples_calibrated(
    edgeml: RunCommand, example: Path, tmp_path: Path
) -> None:
    options: list[Any] = ["--quantize", "int8", "--calibrate", example / "calibration.npz"]
    prepare = ["--preprocess", example / "preprocess.toml"]
    done = edgeml("convert", example / "fashion.onnx", "-o", tmp_path, *options, *prepare, "--json")
    assert done.code == 0, done.err
    with np.load(example / "calibration.npz") as data:
        count = len(data[data.files[0]])
    assert json.dumps(count) in done.out


def test_wide_histograms_are_not_kept(tmp_path: Path) -> None:
    """What calibration remembers does not grow with the samples."""
    model = ir.load(_network(tmp_path / "net.onnx"))
    few, many = (calibrate(model, _samples(count)) for count in (2, 40))
    assert len(repr(many)) < 2 * len(repr(few))


def test_a_recurrent_layer_is_not_unrolled_without_end(tmp_path: Path) -> None:
    """A GRU of 20 steps takes no more operators a step than one of 5 does."""
    rng = np.random.default_rng(0)
    counts = {}
    for steps in (5, 20):
        node = helper.make_node("GRU", ["x", "w", "r"], ["", "y"], hidden_size=4)
        path = tmp_path / f"{steps}.onnx"
        _save(
            path,
            [node],
            [steps, 1, 3],
            14,
            w=rng.standard_normal((1, 12, 3)),
            r=rng.standard_normal((1, 12, 4)),
        )
        counts[steps] = len(_operators(write_tflite(ir.load(path))))
    assert counts[20] <= 4 * counts[5]


def test_what_comes_out_wrong_is_set_aside(
    edgeml: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that differs from its source gets another name, and the exit code says so."""
    path = _network(tmp_path / "net.onnx")
    other = _network(tmp_path / "other.onnx", seed=1)
    given = Written([write_tflite(ir.load(other))])
    wrong = replace(FORMATS["tflite"], write=lambda _graph, _storage: given)
    monkeypatch.setattr("edgeml.pipeline.plan.FORMATS", {**FORMATS, "tflite": wrong})
    assert edgeml("convert", path, "-o", tmp_path / "out", "--to", "tflite").code != 0
    assert not (tmp_path / "out" / "net.float32.tflite").exists()
