"""QuantizeLinear and DequantizeLinear: where integers begin and end.

Between integer operators they leave nothing in the program; the tensors carry the scales.
"""

import numpy as np

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter, dtype_of
from edgeml_converters.tflite.formula import Formula
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite.quantization import affine_of, is_constant, is_dequantize
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step

_LIMITS = "only constant int8, uint8 or int16 quantization of the whole tensor is supported"


@lowering("QuantizeLinear")
def lower_quantize(step: Step, emit: Emitter) -> None:
    """Write QUANTIZE, unless the value is there as these very integers."""
    value = step.value(0)
    affine = affine_of(step.node)
    if affine is None or not affine.per_tensor:
        raise Refusal(_LIMITS)
    order = emit.layout.order_of(value)
    source = emit.integer(value, order) if emit.is_integer(value) else emit.real(value, order)
    if source.affine != affine:
        name = emit.free_name(f"{source.name}/quantized")
        target = Tensor(name, source.shape, np.dtype(affine.dtype), affine=affine)
        emit.operator("QUANTIZE", [source], [target])
        source = target
    emit.bind(step.output, source, integer=True)
    if any(not is_dequantize(use.node) for use in step.output.uses()):
        emit.bind(step.output, _plain(emit, source, step), integer=False)


def _plain(emit: Emitter, quantized: Tensor, step: Step) -> Tensor:
    """Return the integers as numbers of their own, for those who compute with them."""
    dtype = dtype_of(step.output)
    numbers = emit.cast(quantized, np.dtype(np.int32))
    if dtype == np.uint8:
        f = Formula(emit, numbers)
        numbers = f.make("ADD", numbers, f.number(128, numbers.dtype))
    return emit.cast(numbers, dtype)


@lowering("DequantizeLinear")
def lower_dequantize(step: Step, emit: Emitter) -> None:
    """Write nothing: a reader that wants real numbers asks for them."""
    if is_constant(step.output):
        return
    affine = affine_of(step.node)
    if affine is None or not affine.per_tensor or not emit.is_integer(step.value(0)):
        raise Refusal(_LIMITS)
    value = step.value(0)
    tensor = emit.integer(value, emit.layout.order_of(value))
    if tensor.affine != affine:
        raise Refusal("integers that are read at another scale than they were made at have no form")
    emit.bind(step.output, tensor, integer=True)
