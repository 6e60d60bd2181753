"""AVERAGE_POOL_2D and MAX_POOL_2D; their padding is never counted."""

from edgeml_converters.tflite_import.activation import activated
from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import CHANNELS_FIRST
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.spatial import strides, window_pads
from edgeml_converters.tflite_import.step import Step

_OPS = {"AVERAGE_POOL_2D": "AveragePool", "MAX_POOL_2D": "MaxPool"}


@importing(*_OPS, ports=CHANNELS_FIRST)
def raise_pool(step: Step, emit: Emitter) -> None:
    """Add a pool, or a GlobalAveragePool where one window takes the whole image."""
    size = step.input().shape[1:3]
    kernel = (step.number_of("filter_height", 1), step.number_of("filter_width", 1))
    op_type, pads = _OPS[step.operator.code], window_pads(step, size, kernel, strides(step))
    if op_type == "AveragePool" and kernel == size and not any(pads):
        made = emit.node("GlobalAveragePool", emit.input(step))
    else:
        made = emit.node(
            op_type,
            emit.input(step),
            kernel_shape=list(kernel),
            strides=list(strides(step)),
            pads=pads,
        )
    emit.output(step, activated(step, emit, made))
