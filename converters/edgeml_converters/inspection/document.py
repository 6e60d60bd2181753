"""The findings of an inspection as values, and as the ``edgeml.inspect/1`` document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeml_runtime.tensors import TensorSpec

SYNTHETIC_NOTE = (
    "Its int8 scales were set from made-up samples, not from data: convert again with --calibrate "
    "DATA before it is used."
)


@dataclass(frozen=True)
class EngineNeed:
    """The oldest version of an engine that runs the model.

    Args:
        engine: The engine's name.
        version: The version; empty where any does, None where it is not known.
        because: What asks for it.
    """

    engine: str
    version: str | None
    because: str


@dataclass(frozen=True)
class Finding:
    """What stands in the way of another format.

    Args:
        target: The format.
        node: The name of the node that has no form in it; empty where it is the whole model.
        op_type: The node's operator; empty likewise.
        reason: Why.
    """

    target: str
    node: str
    op_type: str
    reason: str


@dataclass(frozen=True)
class BoardEngine:
    """Whether an engine runs the model on a board.

    Args:
        board: The board's name.
        engine: The engine's name.
        version: The version that the board has a wheel of; empty where there is none.
        runs: Whether that one reads the model; None where nobody knows.
        because: Why not, or why nobody knows; else empty.
        variant: Which model of a bundle; empty for a file.
    """

    board: str
    engine: str
    version: str
    runs: bool | None
    because: str
    variant: str = ""


@dataclass(frozen=True)
class FreeAxis:
    """An axis of an input whose size is chosen at run time.

    Args:
        input: The input's name.
        axis: The axis, counted from 0.
        symbol: The name that the model gives the size; may be empty.
    """

    input: str
    axis: int
    symbol: str


@dataclass(frozen=True)
class Inspection:
    """What a model file holds and needs.

    Args:
        path: The file.
        format: ``onnx``, ``tflite``, ``numpy`` or ``edgeml``.
        size_bytes: The size of the file.
        inputs: As the file has them.
        outputs: As the file has them.
        ops: Operator to how often it occurs, most frequent first.
        parameters: Elements of all weights (of rank 1 and more); None for a bundle.
        macs: Multiply-accumulates of one inference at batch 1; None when a size is not known.
        macs_by_op: The same by operator, largest first.
        peak_activation_bytes: The most memory that activations take at once, batch 1; None when a
            size is not known.
        arena_bytes: The block of memory that holds them, planned as LiteRT does; more than the peak
            where gaps stay. Kernels' scratch memory is not in it.
        ir_version: The format's own version (TFLite: the schema's).
        opsets: Operator sets by domain; empty for TFLite.
        oldest_engines: For each engine that reads the format, what the model asks of it.
        blockers: What cannot be converted and why; target ``int8`` lists what stays float.
        free_axes: Sizes that are chosen at run time.
        notes: What else must be known to read the figures.
        variants: The models inside a bundle.
        boards: Which engines run it where, as far as anybody looked.
    """

    path: str
    format: str
    size_bytes: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    ops: Mapping[str, int] = field(default_factory=dict)
    parameters: int | None = None
    macs: int | None = None
    macs_by_op: Mapping[str, int] = field(default_factory=dict)
    peak_activation_bytes: int | None = None
    arena_bytes: int | None = None
    ir_version: int | None = None
    opsets: Mapping[str, int] = field(default_factory=dict)
    oldest_engines: tuple[EngineNeed, ...] = ()
    blockers: tuple[Finding, ...] = ()
    free_axes: tuple[FreeAxis, ...] = ()
    notes: tuple[str, ...] = ()
    variants: tuple["VariantInspection", ...] = ()
    boards: tuple[BoardEngine, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.inspect/1`` document."""
        boards = [vars(entry).copy() for entry in self.boards]
        return {"schema": "edgeml.inspect/1", **self._body(), "boards": boards}

    def _body(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "format": self.format,
            "bytes": self.size_bytes,
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
            "ops": dict(self.ops),
            "parameters": self.parameters,
            "macs": self.macs,
            "macs_by_op": dict(self.macs_by_op),
            "peak_activation_bytes": self.peak_activation_bytes,
            "arena_bytes": self.arena_bytes,
            "ir_version": self.ir_version,
            "opsets": dict(self.opsets),
            "oldest_engines": [vars(need).copy() for need in self.oldest_engines],
            "blockers": [vars(finding).copy() for finding in self.blockers],
            "free_axes": [vars(axis).copy() for axis in self.free_axes],
            "notes": list(self.notes),
            "variants": [
                {"id": variant.id, "precision": variant.precision, **variant.model._body()}
                for variant in self.variants
            ],
        }


@dataclass(frozen=True)
class VariantInspection:
    """One model inside a bundle.

    Args:
        id: The variant's id, such as ``int8.tflite``.
        precision: As the manifest says.
        model: What its file holds.
    """

    id: str
    precision: str
    model: Inspection
