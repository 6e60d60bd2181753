"""Small bundles of real models, for whatever engines are installed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest

from edgeml_runtime.bundle import pack_golden, write_bundle
from edgeml_runtime.engines import ENGINE_FORMATS, Engine, installed_engines, open_engine
from edgeml_runtime.manifest import GoldenRecord, Manifest, Variant
from edgeml_runtime.tensors import Quantization, TensorSpec

MODELS = Path(__file__).parent / "models"

BundleMaker = Callable[..., Path]


@pytest.fixture(autouse=True)
def runtime_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that remembers self-tests, one for each test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("EDGEML_RUNTIME_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def models() -> Path:
    """Return the folder of the committed models."""
    return MODELS


@pytest.fixture(params=sorted(ENGINE_FORMATS))
def engine_name(request: pytest.FixtureRequest) -> str:
    """Return the name of each engine in turn; those that are not installed are skipped."""
    name = str(request.param)
    if name not in installed_engines():
        pytest.skip(f"{name} is not installed")
    return name


@pytest.fixture
def open_small() -> Callable[[str, str], Engine]:
    """Return a call that opens ``classifier`` or ``pool`` in an engine."""

    def open_small(model: str, engine: str) -> Engine:
        suffix = f".{ENGINE_FORMATS[engine]}"
        if model == "pool" and suffix == ".tflite":
            suffix = ".int8.tflite"
        return open_engine(engine, MODELS / f"{model}{suffix}")

    return open_small


def _variant(
    variant_id: str,
    content: bytes,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
) -> Variant:
    precision, file_format = variant_id.split(".")
    return Variant(
        id=variant_id,
        path=f"models/{variant_id}",
        format=file_format,
        precision=precision,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        engines={name: "" for name, kind in ENGINE_FORMATS.items() if kind == file_format},
        inputs=inputs,
        outputs=outputs,
    )


def _golden(data: bytes, samples: int, tolerances: Mapping[str, float]) -> GoldenRecord:
    return GoldenRecord("golden.npz", hashlib.sha256(data).hexdigest(), samples, tolerances)


@pytest.fixture(scope="session")
def make_manifest() -> Callable[..., Manifest]:
    """Return ``make_manifest(task, labels=(), **task_options)``: the manifest of no real model."""

    def make_manifest(task: str, labels: tuple[str, ...] = (), **options: Any) -> Manifest:  # noqa: ANN401 - JSON
        tensor = TensorSpec("tensor", (1, 4), "float32")
        return Manifest(
            name=task,
            version="1",
            serial=1,
            task=task,
            inputs=(tensor,),
            outputs=(tensor,),
            variants=(_variant("float32.onnx", b"no model", (tensor,), (tensor,)),),
            labels=labels,
            task_options=options,
        )

    return make_manifest


@pytest.fixture(scope="session")
def classifier() -> tuple[Manifest, dict[str, bytes]]:
    """Return manifest and files of the classifier: image (N,3,8,8) to 5 scores, three variants."""
    image = TensorSpec("image", (None, 3, 8, 8), "float32", "NCHW")
    scores = TensorSpec("scores", (None, 5), "float32")
    nhwc = TensorSpec("image", (None, 8, 8, 3), "float32", "NHWC")
    onnx = (MODELS / "classifier.onnx").read_bytes()
    tflite = (MODELS / "classifier.tflite").read_bytes()
    numpy = (MODELS / "classifier.numpy").read_bytes()
    golden = (MODELS / "classifier.golden.npz").read_bytes()
    variants = (
        _variant("float32.onnx", onnx, (image,), (scores,)),
        _variant("float32.tflite", tflite, (nhwc,), (scores,)),
        _variant("float32.numpy", numpy, (image,), (scores,)),
    )
    manifest = Manifest(
        name="classifier",
        version="1.0",
        serial=1,
        task="classification",
        inputs=(image,),
        outputs=(scores,),
        variants=variants,
        labels=("ant", "bee", "cat", "dog", "eel"),
        golden=_golden(golden, 2, {variant.id: 1e-5 for variant in variants}),
        provenance={"source": "make_models.py"},
    )
    return manifest, {
        "models/float32.onnx": onnx,
        "models/float32.tflite": tflite,
        "models/float32.numpy": numpy,
        "golden.npz": golden,
    }


@pytest.fixture(scope="session")
def pool() -> tuple[Manifest, dict[str, bytes]]:
    """Return manifest and files of the max-pool: image to image, int8 inside the TFLite variant."""
    image = TensorSpec("image", (1, 3, 4, 6), "float32", "NCHW")
    pooled = TensorSpec("pooled", (1, 3, 2, 3), "float32", "NCHW")
    quantization = Quantization(scale=0.05, zero_point=3)
    int8_image = TensorSpec("image", (1, 4, 6, 3), "int8", "NHWC", quantization)
    int8_pooled = TensorSpec("pooled", (1, 2, 3, 3), "int8", "NHWC", quantization)
    onnx = (MODELS / "pool.onnx").read_bytes()
    tflite = (MODELS / "pool.int8.tflite").read_bytes()
    numpy = (MODELS / "pool.numpy").read_bytes()
    sample = np.random.default_rng(3).uniform(-5.0, 5.0, (1, 3, 4, 6)).astype(np.float32)
    expected = sample.reshape(1, 3, 2, 2, 3, 2).max(axis=(3, 5))
    golden = pack_golden([{"image": sample}], [{"pooled": expected}])
    manifest = Manifest(
        name="pool",
        version="2",
        serial=7,
        task="raw",
        inputs=(image,),
        outputs=(pooled,),
        variants=(
            _variant("float32.onnx", onnx, (image,), (pooled,)),
            _variant("int8.tflite", tflite, (int8_image,), (int8_pooled,)),
            _variant("float32.numpy", numpy, (image,), (pooled,)),
        ),
        # Rounding to the int8 grid is off by half a step of 0.05.
        golden=_golden(
            golden, 1, {"float32.onnx": 0.0, "float32.numpy": 0.0, "int8.tflite": 0.0251}
        ),
    )
    return manifest, {
        "models/float32.onnx": onnx,
        "models/int8.tflite": tflite,
        "models/float32.numpy": numpy,
        "golden.npz": golden,
    }


@pytest.fixture
def make_bundle(
    tmp_path: Path,
    classifier: tuple[Manifest, dict[str, bytes]],
    pool: tuple[Manifest, dict[str, bytes]],
) -> BundleMaker:
    """Return a call that writes the bundle ``classifier`` or ``pool``, with fields replaced."""

    def make_bundle(model: str, files: Optional[Mapping[str, bytes]] = None, **fields: Any) -> Path:  # noqa: ANN401 - any field of the manifest
        manifest, contents = classifier if model == "classifier" else pool
        path = tmp_path / f"{model}.edgeml"
        manifest = replace(manifest, **fields)
        wanted = dict(contents if files is None else files)
        if manifest.golden is None:
            wanted.pop("golden.npz", None)
        write_bundle(path, manifest, wanted)
        return path

    return make_bundle
