"""Boards, their file systems and a small bundle, for the tests of devices."""

import hashlib
from pathlib import Path

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, ensure_sysroot
from edgeml_devices.profile import load_device
from edgeml_runtime.bundle import write_bundle
from edgeml_runtime.manifest import GoldenRecord, Manifest, Variant
from edgeml_runtime.tensors import TensorSpec

_MODELS = Path(__file__).parents[1] / "runtime" / "models"


@pytest.fixture(scope="session")
def rpi4() -> Device:
    """The board that most tests use."""
    return load_device("rpi4")


@pytest.fixture(scope="session")
def rpi4_sysroot(rpi4: Device) -> Sysroot:
    """Its file system, from the usual cache; set up when it is not there."""
    return ensure_sysroot(rpi4)


@pytest.fixture(scope="session")
def classifier_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of 8x8 images as ONNX and TFLite, with golden vectors."""
    path = tmp_path_factory.mktemp("bundle") / "classifier.edgeml"
    write_classifier_bundle(path, tolerance=1e-5)
    return path


@pytest.fixture(scope="session")
def intolerant_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier, whose golden vectors ask for bit-exact answers that no engine gives."""
    path = tmp_path_factory.mktemp("bundle") / "intolerant.edgeml"
    write_classifier_bundle(path, tolerance=0.0)
    return path


def write_classifier_bundle(path: Path, tolerance: float) -> None:
    """Write the classifier's bundle."""
    image = TensorSpec("image", (None, 3, 8, 8), "float32", "NCHW")
    scores = TensorSpec("scores", (None, 5), "float32")
    onnx = _variant("classifier.onnx", ("onnxruntime",), image, scores)
    nhwc = TensorSpec("image", (None, 8, 8, 3), "float32", "NHWC")
    tflite = _variant("classifier.tflite", ("litert", "litert-builtin"), nhwc, scores)
    golden = (_MODELS / "classifier.golden.npz").read_bytes()
    manifest = Manifest(
        name="classifier",
        version="1",
        serial=1,
        task="classification",
        inputs=(image,),
        outputs=(scores,),
        variants=(onnx, tflite),
        labels=("ant", "bee", "cat", "dog", "elk"),
        golden=GoldenRecord(
            path="golden.npz",
            sha256=hashlib.sha256(golden).hexdigest(),
            samples=2,
            tolerances={onnx.id: tolerance, tflite.id: tolerance},
        ),
    )
    models = {v.path: (_MODELS / Path(v.path).name).read_bytes() for v in manifest.variants}
    write_bundle(path, manifest, {**models, "golden.npz": golden})


def _variant(
    file: str, engines: tuple[str, ...], source: TensorSpec, result: TensorSpec
) -> Variant:
    content = (_MODELS / file).read_bytes()
    format_name = file.rpartition(".")[2]
    return Variant(
        id=f"float32.{format_name}",
        path=f"models/{file}",
        format=format_name,
        precision="float32",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        engines=dict.fromkeys(engines, ""),
        inputs=(source,),
        outputs=(result,),
    )
