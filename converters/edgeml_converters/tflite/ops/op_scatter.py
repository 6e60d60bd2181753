"""Writing elements at indices: SCATTER_ND, with a mask for what stays.

SCATTER_ND makes a tensor of zeros and adds the updates at their places. So two of them are written:
one of the updates, and one of ones that tells which places they take. Where indices repeat, ONNX
leaves the result open, unless a reduction is asked for.
"""

import numpy as np

from edgeml_converters.graph.attributes import int_attribute, string_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.formula import Formula
from edgeml_converters.tflite.layout import SOURCE
from edgeml_converters.tflite.ops.op_index import element_tuples, positive_tuples
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step


@lowering("ScatterND", ports=SOURCE)
def lower_scatter_nd(step: Step, emit: Emitter) -> None:
    """Write slices at tuples of indices."""
    source = emit.input(step, 0)
    tuples = positive_tuples(emit, emit.input(step, 1), source.shape)
    _scatter(step, emit, source, tuples, emit.input(step, 2))


@lowering("ScatterElements", "Scatter", ports=SOURCE)
def lower_scatter_elements(step: Step, emit: Emitter) -> None:
    """Write elements at one index each along an axis."""
    source = emit.input(step, 0)
    axis = int_attribute(step.node, "axis", 0) % len(source.shape)
    tuples = element_tuples(emit, emit.input(step, 1), axis, source.shape[axis])
    _scatter(step, emit, source, tuples, emit.input(step, 2))


def _scatter(step: Step, emit: Emitter, source: Tensor, tuples: Tensor, updates: Tensor) -> None:
    reduction = string_attribute(step.node, "reduction", "none")
    target = emit.output(step)
    if source.dtype not in {np.dtype(np.float32), np.dtype(np.int32)}:
        raise Refusal(f"scattering elements of type {source.dtype} is not supported")
    f = Formula(emit, target)
    if reduction == "add":
        f.into("ADD", source, _spread(emit, target, tuples, updates))
        return
    if reduction != "none":
        raise Refusal(f"the reduction {reduction} has no TFLite form")
    ones = emit.constant(f"{target.name}/ones", np.ones(updates.shape, source.dtype))
    taken = _spread(emit, target, tuples, ones)
    spread = _spread(emit, target, tuples, updates)
    f.into("SELECT_V2", f.test("GREATER", taken, f.number(0, source.dtype)), spread, source)


def _spread(emit: Emitter, target: Tensor, tuples: Tensor, updates: Tensor) -> Tensor:
    shape = emit.constant(f"{target.name}/shape", np.array(target.shape, np.int32))
    spread = emit.tensor(f"{target.name}/spread", target.shape, updates.dtype)
    emit.operator("SCATTER_ND", [tuples, updates, shape], [spread])
    return spread
