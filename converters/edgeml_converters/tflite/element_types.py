"""Element types: which a kernel takes, and which wider one computes the same."""

from collections.abc import Sequence

import numpy as np

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.op_versions import op_entry
from edgeml_converters.tflite.program import Tensor

# All values of the type are values of each of these, and a result that is converted back is what
# the type itself would give: integers wrap around alike, and a float16 is rounded once.
_WIDER = {
    "float16": ("float32",),
    "int8": ("int16", "int32", "int64"),
    "uint8": ("int16", "int32", "int64"),
    "int16": ("int32", "int64"),
    "uint16": ("int32", "int64"),
    "uint32": ("int64",),
    "bool": ("uint8", "int8", "int32"),
}


def kernel_type(code: str, inputs: Sequence[Tensor | None]) -> tuple[np.dtype, np.dtype]:
    """Return the element type that an operator is given, and the one that its kernel shall have.

    Args:
        code: The operator.
        inputs: Its inputs; quantized ones are taken as they are.

    Raises:
        Refusal: The kernel takes neither the type nor a wider one.
    """
    entry = op_entry(code)
    typed = inputs[entry.typed_input]
    assert typed is not None
    if typed.affine is not None or not entry.types or typed.dtype.name in entry.types:
        return typed.dtype, typed.dtype
    for name in _WIDER.get(typed.dtype.name, ()):
        if name in entry.types:
            return typed.dtype, np.dtype(name)
    raise Refusal(f"TFLite's {code} has no kernel for elements of type {typed.dtype}")


def type_name(dtype: np.dtype) -> str:
    """Return the schema's name of an element type."""
    return dtype.name.upper()
