"""What a conversion made: its artifacts, how each was verified, and the documents that say so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeml_converters.quantize import QuantizationSummary
from edgeml_converters.sources import SourceModel
from edgeml_converters.verify import Accuracy, Parity
from edgeml_runtime.errors import GateError
from edgeml_runtime.tensors import TensorSpec

if TYPE_CHECKING:
    from edgeml.search.outcome import SearchOutcome

REJECTED_SUFFIX = ".rejected"


@dataclass(frozen=True)
class Artifact:
    """One written model.

    Args:
        path: The file, in the output folder.
        format: ``onnx``, ``tflite`` or ``numpy``.
        precision: One of ``PRECISIONS``.
        size_bytes: Size of the file, with that of its weights.
        sha256: Digest of the file, followed by its weights.
        engine: Name and version of the engine that it was verified in.
        parity: How far its outputs are from the source's.
        scores: One score for each metric; the first one is gated.
        golden_error: The largest absolute error on the golden vectors.
        inputs: Its inputs, with the names of the source and the layout of the file.
        outputs: Its outputs, likewise.
        failures: The gates that it did not pass; it is set aside as ``.rejected`` if there are any.
        weights: The second file of a model that is too large for one, which no bundle takes.
    """

    path: Path
    format: str
    precision: str
    size_bytes: int
    sha256: str
    engine: tuple[str, str]
    parity: Parity
    scores: tuple[Accuracy, ...]
    golden_error: float
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    failures: tuple[GateError, ...] = ()
    weights: Path | None = None

    @property
    def id(self) -> str:
        """What the bundle calls it."""
        return f"{self.precision}.{self.format}"

    @property
    def rejected(self) -> bool:
        """Whether a gate failed."""
        return bool(self.failures)

    @property
    def accepted_path(self) -> Path:
        """Where the artifact stands if it passes."""
        return self.path.with_suffix("") if self.rejected else self.path

    @property
    def other_path(self) -> Path:
        """Where an earlier conversion left this artifact when its gates ended the other way."""
        if self.rejected:
            return self.accepted_path
        return self.path.with_name(f"{self.path.name}{REJECTED_SUFFIX}")

    @property
    def accuracy(self) -> Accuracy | None:
        """The score that is gated, if anything was scored."""
        return self.scores[0] if self.scores else None

    def to_json(self, path: str) -> dict[str, Any]:
        """Return this artifact's entry of ``edgeml.convert/1``, under the given path."""
        name, version = self.engine
        return {
            "path": path,
            "weights": None if self.weights is None else self.weights.name,
            "format": self.format,
            "precision": self.precision,
            "bytes": self.size_bytes,
            "sha256": self.sha256,
            "verified_with": {"name": name, "version": version},
            "parity": self.parity.to_json(),
            "accuracy": None if self.accuracy is None else self.accuracy.to_json(),
            "scores": [score.to_json() for score in self.scores],
            "rejected": self.rejected,
        }


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """The result of `edgeml.convert`.

    Args:
        source: The model that was converted.
        output: The folder that was written to.
        artifacts: What was written, the rejected ones included.
        task: One of ``manifest.TASKS``.
        verified_on: In words, the samples that parity was measured on.
        quantizations: What was quantized and what was not, for each precision but float32.
        bundle: The bundle, or None when every artifact was rejected.
        timings_s: Seconds by step.
        notes: What the user should know of how the source was read and the artifacts written.
        name: What the files are called.
        search: What `--quantize auto` tried and chose.
        task_options: How the task reads the outputs.
    """

    source: SourceModel
    output: Path
    artifacts: tuple[Artifact, ...]
    task: str
    verified_on: str
    quantizations: tuple[QuantizationSummary, ...]
    bundle: Path | None
    timings_s: Mapping[str, float] = field(compare=False)
    notes: tuple[str, ...] = ()
    name: str = ""
    search: "SearchOutcome | None" = None
    task_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def quantization(self) -> QuantizationSummary | None:
        """The first of ``quantizations`` that was calibrated, else the first."""
        first = self.quantizations[0] if self.quantizations else None
        return next((item for item in self.quantizations if item.samples), first)

    @property
    def failures(self) -> tuple[GateError, ...]:
        """Every gate that failed, in the order of the artifacts."""
        return tuple(failure for artifact in self.artifacts for failure in artifact.failures)

    @property
    def passed(self) -> bool:
        """Whether every artifact passed every gate."""
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.convert/1`` document, with paths as seen from here."""
        return {**self._document(self.output), "timings_s": dict(self.timings_s)}

    def record(self) -> dict[str, Any]:
        """Return what ``conversion.json`` holds: file names, nothing that changes by the run."""
        return self._document(None)

    def _document(self, folder: Path | None) -> dict[str, Any]:
        def shown(path: Path) -> str:
            return path.name if folder is None else str(folder / path.name)

        return {
            "schema": "edgeml.convert/1",
            "source": {
                "name": self.source.path.name,
                "sha256": self.source.sha256,
                **self.source.provenance,
            },
            "notes": list(self.notes),
            "task": self.task,
            "task_options": dict(self.task_options),
            "verified_on": self.verified_on,
            "artifacts": [item.to_json(shown(item.path)) for item in self.artifacts],
            "quantization": None if self.quantization is None else self.quantization.to_json(),
            "quantizations": [summary.to_json() for summary in self.quantizations],
            "search": None if self.search is None else self.search.to_json(),
            "bundle": None if self.bundle is None else shown(self.bundle),
            "passed": self.passed,
            "failures": [failure.to_json() for failure in self.failures],
        }
