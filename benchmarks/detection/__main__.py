"""Detection beside a script written by hand: `python -m benchmarks.detection`.

Both read the photos from disk, with the same network in onnxruntime with the same settings, and
must find the same boxes. The detectors of examples/wardrobe are also scored on what is known to be
on the photos, in every form that the bundle has.
"""

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.command import worded
from benchmarks.detection.detectors import WARDROBE, Detector, captcha, wardrobe
from benchmarks.detection.precision import Thing, mean_average_precision, overlap
from benchmarks.detection.script import Found, script
from edgeml import convert
from edgeml_runtime import load
from edgeml_runtime.bundle import open_bundle, write_bundle
from edgeml_runtime.errors import MissingToolError
from edgeml_runtime.samples import read_samples
from edgeml_runtime.session import Model
from edgeml_runtime.tasks.detection import Detections

RUNS = 9
RATIO_LIMIT = 1.0
SAME_BOX = 0.99  # overlap: letterboxes and blobs round differently
INT8_DROP_LIMIT = 0.02


def main() -> int:
    """Print time and precision of each detector; return 1 when a limit is missed."""
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        print(
            f"CPU time of a whole folder, medians of {RUNS} interleaved runs; limit {RATIO_LIMIT}"
        )
        for detector in _detectors():
            bundle = bundle_of(detector, folder, ("float32",))
            with_script = detector.options["head"] != "ssd_anchors"
            missed += with_script and not _beside_script(detector, bundle)
        print("mean average precision at an overlap of 0.5")
        for head in ("yolo", "ssd"):
            detector = wardrobe(head)
            bundle = bundle_of(detector, folder, ("float32", "int8"))
            missed += not _scored(detector, bundle)
    return int(missed > 0)


def _detectors() -> list[Detector]:
    try:
        return [wardrobe("yolo"), captcha()]
    except MissingToolError as error:
        print(f"left out: {error}")
        return [wardrobe("yolo")]


def bundle_of(detector: Detector, folder: Path, precisions: tuple[str, ...]) -> Path:
    """Return the bundle of *detector*, calibrated on its own photos where it is int8."""
    toml = folder / "preprocess.toml"
    toml.write_text(_as_toml(detector.preprocess()), encoding="utf-8")
    samples = folder / f"{detector.source.stem}_photos" / "any"
    samples.mkdir(parents=True, exist_ok=True)
    for photo in detector.photos:
        shutil.copy(photo, samples)
    done = convert(
        detector.source,
        folder / detector.source.stem,
        precisions=precisions,
        calibrate=str(samples.parent),
        preprocess=toml,
        task="raw",
        name=detector.source.stem,
    )
    assert done.bundle is not None
    bundle = open_bundle(done.bundle)
    manifest = bundle.manifest
    files = {variant.path: bundle.read(variant.path) for variant in manifest.variants}
    if manifest.golden is not None:
        files[manifest.golden.path] = bundle.read(manifest.golden.path)
    path = folder / f"{detector.source.stem}.edgeml"
    manifest = replace(
        manifest, task="detection", labels=detector.labels, task_options=detector.options
    )
    write_bundle(path, manifest, files)
    return path


def _as_toml(preprocess: dict[str, Any]) -> str:
    steps = [
        "[[step]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in step.items())
        for step in preprocess["step"]
    ]
    return f'schema = "{preprocess["schema"]}"\n' + "".join(steps)


def _beside_script(detector: Detector, bundle: Path) -> bool:
    """Print the times of both and compare their boxes; return whether all is well."""
    model = load(bundle, variant="float32.onnx", engine="onnxruntime", threads=1)
    by_hand = script(detector)
    different = found = 0
    for photo in detector.photos:
        ours, theirs = _answer(model, photo), by_hand(photo)
        found += len(theirs)
        different += not _same(ours, theirs)

    def all_ours() -> None:
        for photo in detector.photos:
            _answer(model, photo)

    def all_theirs() -> None:
        for photo in detector.photos:
            by_hand(photo)

    ours_ms, theirs_ms = (
        seconds * 1e3 / len(detector.photos) for seconds in _medians_s((all_ours, all_theirs))
    )
    ratio = ours_ms / theirs_ms
    print(
        f"{detector.title}: {len(detector.photos)} photos, {found} boxes, {different} photos with "
        f"other boxes (limit 0); {ours_ms:.2f} ms a photo beside {theirs_ms:.2f} ms: {ratio:.3f}"
    )
    return ratio <= RATIO_LIMIT and not different


def _answer(model: Model, photo: Path) -> Detections:
    ((_, image),) = read_samples(photo)
    answer = model(image)
    assert isinstance(answer, Detections)
    return answer


def _same(ours: Detections, theirs: list[Found]) -> bool:
    return len(ours) == len(theirs) and all(
        item.index == number
        and abs(item.score - score) < 0.01
        and overlap(item.box, box) >= SAME_BOX
        for item, (number, score, box) in zip(ours, theirs, strict=True)
    )


def _medians_s(calls: tuple[Callable[[], None], ...]) -> list[float]:
    times_s: list[list[float]] = [[] for _ in calls]
    for _ in range(RUNS):
        for call, times in zip(calls, times_s, strict=True):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
    return [statistics.median(times) for times in times_s]


def _scored(detector: Detector, bundle: Path) -> bool:
    """Print the precision of each variant; return whether none is far below float32."""
    document = json.loads((WARDROBE / "photos" / "truth.json").read_text(encoding="utf-8"))
    truths = [
        [(thing["label"], 1.0, thing["box"]) for thing in document[photo.name]]
        for photo in detector.photos
    ]
    precisions: dict[str, float] = {}
    for variant in open_bundle(bundle).manifest.variants:
        model = load(bundle, variant=variant.id, threads=1)
        answers: list[list[Thing]] = [
            [(item.label, item.score, item.box) for item in _answer(model, photo)]
            for photo in detector.photos
        ]
        precisions[variant.id] = mean_average_precision(answers, truths)
    things = sum(map(len, truths))
    shown = ", ".join(f"{name} {value:.3f}" for name, value in precisions.items())
    print(f"{detector.title}: {things} things; {shown} (int8: at most {INT8_DROP_LIMIT} less)")
    return precisions["float32.onnx"] - min(precisions.values()) <= INT8_DROP_LIMIT


if __name__ == "__main__":
    sys.exit(worded(main))
