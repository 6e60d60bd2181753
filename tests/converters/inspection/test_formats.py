"""Whole files: ONNX, TFLite and bundles, sound and damaged."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from edgeml_converters.graph import optimize
from edgeml_converters.inspection import READERS, inspect_model
from edgeml_converters.inspection.oldest_engines import oldest_onnxruntime, oldest_tflite
from edgeml_converters.inspection.tflite_file import inspect_tflite_bytes
from edgeml_converters.sources import SourceModel, load_source
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.bundle import write_bundle
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest, Variant

SaveOnnx = Callable[..., Path]
FASHION = Path(__file__).parents[3] / "examples" / "fashion" / "fashion.onnx"


@pytest.fixture(scope="session")
def fashion() -> SourceModel:
    return load_source(str(FASHION))


@pytest.fixture(scope="session")
def fashion_tflite(fashion: SourceModel) -> bytes:
    return write_tflite(optimize(fashion.graph))


def test_the_example_network() -> None:
    found = inspect_model(FASHION)
    assert (found.format, found.size_bytes) == ("onnx", FASHION.stat().st_size)
    assert found.macs == 2_218_432  # 2,217,152 in the convolutions, 1,280 in the classifier
    assert found.macs_by_op == {"Conv": 2_217_152, "Gemm": 1_280}
    assert found.ops["Conv"] == 11
    assert "Constant" not in found.ops
    assert found.opsets == {"ai.onnx": 17}
    assert found.ir_version == 8
    assert [(need.engine, need.version) for need in found.oldest_engines] == [
        ("onnxruntime", "1.12")
    ]
    assert found.blockers == ()
    assert found.inputs[0].layout == "NCHW"


def test_the_document_is_whole_and_deterministic() -> None:
    first, second = (json.dumps(inspect_model(FASHION).to_json()) for _ in range(2))
    assert first == second
    document = json.loads(first)
    assert document["schema"] == "edgeml.inspect/1"
    assert document["inputs"] == [
        {"name": "image", "shape": [None, 1, 28, 28], "dtype": "float32", "layout": "NCHW"}
    ]
    assert document["free_axes"] == [{"input": "image", "axis": 0, "symbol": "batch"}]


def test_a_tflite_file_has_the_figures_of_its_source(tmp_path: Path, fashion_tflite: bytes) -> None:
    path = tmp_path / "net.TFLITE"
    path.write_bytes(fashion_tflite)
    found, source = inspect_model(path), inspect_model(FASHION)
    assert found.macs == source.macs
    assert found.parameters == source.parameters
    assert found.ops["DEPTHWISE_CONV_2D"] == 5
    assert found.macs_by_op["FULLY_CONNECTED"] == 1280
    assert found.ir_version == 3
    assert {need.engine for need in found.oldest_engines} == {"litert", "tflite-runtime"}
    engine = open_engine("litert-builtin", fashion_tflite)
    assert (found.inputs, found.outputs) == (engine.inputs, engine.outputs)


def test_blockers_are_findings(save_onnx: SaveOnnx) -> None:
    node = helper.make_node("Det", ["x"], ["y"], name="determinant")
    found = inspect_model(save_onnx([node], {"x": [1, 3, 3]}, {"y": [1]}))
    (blocker,) = [finding for finding in found.blockers if finding.target == "tflite"]
    assert (blocker.target, blocker.node, blocker.op_type) == ("tflite", "determinant", "Det")
    assert blocker.reason


def test_a_bundle_shows_every_variant(
    tmp_path: Path, fashion: SourceModel, fashion_tflite: bytes
) -> None:
    files = {"models/f.onnx": FASHION.read_bytes(), "models/f.tflite": fashion_tflite}
    variants = tuple(
        Variant(
            id=f"float32.{kind}",
            path=f"models/f.{kind}",
            format=kind,
            precision="float32",
            sha256=hashlib.sha256(files[f"models/f.{kind}"]).hexdigest(),
            size_bytes=len(files[f"models/f.{kind}"]),
            engines={engine: ""},
            inputs=open_engine(engine, files[f"models/f.{kind}"]).inputs,
            outputs=open_engine(engine, files[f"models/f.{kind}"]).outputs,
        )
        for kind, engine in (("onnx", "onnxruntime"), ("tflite", "litert-builtin"))
    )
    manifest = Manifest("f", "1.0", 1, "raw", fashion.inputs, fashion.outputs, variants)
    path = tmp_path / "f.edgeml"
    write_bundle(path, manifest, files)
    found = inspect_model(path)
    assert (found.format, found.inputs) == ("edgeml", fashion.inputs)
    assert [(v.id, v.model.format, v.model.macs) for v in found.variants] == [
        ("float32.onnx", "onnx", 2_218_432),
        ("float32.tflite", "tflite", 2_218_432),
    ]
    document = found.to_json()
    assert document["variants"][1]["id"] == "float32.tflite"
    assert document["variants"][1]["ops"]["CONV_2D"] == 6


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("text.onnx", b"a model, so they said\n", "text file"),
        ("empty.onnx", b"", "empty"),
        ("zeros.onnx", bytes(100), "truncated|no ONNX|damaged"),
        ("text.tflite", b"a model, so they said\n", "not a TFLite model"),
        ("empty.tflite", b"", "not a TFLite model"),
        ("text.edgeml", b"a bundle, so they said\n", "text.edgeml"),
        ("model.pt", b"PK", "suffix '.pt'"),
        ("model", b"", "no suffix"),
    ],
)
def test_files_of_no_use_are_refused(tmp_path: Path, name: str, data: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=problem):
        inspect_model(tmp_path / name)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        inspect_model(tmp_path / "gone.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        inspect_model(tmp_path / "folder.onnx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_truncated_files_are_refused(
    tmp_path: Path, fashion_tflite: bytes, suffix: str, share: float
) -> None:
    data = FASHION.read_bytes() if suffix == ".onnx" else fashion_tflite
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"truncated|damaged"):
        inspect_model(path)


# The tables lie in the first and the last bytes of the file, the weights between them.
@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-8000, 3000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_tflite_file_never_gives_another_error(
    fashion_tflite: bytes, hits: list[tuple[int, int]]
) -> None:
    damaged = bytearray(fashion_tflite)
    for at, byte in hits:
        damaged[at] = byte
    try:
        found = inspect_tflite_bytes(bytes(damaged), "damaged.tflite")
    except InputError:
        return
    assert json.dumps(found.to_json(), allow_nan=False)


def test_the_oldest_onnxruntime_follows_from_opset_and_ir_version() -> None:
    assert oldest_onnxruntime(8, 13).version == "1.10"
    assert oldest_onnxruntime(8, 13).because == "IR version 8"
    assert oldest_onnxruntime(3, 20).version == "1.17"
    assert oldest_onnxruntime(10, 21).because == "opset 21"
    assert oldest_onnxruntime(99, 17).version is None


def test_the_oldest_tflite_runtime_follows_from_the_operators() -> None:
    _, runtime = oldest_tflite([("CONV_2D", 5), ("ADD", 1)], "")
    assert (runtime.version, runtime.because) == ("2.4.0", "CONV_2D version 5")
    _, runtime = oldest_tflite([("CONV_2D", 1)], "2.10.0")
    assert (runtime.version, runtime.because) == ("2.10.0", "the file's min_runtime_version")
    _, runtime = oldest_tflite([("CONV_2D", 99), ("CUSTOM:Mine", 1)], "")
    assert runtime.version is None
    assert "CONV_2D version 99, CUSTOM:Mine version 1" in runtime.because


def test_operators_outside_onnx_are_said(save_onnx: SaveOnnx, tmp_path: Path) -> None:
    import onnx  # noqa: PLC0415 - only this test edits a model

    path = save_onnx([helper.make_node("Relu", ["x"], ["y"])], {"x": [4]}, {"y": [4]})
    model = onnx.load(path)
    model.graph.node[0].domain, model.graph.node[0].op_type = "com.example", "Magic"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    other = tmp_path / "other.onnx"
    other.write_bytes(model.SerializeToString())
    found = inspect_model(other)
    assert found.ops == {"Magic": 1}
    assert "com.example" in found.notes[0]
    assert found.blockers[0].op_type == "Magic"


def test_every_format_has_a_reader() -> None:
    assert set(READERS) == {".onnx", ".tflite", ".numpy", ".edgeml"}


def test_weights_that_old_files_list_as_inputs_are_not_fed(save_onnx: SaveOnnx) -> None:
    path = save_onnx(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        {"x": [1, 4], "w": [4, 2]},
        {"y": [1, 2]},
        {"w": np.zeros((4, 2), np.float32)},
        opset=8,
        ir_version=3,
    )
    found = inspect_model(path)
    assert [spec.name for spec in found.inputs] == ["x"]
    assert (found.macs, found.parameters) == (8, 8)
