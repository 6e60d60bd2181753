"""The TFLite files of networks: written by our converter, kept until a definition changes."""

import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

import edgeml_converters
from benchmarks.networks.integer_borders import with_integer_borders
from benchmarks.networks.network import Network
from edgeml_converters.graph import optimize
from edgeml_converters.quantize import calibrate, quantize_int8
from edgeml_converters.tflite import write_tflite

PRECISIONS = ("float32", "int8")

# Enough for ranges that are not empty; the latency depends on no more.
_CALIBRATION_SAMPLES = 2


def tflite_file(network: Network, precision: str, folder: Path) -> Path:
    """Return the network as a TFLite file in *folder*, written when it is not there yet.

    The name holds a digest of what the file comes from (the definition, the converter), so a file
    that is there is up to date.

    Args:
        network: What to write.
        precision: ``float32``, or ``int8``: per-channel weights, int8 input and output.
        folder: Made when it is missing.
    """
    assert precision in PRECISIONS
    path = folder / f"{network.name}-{precision}-{_sources_digest()[:16]}.tflite"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(path, _convert(network, precision))
    return path


def _convert(network: Network, precision: str) -> bytes:
    graph = optimize(ir.from_proto(network.build()))
    if precision == "float32":
        return write_tflite(graph)
    quantized = quantize_int8(graph, calibrate(graph, _samples(network.input_size)))
    return write_tflite(with_integer_borders(quantized))


def _samples(size: int) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    """Yield images between -1 and 1, the range that these networks were trained on."""
    random = np.random.default_rng(0)
    for _ in range(_CALIBRATION_SAMPLES):
        yield {"image": random.uniform(-1, 1, (1, 3, size, size)).astype(np.float32)}


@functools.cache
def _sources_digest() -> str:
    """Return a digest of the modules that decide what a file holds."""
    digest = hashlib.sha256()
    for package in (Path(__file__).parent, Path(str(edgeml_converters.__file__)).parent):
        for path in sorted([*package.rglob("*.py"), *package.rglob("*.toml")]):
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
