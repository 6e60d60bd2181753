"""Inspecting a bundle: what its manifest says, and each model in it."""

from pathlib import Path

from edgeml_converters.inspection.document import Inspection, VariantInspection
from edgeml_converters.inspection.numpy_file import inspect_numpy_bytes
from edgeml_converters.inspection.onnx_file import inspect_onnx_bytes
from edgeml_converters.inspection.tflite_file import inspect_tflite_bytes
from edgeml_runtime.bundle import open_bundle

_READERS = {
    "onnx": inspect_onnx_bytes,
    "tflite": inspect_tflite_bytes,
    "numpy": inspect_numpy_bytes,
}


def inspect_bundle(path: Path) -> Inspection:
    """Return what the bundle at *path* holds, every variant included.

    Raises:
        InputError: It is no bundle, or a damaged one.
    """
    bundle = open_bundle(path)
    manifest = bundle.manifest
    variants = tuple(
        VariantInspection(
            variant.id,
            variant.precision,
            _READERS[variant.format](bundle.read(variant.path), variant.path),
        )
        for variant in manifest.variants
    )
    return Inspection(
        path=str(path),
        format="edgeml",
        size_bytes=path.stat().st_size,
        inputs=manifest.inputs,
        outputs=manifest.outputs,
        variants=variants,
    )
