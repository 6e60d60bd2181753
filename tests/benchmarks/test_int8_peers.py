"""int8 beside other quantizers, as far as it needs no package and no photo."""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import edgeml
from benchmarks.int8_peers.inputs import Inputs
from benchmarks.int8_peers.limits import Limit, best_sqnr_db, growth, limits
from benchmarks.int8_peers.methods import METHODS, MIN_MAX, Method, Order
from benchmarks.int8_peers.photos import CALIBRATION, Part, join, prepare, split
from benchmarks.int8_peers.subject import PREPROCESS, Subject
from benchmarks.int8_peers.trial import Judge, Quality, Trial, attempt, quantize
from edgeml.pipeline.plan import read_pipeline
from edgeml_converters.sources import load_source
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

FASHION = Path(__file__).parents[2] / "examples" / "fashion"
GOOD = Quality("onnx", 1000, top1=88.0, drop=0.33, agreement=98.3, sqnr_db=22.0)
TRIAL = Trial("edgeml", cpu_s=4.0, peak_mib=200.0, qualities=(GOOD,))


def labels_file(folder: Path, count: int) -> Path:
    """Write a labels.csv of *count* photos that are not there."""
    rows = [f"{index:03}.jpg,{index * 7 % 1000}" for index in range(count)]
    (folder / "labels.csv").write_text("\n".join(["file,label", *rows, ""]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The example network in place of a large one, with 20 images to calibrate and 40 to score."""
    folder = tmp_path_factory.mktemp("subject")
    network = FASHION / "fashion.onnx"
    pipeline = read_pipeline(FASHION / "preprocess.toml")
    source = load_source(str(network))
    parts = []
    for name, count in (("calibration", 20), ("test", 40)):
        inputs = folder / name
        inputs.mkdir()
        with np.load(FASHION / f"{name}.npz") as arrays:
            for index, image in enumerate(arrays["inputs"][:count]):
                np.save(inputs / f"{index:04}.npy", pipeline(image))
            parts.append(Part(folder, inputs, tuple(arrays["labels"][:count].tolist())))
    calibration, scored = parts
    return Subject(
        onnx=network,
        tflite=network,
        inputs=source.inputs,
        outputs=source.outputs,
        calibration=calibration,
        scored=scored,
        all_inputs=folder,
    )


def test_the_first_hundred_are_for_calibration(tmp_path: Path) -> None:
    calibration, scored = split(labels_file(tmp_path, 150))
    assert [name for name, _ in calibration] == [f"{index:03}.jpg" for index in range(CALIBRATION)]
    assert scored[0] == ("100.jpg", 700)
    assert len(scored) == 50


def test_a_hundred_photos_leave_none_to_score(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 100 photos, and 100 of them"):
        split(labels_file(tmp_path, CALIBRATION))


def test_the_real_photos_are_split_as_is_said(imagenet_folder: str) -> None:
    calibration, scored = split(Path(imagenet_folder))
    assert (len(calibration), len(scored)) == (100, 300)
    assert not {name for name, _ in calibration} & {name for name, _ in scored}


def test_inputs_are_what_the_network_sees(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(3):
        picture = np.full((40, 30, 3), 50 * index, np.uint8)
        cv2.imwrite(str(photos / f"{index}.png"), picture)
    rows = [(f"{index}.png", index + 5) for index in (2, 0, 1)]
    spec = TensorSpec("image", (1, 3, 224, 224), "float32", "NCHW")
    pipeline = read_pipeline(PREPROCESS)
    part = prepare(photos, rows, tmp_path / "part", pipeline, [spec])
    assert part.labels == (7, 5, 6)
    assert (part.folder / "0.png").is_symlink()
    arrays = list(Inputs(part.inputs, 3))
    expected = [(grey - 127.0) / 128.0 for grey in (100, 0, 50)]
    for array, value in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(array, np.full((1, 3, 224, 224), value, np.float32), rtol=1e-6)
    both = Inputs(join((part, part), tmp_path / "all"), 8)
    assert [array.flat[0] for array in both] == [
        arrays[index].flat[0] for index in (0, 1, 2, 0, 1, 2, 0, 1)
    ]


def test_edgeml_does_no_more_and_no_less_than_its_command(subject: Subject, tmp_path: Path) -> None:
    order = Order(subject, subject.calibration.inputs, 20, tmp_path / "side")
    run = quantize(MIN_MAX, Path(sys.executable), order)
    assert run.exit_code == 0, run.log
    with np.load(FASHION / "calibration.npz") as arrays:
        np.savez(tmp_path / "few.npz", inputs=arrays["inputs"][:20])
    edgeml.convert(
        subject.onnx,
        tmp_path / "command",
        precisions=("int8",),
        calibrate=str(tmp_path / "few.npz"),
        preprocess=FASHION / "preprocess.toml",
        name="model",
    )
    for suffix in ("onnx", "tflite"):
        side = (tmp_path / "side" / f"model.{suffix}").read_bytes()
        assert side == (tmp_path / "command" / f"model.int8.{suffix}").read_bytes()


def test_a_float_file_is_as_good_as_itself(subject: Subject) -> None:
    judge = Judge(subject)
    quality = judge.quality(subject.onnx)
    assert (quality.drop, quality.agreement) == (0.0, 100.0)
    assert quality.top1 == judge.top1 > 80.0
    assert quality.sqnr_db == float("inf")


def test_a_peer_is_judged_by_its_file(subject: Subject, tmp_path: Path) -> None:
    methods = {method.name: method for method in METHODS}
    method = methods["onnxruntime min-max"]
    few = Judge(subject)
    trial = attempt(method, Path(sys.executable), few, subject, tmp_path)
    (quality,) = trial.qualities
    assert quality.format == "onnx"
    assert quality.agreement >= 90.0
    assert 15.0 < quality.sqnr_db < 60.0
    assert trial.cpu_s > 0.1
    assert trial.peak_mib > 50.0


def test_a_method_that_fails_says_why(subject: Subject, tmp_path: Path) -> None:
    method = Method("onnxruntime unheard-of", "onnxruntime", ("UnheardOf",))
    trial = attempt(method, Path(sys.executable), Judge(subject), subject, tmp_path)
    assert not trial.qualities
    assert "exit code 1: KeyError: 'UnheardOf'" in trial.reason


def test_methods_have_names_of_their_own_and_known_peers() -> None:
    assert len({method.name for method in METHODS}) == len(METHODS)
    assert {peer.name for m in METHODS if (peer := m.peer)} == {
        "onnxruntime_quantization",
        "nncf",
        "litert_quantizer",
    }


def test_what_is_asked_of_a_method_is_held_against_it() -> None:
    found = {limit.what: limit for limit in limits(MIN_MAX, TRIAL, 19.5)}
    assert len(found) == 6
    assert all(limit.met for limit in found.values())
    noisy = replace(TRIAL, peak_mib=301.0, qualities=(replace(GOOD, sqnr_db=20.0, drop=0.67),))
    missed = [limit.sentence for limit in limits(MIN_MAX, noisy, 20.5) if not limit.met]
    assert missed == [
        "edgeml, onnx, drop: 0.67 points (at most 0.34)  MISSED",
        "edgeml, onnx, SQNR: 20.00 dB (at least 21)  MISSED",
        "edgeml, onnx, SQNR beside the best peer: 20.00 dB (at least 20.5)  MISSED",
        "edgeml, peak memory: 301.00 MiB (at most 300)  MISSED",
    ]


def test_one_of_three_hundred_photos_is_within_the_limit() -> None:
    assert Limit("drop", 100.0 / 300, 0.34, "points").met


def test_memory_that_grows_is_told() -> None:
    assert growth(200.0, 209.0).met
    assert not growth(200.0, 211.0).met


def test_the_best_peer_is_the_best_file() -> None:
    other = replace(TRIAL, qualities=(replace(GOOD, sqnr_db=19.0), replace(GOOD, sqnr_db=23.0)))
    assert best_sqnr_db([TRIAL, other]) == 23.0
    assert best_sqnr_db([replace(TRIAL, qualities=())]) is None
