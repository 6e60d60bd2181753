"""One way to make the model smaller, and what was measured of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeml_converters.quantize import Recipe

FLOAT = "float32"


@dataclass(frozen=True)
class TrialFile:
    """One format of a trial.

    Args:
        format: ``onnx`` or ``tflite``.
        size_bytes: Its size.
        score: In per cent, on the evaluation data.
        sqnr_db: Of its outputs, against the source's.
        latency_ms: The emulated estimate by board; empty where none was asked for or measured.
    """

    format: str
    size_bytes: int
    score: float
    sqnr_db: float
    latency_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """What was measured of a recipe.

    Args:
        name: In a few words.
        recipe: What makes it.
        files: One for each format.
        reference: The score of the source in per cent.
        int8_nodes: How many nodes compute in integers or have their weights as such.
        float_nodes: How many stay float.
    """

    name: str
    recipe: Recipe
    files: tuple[TrialFile, ...]
    reference: float
    int8_nodes: int
    float_nodes: int

    @property
    def drop(self) -> float:
        """The percentage points that the worse of its formats loses."""
        return self.reference - min(file.score for file in self.files)

    @property
    def sqnr_db(self) -> float:
        """The signal-to-noise ratio of the noisier of its formats."""
        return min(file.sqnr_db for file in self.files)

    @property
    def size_bytes(self) -> int:
        """The size of its largest format."""
        return max(file.size_bytes for file in self.files)

    @property
    def latency_ms(self) -> Mapping[str, float]:
        """The estimate of the faster format, by board."""
        boards = sorted({board for file in self.files for board in file.latency_ms})
        return {
            board: min(file.latency_ms[board] for file in self.files if board in file.latency_ms)
            for board in boards
        }

    @property
    def structure(self) -> tuple[str, tuple[str, ...]]:
        """What its speed depends on: numbers do not change it."""
        return self.recipe.scheme, self.recipe.float_nodes

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the conversion's document."""
        return {
            "name": self.name,
            "scheme": self.recipe.scheme,
            "kept_float": list(self.recipe.float_nodes),
            "int8_nodes": self.int8_nodes,
            "float_nodes": self.float_nodes,
            "drop": self.drop,
            "sqnr_db": self.sqnr_db if abs(self.sqnr_db) != float("inf") else None,
            "bytes": self.size_bytes,
            "latency_ms": dict(self.latency_ms),
            "files": [
                {
                    "format": file.format,
                    "bytes": file.size_bytes,
                    "score": file.score,
                    "sqnr_db": file.sqnr_db if abs(file.sqnr_db) != float("inf") else None,
                    "latency_ms": dict(file.latency_ms),
                }
                for file in self.files
            ],
        }
