"""Bundles to try on boards: the project's examples, and models of packages."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import edgeml
from benchmarks.int8_tasks.answers import convert
from benchmarks.int8_tasks.catalog import TASKS

_EXAMPLES = Path(__file__).parents[2] / "examples"


def example_bundle(name: str, folder: Path) -> Path:
    """Return the bundle *name*, converted anew under *folder*."""
    made = folder / name
    BUNDLES[name](made)
    return made / f"{name}.edgeml"


def _fashion(folder: Path) -> None:
    example = _EXAMPLES / "fashion"
    edgeml.convert(
        example / "fashion.onnx",
        folder,
        precisions=("float32", "float16", "dynamic", "int8"),
        calibrate=str(example / "calibration.npz"),
        preprocess=example / "preprocess.toml",
        labels=example / "labels.txt",
        name="fashion",
    )


def _packaged(task: str, folder: Path) -> None:
    convert(TASKS[task](), "int8", (), folder)


BUNDLES: Mapping[str, Callable[[Path], None]] = MappingProxyType(
    {"fashion": _fashion}
    | {name: partial(_packaged, name) for name in TASKS if name not in {"minilm", "dog_breeds"}}
)
"""What is left out: a language model needs minutes under emulation, and dogs TensorFlow."""
