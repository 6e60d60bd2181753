"""What a file of the format ``numpy`` holds, for people who want to know."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from edgeml_runtime.engines.numpy_engine import SCHEMA, NumpyEngine
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec


@dataclass(frozen=True)
class StoredStep:
    """One step: a function, what it reads, and the name of what it makes."""

    op: str
    reads: tuple[str, ...]
    made: str


@dataclass(frozen=True)
class StoredProgram:
    """A program.

    Args:
        inputs: What it reads.
        outputs: What it makes.
        steps: In order.
        sizes: Array to its number of elements, of those with an axis.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    steps: tuple[StoredStep, ...]
    sizes: Mapping[str, int]


def read_program(data: bytes, path: str) -> StoredProgram:
    """Return the program *data*; *path* is what to call it.

    Raises:
        InputError: It is no such file, or a damaged one.
    """
    try:
        engine = NumpyEngine("numpy", "", data, 1)  # which checks all of it
    except InputError as error:
        raise InputError(
            f"'{path}' is no whole .numpy file: {error.problem}", error.remedy
        ) from error
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    steps = json.loads(header.pop("__metadata__")[SCHEMA])["steps"]
    return StoredProgram(
        inputs=engine.inputs,
        outputs=engine.outputs,
        steps=tuple(StoredStep(step["op"], tuple(step["in"]), step["out"]) for step in steps),
        sizes={n: math.prod(entry["shape"]) for n, entry in header.items() if entry["shape"]},
    )
