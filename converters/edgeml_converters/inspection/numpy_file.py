"""Inspecting a file of the format ``numpy``: its program, counted."""

from collections import Counter
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path

from edgeml_converters.inspection.document import EngineNeed, FreeAxis, Inspection
from edgeml_converters.inspection.macs import ModelOperator
from edgeml_converters.numpy_program import StoredProgram, read_program
from edgeml_runtime.errors import InputError


def inspect_numpy(path: Path) -> Inspection:
    """Return what the file at *path* holds and needs.

    Raises:
        InputError: It cannot be read, or is no such file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    return inspect_numpy_bytes(data, str(path))


def inspect_numpy_bytes(data: bytes, path: str) -> Inspection:
    """Return what the program *data* holds and needs; *path* is what to call it."""
    program = read_program(data, path)
    operators = tuple(_operators(program))
    macs = Counter[str]()
    for operator in operators:
        if operator.multiplies:
            macs[operator.type] += operator.macs or 0
    return Inspection(
        path=path,
        format="numpy",
        size_bytes=len(data),
        inputs=program.inputs,
        outputs=program.outputs,
        ops=dict(Counter(step.op for step in program.steps).most_common()),
        parameters=sum(program.sizes.values()),
        macs=macs.total(),
        macs_by_op=dict(macs.most_common()),
        oldest_engines=numpy_needs(data),
        free_axes=tuple(
            FreeAxis(spec.name, axis, "")
            for spec in program.inputs
            for axis, size in enumerate(spec.shape)
            if size is None
        ),
        notes=("A comparison in a tree is no multiplication: trees count as no MACs.",),
    )


def numpy_needs(_data: bytes | mmap) -> tuple[EngineNeed, ...]:
    """Return what a program asks of its engine: nothing, as the runtime needs NumPy itself."""
    return (EngineNeed("numpy", "", "every board of the runtime has NumPy"),)


def list_numpy_operators(path: Path) -> tuple[ModelOperator, ...]:
    """Return the steps of the file at *path*, in order."""
    return tuple(_operators(read_program(path.read_bytes(), str(path))))


def _operators(program: StoredProgram) -> Iterator[ModelOperator]:
    for step in program.steps:
        macs = 0
        if step.op == "matmul":  # each row times the weights, which are the second operand
            macs = program.sizes.get(step.reads[-1], 0)
        yield ModelOperator(step.op, step.made, step.op == "matmul", macs, integer=False)
