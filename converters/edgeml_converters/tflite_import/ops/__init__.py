"""How each TFLite operator becomes ONNX nodes, one file a family.

Importing a module fills the table of `registry`. To add an operator, add it to its family's file,
or add a file and its line here.
"""

from edgeml_converters.tflite_import.ops import (
    op_conv,
    op_elementwise,
    op_fully_connected,
    op_pad,
    op_pool,
    op_quantize,
    op_reduce,
    op_resize,
    op_shape,
    op_slice,
    op_softmax,
)

__all__ = [
    "op_conv",
    "op_elementwise",
    "op_fully_connected",
    "op_pad",
    "op_pool",
    "op_quantize",
    "op_reduce",
    "op_resize",
    "op_shape",
    "op_slice",
    "op_softmax",
]
