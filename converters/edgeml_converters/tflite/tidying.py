"""Removes operators that a neighbour makes needless; every rule keeps the program's results."""

import numpy as np

from edgeml_converters.tflite.links import Links
from edgeml_converters.tflite.merging import MERGES
from edgeml_converters.tflite.program import Operator, Program, Tensor
from edgeml_converters.tflite.sharing import copy_overwritten


def tidy(program: Program) -> None:
    """Apply every rule until none applies any more, in bodies too; copy where that is needed."""
    for part in list(program.programs())[1:]:
        _tidy_graph(part)
    _tidy_graph(program)


def _tidy_graph(program: Program) -> None:
    links = Links(program)
    while any(rule(program, links) for rule in (*_RULES, *MERGES)):
        _drop_unread(program)
        links = Links(program)
    copy_overwritten(program)


def _reshapes(program: Program) -> list[Operator]:
    return [operator for operator in program.operators if operator.code == "RESHAPE"]


def _read_instead(links: Links, old: Tensor, new: Tensor) -> None:
    for operator in links.readers(old):
        operator.inputs = [new if tensor is old else tensor for tensor in operator.inputs]


def _merge_reshapes(program: Program, links: Links) -> bool:
    """A RESHAPE of a RESHAPE reads what the first one read."""
    merged = False
    for operator in _reshapes(program):
        before = links.writer(operator.inputs[0])
        if before is not None and before.code == "RESHAPE":
            operator.inputs[0] = before.inputs[0]
            merged = True
    return merged


def _merge_transposes(program: Program, links: Links) -> bool:
    """A TRANSPOSE of a TRANSPOSE reads what the first one read; both may come to nothing."""
    for operator in program.operators:
        before = links.writer(operator.inputs[0]) if operator.code == "TRANSPOSE" else None
        if before is None or before.code != "TRANSPOSE":
            continue
        order = _permutation(before)[_permutation(operator)]
        name = f"{operator.outputs[0].name}/merged"
        operator.inputs = [before.inputs[0], Tensor(name, order.shape, order.dtype, order)]
        if np.array_equal(order, np.arange(order.size)):
            shape = np.array(operator.outputs[0].shape, np.int32)
            operator.code, operator.options = "RESHAPE", {"new_shape": shape.tolist()}
            operator.inputs[1] = Tensor(name, shape.shape, shape.dtype, shape)
        return True
    return False


def _permutation(transpose: Operator) -> np.ndarray:
    order = transpose.inputs[1]
    assert order is not None
    assert order.data is not None
    return order.data


def _drop_same_shape(program: Program, links: Links) -> bool:
    """A RESHAPE to the shape that is there already goes; a copy that makes an output stays."""
    for operator in _reshapes(program):
        source, target = operator.inputs[0], operator.outputs[0]
        if source is None or source.shape != target.shape:
            continue
        producer = links.writer(source)
        if not links.is_output(target):
            _read_instead(links, target, source)
        elif producer is None or links.is_output(source):
            continue
        else:
            _read_instead(links, source, target)
            producer.outputs = [target if t is source else t for t in producer.outputs]
        program.operators.remove(operator)
        return True
    return False


def _drop_before_fully_connected(program: Program, links: Links) -> bool:
    """FULLY_CONNECTED flattens its input to rows by itself, unless it keeps the axes."""
    dropped = False
    for operator in program.operators:
        if operator.code != "FULLY_CONNECTED" or operator.options.get("keep_num_dims"):
            continue
        before = links.writer(operator.inputs[0])
        if before is not None and before.code == "RESHAPE":
            operator.inputs[0] = before.inputs[0]
            dropped = True
    return dropped


def _drop_unread(program: Program) -> None:
    """Drop operators none of whose outputs is read or leaves the program."""
    needed = {id(tensor) for _, tensor in program.outputs}
    kept: list[Operator] = []
    for operator in reversed(program.operators):
        if any(id(tensor) in needed for tensor in operator.outputs):
            kept.append(operator)
            needed |= {id(tensor) for tensor in operator.inputs if tensor is not None}
    program.operators[:] = reversed(kept)


_RULES = (_merge_reshapes, _merge_transposes, _drop_same_shape, _drop_before_fully_connected)
