"""Copies what LiteRT would overwrite while it is still to be read.

LiteRT's planner lets ADD, SUB, MUL, DIV and SOFTMAX write over an input that nobody else reads, and
RESHAPE share the memory of its input. Of an input that was itself written over another, the
readers beside a RESHAPE are not counted (LiteRT 2.3.0, own kernels): a sum of the reshaped tensor
then overwrites what they read. Where that could be, the RESHAPE is given a copy.
"""

import numpy as np

from edgeml_converters.tflite.links import Links
from edgeml_converters.tflite.program import Operator, Program, Tensor

_IN_PLACE = frozenset({"ADD", "DIV", "MUL", "SOFTMAX", "SUB"})


def copy_overwritten(program: Program) -> None:
    """Insert the copies that a program needs."""
    links = Links(program)  # a copy takes the place of one reader, so that they hold
    operators: list[Operator] = []
    for operator in program.operators:
        if _overwrites(links, operator):
            operators.append(_copied(operator))
        operators.append(operator)
    program.operators[:] = operators


def _overwrites(links: Links, operator: Operator) -> bool:
    """Whether the reader of a RESHAPE writes over what has other readers."""
    source, target = operator.inputs[0], operator.outputs[0]
    if operator.code != "RESHAPE" or source is None or len(links.readers(source)) < 2:
        return False
    ends = links.writer(source), links.sole_reader(target)
    return all(end is not None and end.code in _IN_PLACE for end in ends)


def _copied(reshape: Operator) -> Operator:
    """Give a RESHAPE a copy of its input; return what makes it, a TRANSPOSE that moves nothing."""
    source = reshape.inputs[0]
    assert source is not None
    order = np.arange(len(source.shape), dtype=np.int32)
    name = f"{reshape.outputs[0].name}/copy"
    copy = Tensor(name, source.shape, source.dtype, affine=source.affine)
    reshape.inputs[0] = copy
    axes = Tensor(f"{name}/perm", order.shape, order.dtype, order)
    return Operator("TRANSPOSE", [source, axes], [copy])
