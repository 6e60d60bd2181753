"""What every kind of source becomes: the graph to convert and the reference to judge by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeml_runtime.tensors import TensorSpec

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgeml_runtime.engines import Engine


@dataclass(frozen=True)
class NativeFile:
    """The source file itself, where it is of a format that conversions deliver.

    Args:
        format: The format, as ``tflite``.
        precision: What it computes in: ``float32``, ``float16``, ``int8``, ``int8x16`` or
            ``dynamic``.
        data: Its bytes.
    """

    format: str
    precision: str
    data: bytes = field(repr=False)

    @property
    def graph_precision(self) -> str:
        """The precision of the same model as a graph, where 16-bit weights become 32-bit ones."""
        return "float32" if self.precision == "float16" else self.precision

    def resolve(self, precision: str) -> str:
        """Return the precision to write for the one asked for; float32 asks for no change."""
        return self.precision if precision == "float32" else precision


@dataclass(frozen=True)
class SourceModel:
    """A model as its author left it.

    Args:
        name: The file's stem; artifacts are named after it.
        path: The file that was read. It is never written.
        sha256: Digest of the model file, followed by the files of weights it refers to, if any.
        open_graph: Returns the same model in memory, with the user's input shapes applied.
        inputs: What a caller feeds, in order.
        outputs: What a caller gets, in order.
        open_reference: Opens the source itself, untouched, in its own engine.
        notes: What the user should know of how it was read; whole sentences.
        provenance: How it became a graph, where that was not by reading it.
        labels: The names of its classes, in order, where it has them; it is a classifier then.
        native: The file, where it can be delivered as it is.
        stateful: Whether an answer depends on what was fed before, since the reference was opened.
    """

    name: str
    path: Path
    sha256: str
    open_graph: Callable[[], "ir.Model"] = field(repr=False, compare=False)
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    open_reference: Callable[[], "Engine"] = field(repr=False, compare=False)
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    native: NativeFile | None = None
    stateful: bool = False

    @property
    def graph(self) -> "ir.Model":
        """The graph to convert.

        Raises:
            UnsupportedError: The model has no form as a graph; lists every operator in the way.
        """
        return self.open_graph()

    def reference(self) -> "Engine":
        """Return the engine whose answers every artifact is held to; the caller closes it."""
        return self.open_reference()
