"""The formats that `convert` can write, and the engines that run them.

Adding a format is a line here and a writer in `edgeml_converters`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import onnx_ir as ir

from edgeml_converters.graph import Bytes, onnx_parts, split_weights, weights_bytes
from edgeml_converters.numpy_program import write_numpy
from edgeml_converters.tflite import Storage, convert_tflite
from edgeml_runtime.engines import ENGINE_FORMATS, install_line, installed_engines
from edgeml_runtime.errors import MissingToolError, UnsupportedError

LARGEST_FILE_BYTES: Final = 2**31 - 1 - 2**24
"""What one file may hold of weights: protocol buffers and FlatBuffers end at 2 GiB (32-bit offsets
with a sign), and 16 MiB are for the graph."""
Parts = Sequence[Bytes]


@dataclass(frozen=True)
class Written:
    """A model as a file, in parts that are to be written one after the other.

    Args:
        parts: The file.
        weights: Where the model is too large for one file, the second one; else empty.
        notes: What the user should know of how it was written; whole sentences.
    """

    parts: Parts
    weights: Parts = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """One file format.

    Args:
        name: As the command line and the manifest call it; also the suffix of its files.
        write: Turns a graph into a file, with float weights stored as it is told.
        image_layout: The layout of images in its inputs and outputs; None for the source's own.
        split: Turns a graph, and a name for the file of its weights, into the parts of two files;
            None where the format has one file only.
        precisions: Those that it has; None for all.
    """

    name: str
    write: Callable[[ir.Model, Storage], Written]
    image_layout: str | None
    split: Callable[[ir.Model, str], tuple[Parts, Parts]] | None = None
    precisions: tuple[str, ...] | None = None

    def has(self, precision: str) -> bool:
        """Return whether the format has a precision."""
        return self.precisions is None or precision in self.precisions

    def render(self, graph: ir.Model, weights_name: str, storage: Storage) -> Written:
        """Return the file of *graph*, or two where one is too small.

        Args:
            graph: The model.
            weights_name: The name of the second file.
            storage: How a format that has a say in it stores float weights.

        Raises:
            UnsupportedError: The format cannot hold the model.
        """
        size_bytes = weights_bytes(graph)
        if size_bytes <= LARGEST_FILE_BYTES:
            return self.write(graph, storage)
        if self.split is None:
            raise UnsupportedError(
                f"The weights take {size_bytes:,} bytes, and a .{self.name} file holds 2 GiB.",
                "Quantize the model, or convert with --to onnx.",
            )
        return Written(*self.split(graph, weights_name))

    @property
    def engines(self) -> tuple[str, ...]:
        """The engines that run this format, the preferred one first."""
        return tuple(name for name, format_ in ENGINE_FORMATS.items() if format_ == self.name)

    def verification_engine(self) -> str:
        """Return the engine of this machine that artifacts are verified with.

        Raises:
            MissingToolError: None of the format's engines is installed.
        """
        installed = installed_engines()
        for name in self.engines:
            if name in installed:
                return name
        raise MissingToolError(
            f"No engine that runs .{self.name} files is installed, so they cannot be verified.",
            f"Run: {install_line(self.engines[0])}",
        )


def _write_onnx(graph: ir.Model, _storage: Storage) -> Written:
    """Write a graph that has its weights as they are to be stored."""
    return Written(onnx_parts(graph))


def _write_tflite(graph: ir.Model, storage: Storage) -> Written:
    file = convert_tflite(graph, storage)
    return Written(file.parts, notes=file.notes)


def _write_numpy(graph: ir.Model, _storage: Storage) -> Written:
    return Written([write_numpy(graph)])


FORMATS: Final[Mapping[str, Format]] = {
    "onnx": Format("onnx", _write_onnx, None, split_weights),
    "tflite": Format("tflite", _write_tflite, "NHWC"),
    "numpy": Format("numpy", _write_numpy, None, precisions=("float32",)),
}
