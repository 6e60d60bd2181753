"""The precisions that `convert` can write, and what each makes of a float graph.

Adding a precision is a line here and a function in `edgeml_converters.quantize`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import onnx_ir as ir

from edgeml_converters.quantize import (
    Quantizer,
    Recipe,
    guard_float_layers,
    halve_weights,
    quantize_dynamic,
    quantize_lookups,
)
from edgeml_converters.tflite import Storage


@dataclass(frozen=True)
class Precision:
    """One precision.

    Args:
        calibrated: Makes the graph of both formats from the float graph and samples, by a recipe;
            None where there is nothing to calibrate.
        quantized: Turns the float graph into that of the ONNX file, which says what was quantized.
        forms: Likewise into the graph of another format, where that is not the float graph.
        storage: How TFLite files store the weights of float operators.
    """

    calibrated: Callable[[Quantizer, Recipe], ir.Model] | None = None
    quantized: Callable[[ir.Model], ir.Model] | None = None
    forms: Mapping[str, Callable[[ir.Model], ir.Model]] = field(default_factory=dict)
    storage: Storage = "float32"


PRECISIONS: Final[Mapping[str, Precision]] = {
    "float32": Precision(),
    "float16": Precision(quantized=halve_weights, storage="float16"),
    "dynamic": Precision(
        quantized=quantize_dynamic,
        forms={"tflite": lambda graph: quantize_lookups(graph)[0]},
        storage="int8",
    ),
    "int8": Precision(calibrated=Quantizer.int8, forms={"onnx": guard_float_layers}),
    "int8x16": Precision(calibrated=Quantizer.int8x16, forms={"onnx": guard_float_layers}),
}


AUTO: Final = "auto"
"""Stands for one of them, which a search chooses."""


def needs_calibration(name: str) -> bool:
    """Return whether a precision needs samples to set its scales from."""
    return name == AUTO or PRECISIONS[name].calibrated is not None
