"""Trilu: a choice by a constant mask."""

import numpy as np

from edgeml_converters.graph.attributes import constant_input, int_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.formula import Formula
from edgeml_converters.tflite.layout import SOURCE
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step


@lowering("Trilu", ports=SOURCE)
def lower_triangle(step: Step, emit: Emitter) -> None:
    """Write the upper or lower triangle of matrices, zero elsewhere."""
    offset = constant_input(step.node, 1)
    if step.has(1) and offset is None:
        raise Refusal("a diagonal that is computed at run time is not supported")
    diagonal = 0 if offset is None else int(offset.reshape(-1)[0])
    source, target = emit.input(step, 0), emit.output(step)
    ones = np.ones(source.shape[-2:], np.bool_)
    upper = int_attribute(step.node, "upper", 1)
    mask = np.triu(ones, diagonal) if upper else np.tril(ones, diagonal)
    chosen = emit.constant(f"{target.name}/mask", np.broadcast_to(mask, source.shape).copy())
    f = Formula(emit, target)
    f.into("SELECT_V2", chosen, source, f.number(0, source.dtype))
