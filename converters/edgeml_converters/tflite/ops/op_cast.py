"""Changes of the element type: CAST, and BITCAST of what has as many bytes."""

import numpy as np

from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step


@lowering("Cast", "CastLike")
def lower_cast(step: Step, emit: Emitter) -> None:
    """Write a conversion; a copy where the type stays."""
    source, target = emit.input(step, 0), emit.output(step)
    if source.dtype == target.dtype:
        emit.reshape(source, target)
    elif target.dtype.kind in "iu" and source.dtype.kind == "f" and target.dtype.itemsize < _WIDE:
        # What does not fit wraps around, as it does in ONNX's reference; C++ leaves it open.
        emit.cast_into(emit.cast(source, np.dtype(np.int32)), target)
    else:
        emit.cast_into(source, target)


_WIDE = 4
