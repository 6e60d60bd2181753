"""The board's command: documents, texts and exit codes."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.bundle import unpack_golden
from edgeml_runtime.cli import main
from edgeml_runtime.engines import ENGINE_FORMATS, installed_engines
from edgeml_runtime.manifest import Manifest

BundleMaker = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


def _document(capsys: Capture) -> dict[str, Any]:
    captured = capsys.readouterr()
    document: dict[str, Any] = json.loads(captured.out)
    return document


@pytest.fixture
def sample(tmp_path: Path, classifier: tuple[Manifest, dict[str, bytes]]) -> Path:
    """Return a ``.npy`` of the first golden input, without batch axis."""
    inputs, _ = unpack_golden(classifier[1]["golden.npz"])[0]
    path = tmp_path / "sample.npy"
    np.save(path, inputs["image"][0])
    return path


def test_run_prints_a_line_for_each_input(
    make_bundle: BundleMaker, sample: Path, capsys: Capture
) -> None:
    assert main(["run", str(make_bundle("classifier")), str(sample), str(sample)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{sample}: ")


def test_run_json_of_an_archive_of_samples(
    make_bundle: BundleMaker, tmp_path: Path, engine_name: str, capsys: Capture
) -> None:
    images = np.random.default_rng(1).random((3, 3, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "many.npz", inputs=images)
    arguments = ["run", str(make_bundle("classifier")), str(tmp_path / "many.npz"), "--json"]
    assert main([*arguments, "--engine", engine_name, "--threads", "2"]) == 0
    document = _document(capsys)
    assert document["schema"] == "edgeml.run/1"
    assert document["bundle"] == {"name": "classifier", "version": "1.0"}
    assert document["engine"] == {"name": engine_name, "version": installed_engines()[engine_name]}
    assert document["threads"] == 2
    names = [result["input"] for result in document["results"]]
    assert names == [f"{tmp_path / 'many.npz'}[{index}]" for index in range(3)]
    assert all(len(result["prediction"]["top"]) == 5 for result in document["results"])


def test_run_names_the_sample_that_does_not_fit(
    make_bundle: BundleMaker, tmp_path: Path, capsys: Capture
) -> None:
    np.save(tmp_path / "odd.npy", np.zeros((3, 9, 9), np.float32))
    assert main(["run", str(make_bundle("classifier")), str(tmp_path / "odd.npy")]) == 2
    assert "odd.npy: Input 'image' has shape 1x3x9x9" in capsys.readouterr().err


def test_bench_says_what_was_measured(make_bundle: BundleMaker, capsys: Capture) -> None:
    arguments = ["bench", str(make_bundle("pool")), "--runs", "3", "--warmup", "1"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "threads: 1, measured" in text
    assert "(3 runs)" in text
    assert main([*arguments, "--json"]) == 0
    assert _document(capsys)["latency_ms"]["n"] == 3


def test_verify_tests_all_that_can_run_here(make_bundle: BundleMaker, capsys: Capture) -> None:
    assert main(["verify", str(make_bundle("pool")), "--json"]) == 0
    document = _document(capsys)
    assert document["passed"] is True
    checked = [(entry["variant"], entry["engine"]["name"]) for entry in document["results"]]
    skipped = [(entry["variant"], entry["engine"]) for entry in document["skipped"]]
    assert {engine for _, engine in checked} == installed_engines().keys()
    assert len(checked) + len(skipped) == len(ENGINE_FORMATS)
    assert main(["verify", str(make_bundle("pool"))]) == 0
    assert "worst error" in capsys.readouterr().out


def test_verify_of_wrong_answers_exits_1_with_its_document(
    make_bundle: BundleMaker, pool: tuple[Manifest, dict[str, bytes]], capsys: Capture
) -> None:
    golden = pool[0].golden
    assert golden is not None
    strict = replace(golden, tolerances={**golden.tolerances, "int8.tflite": 1e-9})
    path = make_bundle("pool", golden=strict)
    tflite_here = any(ENGINE_FORMATS[name] == "tflite" for name in installed_engines())
    assert main(["verify", str(path), "--json"]) == (1 if tflite_here else 0)
    document = _document(capsys)
    for entry in document["results"]:
        assert entry["passed"] == (entry["variant"] != "int8.tflite")


def test_info_shows_the_bundle(make_bundle: BundleMaker, capsys: Capture) -> None:
    path = make_bundle("pool")
    assert main(["info", str(path)]) == 0
    text = capsys.readouterr().out
    assert "pool 2 (serial 7), raw" in text
    assert "int8.tflite: 464 bytes" in text
    assert main(["info", str(path), "--json"]) == 0
    document = _document(capsys)
    assert document["manifest"]["serial"] == 7
    assert document["engines"] == installed_engines()


def test_an_error_is_words_or_a_document(tmp_path: Path, capsys: Capture) -> None:
    gone = str(tmp_path / "gone.edgeml")
    assert main(["info", gone]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {gone}: there is no such file.")
    assert main(["info", gone, "--json"]) == 2
    assert _document(capsys)["schema"] == "edgeml.error/1"
    assert main(["info", gone, "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_engine_exits_3(make_bundle: BundleMaker, sample: Path, capsys: Capture) -> None:
    absent = sorted(ENGINE_FORMATS.keys() - installed_engines().keys())
    if not absent:
        pytest.skip("every engine is installed")
    arguments = ["run", str(make_bundle("classifier")), str(sample), "--engine", absent[0]]
    assert main(arguments) == 3
    assert "pip install" in capsys.readouterr().err


def test_bad_usage_exits_2() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["dance"])
    assert caught.value.code == 2


def test_runs_as_a_module(make_bundle: BundleMaker) -> None:
    command = [sys.executable, "-m", "edgeml_runtime", "info", str(make_bundle("pool"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("pool 2")
    assert done.stderr == ""
