"""The options that say how int8 is made: what they change, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome, RunCommand

HEAD = 'schema = "edgeml.recipe/1"\n'
SAMPLES = 20
Convert = Callable[..., "Outcome"]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder, with a little data and recipes good and bad."""
    monkeypatch.chdir(tmp_path)
    for name in ("calibration", "test"):
        with np.load(example / f"{name}.npz") as stored:
            parts = {key: stored[key][:SAMPLES] for key in ("inputs", "labels")}
        np.savez(f"{name}.npz", **parts)
    recipes = {
        "mse": 'ranges = "mse"\n',
        "dynamic": 'scheme = "dynamic"\n',
        "unknown": "color = 1\n",
        "type": "equalize = 1\n",
        "method": 'ranges = "best"\n',
        "scheme": 'scheme = "int4"\n',
        "node": 'float_nodes = ["nowhere"]\n',
        "syntax": "equalize =\n",
    }
    for name, text in recipes.items():
        Path(f"{name}.toml").write_text(HEAD + text)
    Path("schema.toml").write_text("equalize = true\n")
    Path("binary.toml").write_bytes(b"\xff\xfe\0")
    Path("folder.toml").mkdir()


def _line(words: str, example: Path) -> list[str]:
    places = {"MODEL": str(example / "fashion.onnx"), "STEPS": str(example / "preprocess.toml")}
    return [places.get(word, word) for word in words.split()]


@pytest.fixture
def convert(edgeml: "RunCommand", example: Path) -> Convert:
    """A call that converts the example with more options, and returns what it left."""

    def run(options: str, output: str = "out") -> "Outcome":
        base = f"convert MODEL -o {output} --preprocess STEPS --to onnx "
        return edgeml(*_line(base + options, example))

    return run


INT8 = "--quantize int8 --calibrate calibration.npz"
AUTO = "--quantize auto --calibrate calibration.npz --evaluate test.npz"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (f"{INT8} --effort extreme", "--effort 'extreme'"),
        (f"{INT8} --effort High", "--effort 'High'"),
        (f"{INT8} --calibrate-method best", "'best'"),
        (f"{INT8} --calibrate-method percentile:50", "'percentile:50'"),
        (f"{INT8} --calibrate-method percentile:", "'percentile:'"),
        (f"{INT8} --calibrate-method mse,entropy", "'mse,entropy'"),
        (f"{INT8} --keep-float nowhere", "'nowhere'"),
        ("--effort high", "--effort says how int8 is made"),
        ("--calibrate-method mse", "--calibrate-method says how int8 is made"),
        ("--keep-float logits", "--keep-float says how int8 is made"),
        ("--quantize float16,dynamic --effort fast", "--quantize float16,dynamic makes none"),
        ("--quantize dynamic --recipe mse.toml", "--recipe says how int8 is made"),
        (f"{INT8} --recipe mse.toml --effort high", "--recipe mse.toml decides"),
        (f"{INT8} --recipe mse.toml --calibrate-method mse", "--recipe mse.toml decides"),
        (f"{INT8} --recipe mse.toml --keep-float logits", "--recipe mse.toml decides"),
        ("--recipe mse.toml", "--calibrate is missing"),
        (f"{INT8} --recipe absent.toml", "absent.toml"),
        (f"{INT8} --recipe folder.toml", "folder.toml"),
        (f"{INT8} --recipe binary.toml", "binary.toml"),
        (f"{INT8} --recipe unknown.toml", "'color'"),
        (f"{INT8} --recipe type.toml", "equalize"),
        (f"{INT8} --recipe method.toml", "'best'"),
        (f"{INT8} --recipe scheme.toml", "'int4'"),
        (f"{INT8} --recipe syntax.toml", "not TOML"),
        (f"{INT8} --recipe schema.toml", "schema"),
        (f"{INT8} --recipe node.toml", "'nowhere'"),
        (f"{INT8} --target rpi4", "--target names boards for a search"),
        ("--quantize auto --calibrate calibration.npz", "--evaluate is missing"),
        ("--quantize auto --evaluate test.npz", "--calibrate is missing"),
        ("--quantize auto", "is missing"),
        (f"{AUTO} --quantize int8,auto", "may itself choose int8"),
        (f"{AUTO} --quantize auto,float16", "may itself choose float16"),
        (f"{AUTO} --recipe mse.toml", "decides itself on what --recipe asks for"),
        (f"{AUTO} --effort high", "decides itself on what --effort asks for"),
        (
            f"{AUTO} --calibrate-method mse",
            "decides itself on what --calibrate-method asks for",
        ),
        (f"{AUTO} --keep-float logits", "decides itself on what --keep-float asks for"),
        (f"{AUTO} --max-drop -1", "--max-drop"),
        (f"{AUTO} --max-drop nan", "--max-drop"),
        (f"{AUTO} --target toaster", "'toaster'"),
        (f"{AUTO} --evaluate synthetic", "no labels"),
    ],
)
def test_is_refused_in_a_sentence(convert: Convert, options: str, words: str) -> None:
    outcome = convert(options)
    assert outcome.code == 2
    assert outcome.out == ""
    assert words in outcome.problem
    assert outcome.problem.endswith(".")
    assert "auto: " not in outcome.err, "nothing was tried before"
    assert not Path("out").exists()


@pytest.mark.parametrize("name", ["unknown", "type", "method", "scheme", "syntax", "schema"])
def test_a_wrong_recipe_is_named(convert: Convert, name: str) -> None:
    assert f"--recipe {name}.toml: " in convert(f"{INT8} --recipe {name}.toml").problem


def _written(output: str = "out") -> bytes:
    return Path(output, "fashion.int8.onnx").read_bytes()


def _made(convert: Convert, options: str) -> bytes:
    outcome = convert(f"{INT8} {options}")
    assert outcome.code == 0, outcome.err
    return _written()


def test_each_effort_makes_other_files_and_the_default_is_the_middle(convert: Convert) -> None:
    made = {effort: _made(convert, f"--effort {effort}") for effort in ("fast", "default", "high")}
    assert len(set(made.values())) == 3
    assert _made(convert, "") == made["default"]


def test_a_method_replaces_that_of_the_effort(convert: Convert) -> None:
    assert _made(convert, "--calibrate-method minmax") == _made(convert, "")
    made = _made(convert, "--effort high --calibrate-method mse")
    assert made == _made(convert, "--effort high")
    assert _made(convert, "--calibrate-method mse") == _made(convert, "--recipe mse.toml")
    assert _made(convert, "--calibrate-method percentile:99") != _made(convert, "")


def test_a_recipe_alone_decides_on_the_precision(convert: Convert) -> None:
    assert convert("--recipe dynamic.toml").code == 0
    assert [path.name for path in Path("out").glob("*.onnx")] == ["fashion.dynamic.onnx"]
    assert convert("--recipe mse.toml --calibrate calibration.npz", "again").code == 0
    assert [path.name for path in Path("again").glob("*.onnx")] == ["fashion.int8.onnx"]
    assert _written("again") == _made(convert, "--recipe mse.toml")


def test_nodes_that_are_named_stay_float(convert: Convert, example: Path) -> None:
    nodes = [node.name for node in onnx.load(example / "fashion.onnx").graph.node]
    plain = onnx.load_from_string(_made(convert, ""))
    convolutions = [node for node in plain.graph.node if node.op_type in ("Conv", "Gemm")]
    kept = [node.name for node in convolutions if node.name in nodes][:2]
    assert len(kept) == 2
    outcome = convert(f"{INT8} --keep-float {','.join(kept)} --json")
    model = onnx.load_from_string(_written())
    constants = {tensor.name for tensor in model.graph.initializer}
    by_name = {node.name: node for node in model.graph.node}
    for name in kept:
        assert by_name[name].input[1] in constants, "its weights are floats"
    entry = outcome.document["quantization"]
    excluded = {item["node"]: item["reason"] for item in entry["excluded"]}
    assert all(excluded[name] == "it is to stay float" for name in kept)
