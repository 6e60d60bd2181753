"""Finds out whether a program runs with any batch, by what it is for a batch of 1 and of 2.

TFLite's kernels take the sizes of what they are given. So a program runs with another batch when
nothing in it holds the batch: when the one for 2 has the same operators and constants. A RESHAPE
can leave one size open; constants of any other operator cannot.
"""

from collections.abc import Iterator

import numpy as np

from edgeml_converters.tflite.program import Operator, Program, Tensor

_OPEN = -1


def free_batch(program: Program, doubled: Program) -> str:
    """Leave the batch of a program open where it can be.

    Args:
        program: For a batch of 1; inputs and outputs get their signature, and RESHAPEs the open
            size, unless something holds the batch.
        doubled: The same for a batch of 2.

    Returns:
        What holds the batch, in words; empty when nothing does.
    """
    shapes: list[tuple[Operator, int]] = []
    for one, two in zip(program.programs(), doubled.programs(), strict=False):
        holder = _holder(one, two, shapes)
        if holder:
            return holder
    if len(list(program.programs())) != len(list(doubled.programs())):
        return "a batch of 2 takes other branches"
    for operator, place in shapes:
        _open_size(operator, place)
    ends = zip(_ends(program), _ends(doubled), strict=True)
    for tensor, twin in ends:
        pairs = zip(tensor.shape, twin.shape, strict=True)
        tensor.signature = tuple(_OPEN if one != two else one for one, two in pairs)
    return ""


def _ends(program: Program) -> Iterator[Tensor]:
    for _, tensor in (*program.inputs, *program.outputs):
        yield tensor


def _holder(one: Program, two: Program, shapes: list[tuple[Operator, int]]) -> str:
    """Return the first operator that differs for another batch; collect RESHAPEs to open."""
    if [o.code for o in one.operators] != [o.code for o in two.operators]:
        return "a batch of 2 takes other operators"
    for operator, twin in zip(one.operators, two.operators, strict=True):
        name = f"{operator.outputs[0].name} ({operator.code})"
        if _options(operator) != _options(twin):
            return f"{name} has the batch among its options"
        for at, (tensor, other) in enumerate(zip(operator.inputs, twin.inputs, strict=True)):
            if tensor is None or other is None or tensor.data is None or _is_same(tensor, other):
                continue
            place = _open_place(tensor, other)
            if operator.code != "RESHAPE" or at != 1 or place is None:
                return f"{name} has the batch in its constant {tensor.name}"
            shapes.append((operator, place))
    return ""


def _options(operator: Operator) -> dict[str, object]:
    return {key: value for key, value in operator.options.items() if key != "new_shape"}


def _is_same(tensor: Tensor, other: Tensor) -> bool:
    if tensor.data is None or other.data is None or tensor.shape != other.shape:
        return False
    return tensor.affine == other.affine and np.array_equal(
        tensor.data.reshape(-1).view(np.uint8), other.data.reshape(-1).view(np.uint8)
    )


def _open_place(tensor: Tensor, other: Tensor) -> int | None:
    """Return the one place in which two lists of sizes differ."""
    if tensor.data is None or other.data is None or tensor.shape != other.shape:
        return None
    places = np.flatnonzero(tensor.data != other.data)
    return int(places[0]) if len(places) == 1 and 0 not in tensor.data else None


def _open_size(operator: Operator, place: int) -> None:
    shape = operator.inputs[1]
    assert shape is not None
    assert shape.data is not None
    shape.data = shape.data.copy()
    shape.data[place] = _OPEN
    operator.options["new_shape"] = [int(size) for size in shape.data]
