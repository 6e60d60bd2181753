"""Bad input: one sentence, a remedy, exit code 2, and nothing written."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand

Prepare = Callable[[Path, Path], list[str | Path]]


def _missing(_: Path, folder: Path) -> list[str | Path]:
    return [folder / "nothing.onnx"]


def _folder(_: Path, folder: Path) -> list[str | Path]:
    return [folder]


def _text(_: Path, folder: Path) -> list[str | Path]:
    (folder / "model.onnx").write_text("layers:\n  - conv\n")
    return [folder / "model.onnx"]


def _truncated(example: Path, folder: Path) -> list[str | Path]:
    data = (example / "fashion.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(data[: len(data) // 2])
    return [folder / "model.onnx"]


def _other_suffix(_: Path, folder: Path) -> list[str | Path]:
    (folder / "model.caffemodel").write_bytes(bytes(100))
    return [folder / "model.caffemodel"]


def _wrong_shape(example: Path, folder: Path) -> list[str | Path]:
    np.savez(folder / "data.npz", inputs=np.zeros((4, 3, 32, 32), np.float32))
    return [example / "fashion.onnx", "--quantize", "int8", "--calibrate", folder / "data.npz"]


def _empty_data(example: Path, folder: Path) -> list[str | Path]:
    np.savez(folder / "data.npz", inputs=np.zeros((0, 1, 28, 28), np.float32))
    return [example / "fashion.onnx", "--quantize", "int8", "--calibrate", folder / "data.npz"]


def _no_data(example: Path, _: Path) -> list[str | Path]:
    return [example / "fashion.onnx", "--quantize", "int8"]


def _no_labels(example: Path, folder: Path) -> list[str | Path]:
    np.savez(folder / "data.npz", inputs=np.zeros((4, 1, 28, 28), np.float32))
    return [example / "fashion.onnx", "--evaluate", folder / "data.npz"]


def _unknown_format(example: Path, _: Path) -> list[str | Path]:
    return [example / "fashion.onnx", "--to", "coreml"]


def _unknown_precision(example: Path, _: Path) -> list[str | Path]:
    return [example / "fashion.onnx", "--quantize", "int3"]


def _bad_shape_option(example: Path, _: Path) -> list[str | Path]:
    return [example / "fashion.onnx", "--input-shape", "image=1x1"]


def _bad_preprocess(example: Path, folder: Path) -> list[str | Path]:
    (folder / "steps.toml").write_text('schema = "edgeml.preprocess/1"\n[[step]]\nop = "rotate"\n')
    return [example / "fashion.onnx", "--preprocess", folder / "steps.toml"]


def _bad_labels(example: Path, folder: Path) -> list[str | Path]:
    (folder / "labels.txt").write_text("one\ntwo\n")
    return [example / "fashion.onnx", "--labels", folder / "labels.txt"]


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (_missing, "no file"),
        (_folder, "folder"),
        (_text, "text file"),
        (_truncated, "truncated"),
        (_other_suffix, "caffemodel"),
        (_wrong_shape, "3x32x32"),
        (_empty_data, "no samples"),
        (_no_data, "--calibrate"),
        (_no_labels, "no labels"),
        (_unknown_format, "coreml"),
        (_unknown_precision, "int3"),
        (_bad_shape_option, "--input-shape"),
        (_bad_preprocess, "rotate"),
        (_bad_labels, "10 classes"),
    ],
)
def test_a_conversion_is_refused(
    edgeml: "RunCommand", example: Path, tmp_path: Path, prepare: Prepare, words: str
) -> None:
    arguments = prepare(example, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    outcome = edgeml("convert", *arguments, "-o", tmp_path / "out" / "deep")
    assert outcome.code == 2
    assert words in outcome.problem
    assert outcome.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_an_error_is_a_document_too(edgeml: "RunCommand", tmp_path: Path) -> None:
    outcome = edgeml("convert", tmp_path / "nothing.onnx", "-o", tmp_path, "--json")
    document = outcome.document
    assert document["schema"] == "edgeml.error/1"
    assert document["exit_code"] == outcome.code == 2
    assert document["problem"] == outcome.problem
    assert document["remedy"]


def test_debug_adds_the_traceback(edgeml: "RunCommand", tmp_path: Path) -> None:
    outcome = edgeml("convert", tmp_path / "nothing.onnx", "-o", tmp_path, "--debug")
    assert outcome.code == 2
    assert "Traceback" in outcome.err


@pytest.mark.parametrize("place", ["file/out", "/proc/out", "/dev/null/out"])
def test_an_output_folder_that_cannot_be_made(
    edgeml: "RunCommand", example: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("kept")
    outcome = edgeml("convert", example / "fashion.onnx", "-o", tmp_path / place)
    assert outcome.code == 2
    assert "cannot be written" in outcome.problem
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("command", ["profile", "run"])
def test_an_unknown_target_is_told_the_nearest_names(
    edgeml: "RunCommand", converted: Path, example: Path, command: str
) -> None:
    inputs = [example / "test.npz"] if command == "run" else []
    outcome = edgeml(command, converted / "fashion.edgeml", *inputs, "--target", "rpi44")
    assert outcome.code == 2
    assert "rpi44" in outcome.problem
    assert "rpi4" in outcome.err.splitlines()[-1]


@pytest.mark.parametrize("command", ["profile", "run", "inspect"])
def test_a_truncated_bundle_is_refused(
    edgeml: "RunCommand", converted: Path, example: Path, tmp_path: Path, command: str
) -> None:
    data = (converted / "fashion.edgeml").read_bytes()
    (tmp_path / "fashion.edgeml").write_bytes(data[: len(data) // 2])
    more: dict[str, list[str | Path]] = {
        "profile": ["--target", "rpi4"],
        "run": [example / "test.npz"],
        "inspect": [],
    }
    outcome = edgeml(command, tmp_path / "fashion.edgeml", *more[command])
    assert outcome.code == 2
    assert "fashion.edgeml" in outcome.problem


@pytest.mark.parametrize("place", ["missing/save.json", "."])
def test_a_file_to_save_to_is_looked_at_first(
    edgeml: "RunCommand", converted: Path, example: Path, tmp_path: Path, place: str
) -> None:
    bundle = converted / "fashion.edgeml"
    outcome = edgeml("run", bundle, example / "test.npz", "--save", tmp_path / place)
    assert outcome.code == 2
    assert outcome.out == ""
