"""Options and inputs that make no sense: refused before any work, in the one form of errors."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand


def _refusal(edgeml: "RunCommand", line: str, example: Path, converted: Path) -> tuple[str, str]:
    """Return problem and remedy of a command line that is refused and writes nothing."""
    here = Path.cwd()
    before = sorted(here.rglob("*"))
    places = {"MODEL": example / "fashion.onnx", "TEST": example / "test.npz"}
    places["STEPS"] = example / "preprocess.toml"
    places["BUNDLE"] = converted / "fashion.edgeml"
    places["INT8"] = converted / "fashion.int8.tflite"
    outcome = edgeml(*(places.get(word, word) for word in line.split()))
    assert outcome.code == 2
    assert outcome.out == ""
    problem, remedy = outcome.err.splitlines()  # so no progress, and no traceback
    assert problem.startswith("error: ")
    assert problem.endswith(".")
    assert remedy.startswith("  ")
    assert sorted(here.rglob("*")) == before
    return problem.removeprefix("error: "), remedy.strip()


@pytest.fixture(autouse=True)
def odd_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder, with files that are not what they should be."""
    monkeypatch.chdir(tmp_path)
    np.savez("none.npz", inputs=np.zeros((0, 28, 28), np.uint8))
    np.savez("flat.npz", inputs=np.zeros((2, 3), np.float32))
    Path("words.txt").write_text("not a model, not TOML, not JSON\n")
    Path("zeros.tflite").write_bytes(bytes(100))
    Path("folder").mkdir()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("frobnicate", "frobnicate"),
        ("convert MODEL", "'--output'"),
        ("convert MODEL -o out --colour", "--colour"),
        ("convert MODEL -o out --max-drop lots", "--max-drop"),
        ("convert MODEL -o out --max-drop -1", "--max-drop"),
        ("convert MODEL -o out --max-drop 1", "--evaluate is missing"),
        ("convert MODEL -o out --evaluate TEST --max-drop nan", "--max-drop"),
        ("convert MODEL -o out --evaluate TEST --preprocess STEPS --metric a.b:c", "a.b:c"),
        ("convert MODEL -o out --evaluate TEST --preprocess STEPS --metric os:nope", "os:nope"),
        ("convert MODEL -o out --evaluate TEST --preprocess STEPS --metric best", "'best'"),
        ("convert MODEL -o out --task ranking", "'ranking'"),
        ("convert MODEL -o out --input-shape 1x1x28x28", "NAME:1x3x224x224"),
        ("convert MODEL -o out --input-shape image:1x28", "2 axes"),
        ("convert MODEL -o out --input-shape picture:1x1x28x28", "'picture'"),
        ("convert MODEL -o out --name a/b", "'a/b'"),
        ("convert MODEL -o out --preprocess words.txt", "not TOML"),
        ("convert MODEL -o out --calibrate none.npz --preprocess STEPS", "no samples"),
        ("convert MODEL -o words.txt", "is a file"),
        ("profile INT8", "No board"),
        ("profile INT8 --target rpi4 --threads 0", "--threads"),
        ("profile INT8 --target rpi4 --threads 9", "4 cores"),
        ("profile INT8 --target rpi4 --engine tensorrt", "'tensorrt'"),
        ("profile INT8 --target rpi4 --engine onnxruntime", "runs .onnx files"),
        ("profile absent.tflite --target rpi4", "absent.tflite"),
        ("profile INT8 --target rpi4 --save /proc/profile.json", "/proc/profile.json"),
        ("profile INT8 --target rpi4 --html absent/page.html", "absent/page.html"),
        ("run BUNDLE", "'INPUT'"),
        ("run BUNDLE absent.png", "absent.png"),
        ("run BUNDLE words.txt", "words.txt"),
        ("run BUNDLE none.npz", "no samples"),
        ("run BUNDLE none.npz --target rpi4", "no samples"),
        ("run BUNDLE flat.npz", "image"),
        ("run BUNDLE TEST --variant int4.onnx", "'int4.onnx'"),
        ("run BUNDLE TEST --engine tensorrt", "'tensorrt'"),
        ("run BUNDLE TEST --engine litert --target rpi4", "--engine"),
        ("run INT8 TEST", "bundle"),
        ("inspect folder", "'folder' is a folder"),
        ("inspect words.txt", "words.txt"),
        ("inspect zeros.tflite", "zeros.tflite"),
        ("compare MODEL absent.tflite", "absent.tflite"),
        ("compare MODEL zeros.tflite", "zeros.tflite"),
        ("compare MODEL BUNDLE", "fashion.edgeml"),
        ("compare MODEL INT8 --preprocess STEPS", "--preprocess"),
        ("compare MODEL INT8 --save folder", "is a folder"),
        ("report -o page.html", "nothing to report"),
        ("report --profile words.txt -o page.html", "not JSON"),
        ("report --board folder -o page.html", "Is a directory"),
        ("devices", "command"),
        ("devices show toaster", "'toaster'"),
    ],
)
def test_is_refused(
    edgeml: "RunCommand", example: Path, converted: Path, line: str, words: str
) -> None:
    problem, remedy = _refusal(edgeml, line, example, converted)
    assert words in problem
    assert remedy


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_model_is_refused(
    edgeml: "RunCommand", example: Path, converted: Path, share: float
) -> None:
    data = (example / "fashion.onnx").read_bytes()
    Path("cut.onnx").write_bytes(data[: int(share * len(data))])
    problem, _ = _refusal(edgeml, "convert cut.onnx -o out", example, converted)
    assert "cut.onnx" in problem


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_bundle_is_refused(
    edgeml: "RunCommand", example: Path, converted: Path, share: float
) -> None:
    data = (converted / "fashion.edgeml").read_bytes()
    Path("cut.edgeml").write_bytes(data[: int(share * len(data))])
    for line in ("inspect cut.edgeml", "run cut.edgeml TEST", "profile cut.edgeml --target rpi4"):
        assert "cut.edgeml" in _refusal(edgeml, line, example, converted)[0]


def test_data_of_another_shape_is_told_with_both_shapes(
    edgeml: "RunCommand", example: Path, converted: Path
) -> None:
    line = "convert MODEL -o out --quantize int8 --calibrate flat.npz"
    problem, remedy = _refusal(edgeml, line, example, converted)
    assert "float32 3;" in problem
    assert "1x28x28" in problem
    assert "--preprocess" in remedy
