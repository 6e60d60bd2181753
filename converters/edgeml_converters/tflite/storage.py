"""How the constants of a finished program are stored: in fewer bits than they are computed with.

Kernels that take 8-bit weights and float activations are given them; before others a DEQUANTIZE
stands, which XNNPACK and the built-in kernels compute once, when the file is loaded.
"""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np

from edgeml_converters.quantize.affine import symmetric_weights
from edgeml_converters.quantize.half import SMALLEST_ELEMENTS, fits_half
from edgeml_converters.quantize.weight_size import is_worth_quantizing
from edgeml_converters.tflite.program import Affine, Operator, Program, Tensor

Storage = Literal["float32", "float16", "int8"]

_CHANNEL_AXES: Final[Mapping[str, int]] = {
    "BATCH_MATMUL": -1,
    "CONV_2D": 0,
    "CONV_3D": 4,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 0,
    "TRANSPOSE_CONV": 0,
}
"""The axis of the output channels in the weights, which are input 1 of each."""

_HYBRID: Final = ("CONV_2D", "FULLY_CONNECTED")
"""Operators whose kernels, built-in and XNNPACK's, take int8 weights with float activations.

XNNPACK has none for DEPTHWISE_CONV_2D, where float is faster than what is built in; the built-in
TRANSPOSE_CONV has none; those of BATCH_MATMUL take one scale only.
"""


def store(program: Program, storage: Storage) -> None:
    """Store the float32 constants of *program* in float16, or its weights in int8.

    float16 leaves constants alone that hold numbers beyond its range, or few of them.
    """
    if storage == "float16":
        _store_halves(program)
    elif storage == "int8":
        _store_bytes(program)


def _store_halves(program: Program) -> None:
    for tensor in _constants(program):
        if tensor.data is None or tensor.data.size < SMALLEST_ELEMENTS:
            continue
        if fits_half(tensor.data):
            _widen(program, tensor, tensor.data.astype(np.float16), None)


def _constants(program: Program) -> list[Tensor]:
    """Return the float32 constants that operators read, once each, in order."""
    found = {
        id(tensor): tensor
        for operator in program.operators
        for tensor in operator.inputs
        if tensor is not None and tensor.data is not None and tensor.dtype == np.float32
    }
    return list(found.values())


def _store_bytes(program: Program) -> None:
    for tensor in _constants(program):
        readers = program.readers(tensor)
        axes = {_weights_axis(reader, tensor) for reader in readers}
        axis = axes.pop()
        if axes or axis is None or tensor.data is None or not is_worth_quantizing(tensor.data):
            continue
        quantized = symmetric_weights(tensor.data, axis)
        scales = tuple(float(scale) for scale in quantized.scales)
        affine = Affine(scales, (0,) * len(scales), axis % tensor.data.ndim)
        if all(reader.code in _HYBRID for reader in readers):
            tensor.data, tensor.dtype = quantized.values, np.dtype(np.int8)
            tensor.affine = affine
            for reader in readers:
                if reader.code == "FULLY_CONNECTED":
                    reader.options["asymmetric_quantize_inputs"] = True
        else:
            _widen(program, tensor, quantized.values, affine)


def _weights_axis(reader: Operator, tensor: Tensor) -> int | None:
    is_weights = len(reader.inputs) > 1 and reader.inputs[1] is tensor
    return _CHANNEL_AXES.get(reader.code) if is_weights else None


def _widen(program: Program, tensor: Tensor, data: np.ndarray, affine: Affine | None) -> None:
    """Store a constant as *data*, and let a DEQUANTIZE make what its readers read."""
    stored = Tensor(f"{tensor.name}/{data.dtype}", tensor.shape, data.dtype, data, affine)
    tensor.data = None
    first = min(program.operators.index(reader) for reader in program.readers(tensor))
    program.operators.insert(first, Operator("DEQUANTIZE", [stored], [tensor]))
