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
class SourceModel:
    """A model as its author left it.

    Args:
        name: The file's stem; artifacts are named after it.
        path: The file that was read. It is never written.
        sha256: Digest of the model file, followed by the files of weights it refers to, if any.
        graph: The same model in memory, with the user's input shapes applied.
        inputs: What a caller feeds, in order.
        outputs: What a caller gets, in order.
        open_reference: Opens the source itself, untouched, in its own engine.
        notes: What the user should know of how it was read; whole sentences.
        provenance: How it became a graph, where that was not by reading it.
    """

    name: str
    path: Path
    sha256: str
    graph: "ir.Model" = field(repr=False)
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    open_reference: Callable[[], "Engine"] = field(repr=False, compare=False)
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def reference(self) -> "Engine":
        """Return the engine whose answers every artifact is held to; the caller closes it."""
        return self.open_reference()
