"""Which version of an operator a program uses, and which runtime is needed for it.

The table is `op_versions.toml`; this module only picks the rows that hold for an operator.
"""

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from edgeml_converters.tflite.program import Operator, Program, Tensor

_WEIGHTED = ("CONV_2D", "FULLY_CONNECTED")
_FACTS = ("options", "types", "typed_input")
"""Keys of a row that are no features."""


@dataclass(frozen=True)
class OpEntry:
    """What the table says of a TFLite operator.

    Args:
        options: The name of its options table in the schema; empty if it has none.
        versions: Feature -> operator version and oldest runtime; ``base`` always holds.
        types: Element types of unquantized tensors that the kernel takes; empty for any.
        typed_input: The input whose element type that is.
    """

    options: str
    versions: Mapping[str, tuple[int, str]]
    types: tuple[str, ...] = ()
    typed_input: int = 0


@functools.cache
def _table() -> dict[str, OpEntry]:
    text = files("edgeml_converters.tflite").joinpath("op_versions.toml").read_text("utf-8")
    table: dict[str, OpEntry] = {}
    for code, row in tomllib.loads(text).items():
        versions = {
            feature: (int(entry[0]), str(entry[1]))
            for feature, entry in row.items()
            if feature not in _FACTS
        }
        types = tuple(row.get("types", ()))
        table[code] = OpEntry(row.get("options", ""), versions, types, row.get("typed_input", 0))
    return table


def op_entry(code: str) -> OpEntry:
    """Return the row of an operator, by its name in the schema."""
    return _table()[code]


def op_version(operator: Operator) -> int:
    """Return the operator version: the highest that one of its features asks for."""
    return max(version for version, _ in _rows(operator))


def minimum_runtime(program: Program) -> str:
    """Return the oldest TensorFlow Lite release that has all operators of a program."""
    needed = [
        runtime
        for part in program.programs()
        for operator in part.operators
        for _, runtime in _rows(operator)
    ]
    return max(needed, key=_ordered, default="1.5.0")


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _rows(operator: Operator) -> list[tuple[int, str]]:
    versions = op_entry(operator.code).versions
    return [versions[feature] for feature in _features(operator) if feature in versions]


def _features(operator: Operator) -> Iterator[str]:
    """Yield what of an operator can ask for a higher version."""
    yield "base"
    given = [tensor for tensor in operator.inputs if tensor is not None]
    first = given[0]
    ends = (first, operator.outputs[0])
    for name in ("int8", "float16"):
        if any(tensor.dtype == name for tensor in ends):
            yield name
    if any(tensor.dtype == np.int16 and tensor.affine is not None for tensor in ends):
        yield "int16"
    yield from _of_weights(operator, given)
    if max(len(tensor.shape) for tensor in given) > 4:
        yield "rank5"
    if first.shape != given[-1].shape and max(len(t.shape) for t in given) > 4:
        yield "broadcast5"
    if first.affine is not None and not first.affine.per_tensor:
        yield "per_channel"
    options = operator.options
    if options.get("dilation_h_factor", 1) != 1 or options.get("dilation_w_factor", 1) != 1:
        yield "dilated"
    if options.get("keep_num_dims"):
        yield "keep_dims"
    if operator.code == "CONV_2D" and first.shape[-1] != given[1].shape[-1]:
        yield "grouped"


def _of_weights(operator: Operator, given: list[Tensor]) -> Iterator[str]:
    """Yield what integer weights behind float activations ask for."""
    if given[0].dtype != np.float32 or len(given) < 2 or given[1].dtype != np.int8:
        return
    if operator.code not in _WEIGHTED:
        return
    yield "hybrid"
    if given[1].affine is not None and not given[1].affine.per_tensor:
        yield "hybrid_channels"
