"""``edgeml-runtime run``: streams, JSON lines, drawings and metrics."""

import http.client
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.cli import main

BundleMaker = Callable[..., Path]
Capture = pytest.CaptureFixture[str]
PREPROCESS = {
    "schema": "edgeml.preprocess/1",
    "step": [
        {"op": "resize", "size": [8, 8]},
        {"op": "normalize", "mean": 0, "std": 255},
        {"op": "layout", "to": "NCHW"},
    ],
}


@pytest.fixture
def bundle(make_bundle: BundleMaker) -> str:
    """Return the path of the classifier, which takes images of any size here."""
    return str(make_bundle("classifier", preprocess=PREPROCESS))


@pytest.fixture
def frames() -> np.ndarray:
    """Return six images (6,10,12,3)."""
    return np.random.default_rng(2).integers(0, 256, (6, 10, 12, 3)).astype(np.uint8)


def start(bundle: str, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "edgeml_runtime", "run", bundle, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)


def test_raw_frames_on_the_standard_input(bundle: str, frames: np.ndarray, tmp_path: Path) -> None:
    process = start(bundle, "-", "--frame-shape", "10x12x3 uint8", "--jsonl")
    out, err = process.communicate(frames.tobytes(), timeout=60)
    assert process.returncode == 0
    entries = [json.loads(line) for line in out.splitlines()]
    assert [entry["input"] for entry in entries] == [f"-[{index}]" for index in range(6)]
    assert b"6 answers" in err
    np.savez(tmp_path / "frames.npz", inputs=frames)
    same, _ = start(bundle, str(tmp_path / "frames.npz"), "--json").communicate(timeout=60)
    expected = [entry["prediction"] for entry in json.loads(same)["results"]]
    assert [entry["prediction"] for entry in entries] == expected


def test_frames_without_a_shape_are_refused(bundle: str, capsys: Capture) -> None:
    assert main(["run", bundle, "-"]) == 2
    assert "--frame-shape" in capsys.readouterr().err


def test_a_folder_is_drawn(
    bundle: str, frames: np.ndarray, tmp_path: Path, capsys: Capture
) -> None:
    cv2 = pytest.importorskip("cv2")
    photos, drawn = tmp_path / "photos", tmp_path / "new" / "drawn"
    photos.mkdir()
    for index, frame in enumerate(frames[:3]):
        assert cv2.imwrite(str(photos / f"{index}.png"), frame)
    assert main(["run", bundle, str(photos), "--draw", str(drawn), "--json", "--limit", "2"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["schema"] == "edgeml.run/1"
    assert [stream["answers"] for stream in document["streams"]] == [2]
    images = [Path(entry["image"]) for entry in document["results"]]
    assert sorted(drawn.iterdir()) == images
    assert cv2.imread(str(images[0])).shape == (10, 12, 3)


def test_a_broken_image_of_a_folder_is_counted(
    bundle: str, tmp_path: Path, capsys: Capture
) -> None:
    cv2 = pytest.importorskip("cv2")
    assert cv2.imwrite(str(tmp_path / "0.png"), np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "1.png").write_bytes(b"no image")
    assert main(["run", bundle, str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert "1 answers" in captured.err
    assert "1 broken" in captured.err


def test_metrics_are_served_until_it_is_terminated(bundle: str, frames: np.ndarray) -> None:
    process = start(bundle, "-", "--frame-shape", "10x12x3", "--jsonl", "--metrics-port", "0")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    lines = iter(process.stderr.readline, b"")  # an engine may say something first
    address = next(line for line in lines if b"metrics at" in line).decode().split("/")[2]
    process.stdin.write(frames[0].tobytes())
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["input"] == "-[0]"
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("GET", "/metrics")
    assert b"edgeml_" in connection.getresponse().read()
    connection.close()
    stopper = threading.Timer(0.1, process.send_signal, (signal.SIGTERM,))
    stopper.start()
    assert process.wait(timeout=20) == 0
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
