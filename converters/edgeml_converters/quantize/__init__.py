"""Quantization, decided once, on the graph.

``calibrate`` watches the float model on samples; ``quantize_int8`` and
``quantize_int8x16`` turn what it saw into a graph
of QuantizeLinear and DequantizeLinear (QDQ) that every engine computes in integers. What each
operator needs is data: ``rules.toml``. ``halve_weights`` and ``quantize_dynamic`` make weights
smaller, and need no samples.
"""

from edgeml_converters.quantize.calibration import calibrate
from edgeml_converters.quantize.dynamic import quantize_dynamic
from edgeml_converters.quantize.float_guard import guard_float_layers
from edgeml_converters.quantize.half import halve_weights
from edgeml_converters.quantize.lookups import quantize_lookups
from edgeml_converters.quantize.observation import Detail, Observations
from edgeml_converters.quantize.qdq import quantize_int8, quantize_int8x16
from edgeml_converters.quantize.quantizer import Quantizer
from edgeml_converters.quantize.recipe import EFFORTS, Effort, Recipe
from edgeml_converters.quantize.summary import (
    ExcludedNode,
    QuantizationSummary,
    quantization_summary,
)

__all__ = [
    "EFFORTS",
    "Detail",
    "Effort",
    "ExcludedNode",
    "Observations",
    "QuantizationSummary",
    "Quantizer",
    "Recipe",
    "calibrate",
    "guard_float_layers",
    "halve_weights",
    "quantization_summary",
    "quantize_dynamic",
    "quantize_int8",
    "quantize_int8x16",
    "quantize_lookups",
]
