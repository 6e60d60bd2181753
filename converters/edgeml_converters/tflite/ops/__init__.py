"""How each ONNX operator is written in TFLite, one file a family.

Importing a module fills the table of `registry`. To add an operator, add it to its family's file,
or add a file and its line here.
"""

from edgeml_converters.tflite.ops import (
    op_batch_norm,
    op_concat,
    op_conv,
    op_elementwise,
    op_fully_connected,
    op_normalization,
    op_pad,
    op_pool,
    op_quantize,
    op_reduce,
    op_shape,
    op_softmax,
    op_transpose,
)

__all__ = [
    "op_batch_norm",
    "op_concat",
    "op_conv",
    "op_elementwise",
    "op_fully_connected",
    "op_normalization",
    "op_pad",
    "op_pool",
    "op_quantize",
    "op_reduce",
    "op_shape",
    "op_softmax",
    "op_transpose",
]
