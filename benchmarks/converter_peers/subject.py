"""What is converted: a model, how converters are told of it, and what it answers.

Knows where models come from; must not know converters.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.networks.catalog import NETWORKS
from benchmarks.real_models import REAL_MODELS, RealModel, fetch
from benchmarks.torch_networks.catalog import TORCH_NETWORKS, TorchNetwork
from benchmarks.torch_networks.conversion import export
from edgeml_runtime.bundle import pack_golden
from edgeml_runtime.engines import open_engine

SAMPLES = 3
BUILT = ("mobilenet-v1-1.0-224", "mobilenet-v2-1.0-224", "efficientnet-lite0", "resnet50")
"""Networks of `benchmarks.networks`, whose weights are seeded."""


@dataclass(frozen=True)
class Subject:
    """A model, ready to convert.

    Args:
        name: Unique among all.
        source: An ONNX file, which no converter may write to, or the network's name.
        shapes: Of the inputs where the file leaves sizes free.
        golden: The file of samples and of what the source answers.
        network: The PyTorch network, where the source is one.
    """

    name: str
    source: Path | str
    shapes: Mapping[str, tuple[int, ...]]
    golden: Path
    network: TorchNetwork | None = None

    @property
    def digest(self) -> str:
        """A digest of what is converted."""
        if isinstance(self.source, Path):
            content = self.source.read_bytes()
        else:
            content = self.golden.read_bytes()
        return hashlib.sha256(content + repr(sorted(self.shapes.items())).encode()).hexdigest()[:16]


def subjects(torch_python: Path | None) -> Mapping[str, Callable[[Path], Subject]]:
    """Return how each subject is prepared in a folder, by name.

    Args:
        torch_python: An interpreter that has PyTorch; without one there are no such networks.
    """
    found: dict[str, Callable[[Path], Subject]] = {}
    for real in REAL_MODELS.values():
        found[real.name] = _real(real)
    for name in BUILT:
        found[name] = _built(name)
    for network in TORCH_NETWORKS.values() if torch_python is not None else ():
        assert torch_python is not None
        found[f"{network.name}.torch"] = _torch(network, torch_python)
        found[f"{network.name}.onnx"] = _exported(network, torch_python)
    return found


def _real(model: RealModel) -> Callable[[Path], Subject]:
    def prepare(folder: Path) -> Subject:
        file = fetch(model)
        golden = _answered(file, model.shapes, folder / "golden.npz")
        return Subject(model.name, file, model.shapes, golden)

    return prepare


def _built(name: str) -> Callable[[Path], Subject]:
    def prepare(folder: Path) -> Subject:
        file = folder / f"{name}.onnx"
        if not file.exists():
            file.write_bytes(NETWORKS[name].build().SerializeToString(deterministic=True))
        return Subject(name, file, {}, _answered(file, {}, folder / "golden.npz"))

    return prepare


def _torch(network: TorchNetwork, python: Path) -> Callable[[Path], Subject]:
    def prepare(folder: Path) -> Subject:
        golden = export(network, python, folder)
        return Subject(f"{network.name}.torch", network.name, {}, golden, network)

    return prepare


def _exported(network: TorchNetwork, python: Path) -> Callable[[Path], Subject]:
    def prepare(folder: Path) -> Subject:
        golden = export(network, python, folder)
        return Subject(f"{network.name}.onnx", folder / "dynamo.onnx", {}, golden)

    return prepare


def _answered(file: Path, shapes: Mapping[str, tuple[int, ...]], golden: Path) -> Path:
    """Return *golden*, written when it is missing: what onnxruntime answers with the file."""
    if not golden.exists():
        engine = open_engine("onnxruntime", file)
        try:
            inputs = list(_samples([(s.name, s.shape, s.dtype) for s in engine.inputs], shapes))
            outputs = [engine.run(sample) for sample in inputs]
        finally:
            engine.close()
        golden.write_bytes(pack_golden(inputs, outputs))
    return golden


def _samples(
    tensors: list[tuple[str, tuple[int | None, ...], str]],
    shapes: Mapping[str, tuple[int, ...]],
) -> Iterator[dict[str, np.ndarray]]:
    random = np.random.default_rng(0)
    for _ in range(SAMPLES):
        sample = {}
        for name, shape, dtype in tensors:
            sizes = shapes.get(name) or tuple(size or 1 for size in shape)
            sample[name] = random.uniform(-1.0, 1.0, sizes).astype(dtype)
        yield sample
