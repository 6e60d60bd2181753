"""A bundle on the emulated board."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgeml_runtime
from edgeml_devices.device import Device
from edgeml_devices.emulation import BoardRun, Sysroot, run_bundle
from edgeml_runtime.errors import InputError, UnsupportedError

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images of noise."""
    file = tmp_path_factory.mktemp("samples") / "samples.npz"
    random = np.random.default_rng(3)
    np.savez(file, inputs=random.normal(size=(4, 3, 8, 8)).astype(np.float32))
    return file


@pytest.fixture(scope="module")
def board_run(
    rpi4: Device, rpi4_sysroot: Sysroot, classifier_bundle: Path, samples: Path
) -> BoardRun:
    """The classifier on the Pi 4, with three of the samples."""
    return run_bundle(rpi4, rpi4_sysroot, classifier_bundle, samples, limit=3)


def test_every_variant_runs_in_every_engine_and_passes(board_run: BoardRun, rpi4: Device) -> None:
    assert {(r.variant, r.engine, r.engine_version) for r in board_run.runs} == {
        ("float32.onnx", "onnxruntime", rpi4.engines["onnxruntime"]),
        ("float32.tflite", "litert", rpi4.engines["litert"]),
        ("float32.tflite", "litert-builtin", rpi4.engines["litert"]),
    }
    assert board_run.passed
    assert all(run.samples == 2 for run in board_run.runs)


def test_the_board_answers_as_the_host_does(
    board_run: BoardRun, classifier_bundle: Path, samples: Path
) -> None:
    model = edgeml_runtime.load(classifier_bundle, engine="onnxruntime", self_test=False)
    with np.load(samples) as arrays:
        expected = [model(image).to_json() for image in arrays["inputs"][:3]]
    for run in board_run.runs:
        assert [p["label"] for p in run.predictions] == [e["label"] for e in expected]
        scores = [p["score"] for p in run.predictions]
        assert scores == pytest.approx([e["score"] for e in expected], abs=1e-5)


def test_the_document(board_run: BoardRun) -> None:
    document = board_run.to_json()
    assert document["schema"] == "edgeml.board-run/1"
    assert (document["target"], document["method"]) == ("rpi4", "emulated")
    (first, *_) = document["runs"]
    assert set(first) == {"variant", "engine", "self_test", "predictions", "summaries"}


def test_answers_beyond_the_tolerance_fail(
    rpi4: Device, rpi4_sysroot: Sysroot, intolerant_bundle: Path
) -> None:
    one_engine = replace(rpi4_sysroot, engines={"litert": "2.3.0"})
    run = run_bundle(rpi4, one_engine, intolerant_bundle)
    assert not run.passed
    (variant,) = run.runs
    assert variant.worst_error is not None
    assert 0.0 < variant.worst_error < 1e-5
    assert variant.predictions == ()


def test_a_bundle_for_other_engines_is_refused(
    rpi4: Device, rpi4_sysroot: Sysroot, classifier_bundle: Path
) -> None:
    bare = replace(rpi4_sysroot, engines={})
    with pytest.raises(UnsupportedError, match="No variant of the bundle 'classifier'"):
        run_bundle(rpi4, bare, classifier_bundle)


def test_samples_are_checked_before_anything_runs(
    rpi4: Device, rpi4_sysroot: Sysroot, classifier_bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        run_bundle(rpi4, rpi4_sysroot, classifier_bundle, tmp_path / "absent.npz")
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    with pytest.raises(InputError, match="hold images, but no 'inputs'"):
        run_bundle(rpi4, rpi4_sysroot, classifier_bundle, tmp_path / "other.npz")


def test_a_sample_that_does_not_fit_is_worded_by_the_runtime(
    rpi4: Device, rpi4_sysroot: Sysroot, classifier_bundle: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "wide.npz", inputs=np.zeros((1, 3, 9, 9), np.float32))
    with pytest.raises(InputError, match="image"):
        run_bundle(rpi4, rpi4_sysroot, classifier_bundle, tmp_path / "wide.npz")
