"""Int8 quantization, decided once, as QuantizeLinear/DequantizeLinear (QDQ) on the graph.

``calibrate`` watches the float model on samples; ``quantize_int8`` turns what it saw into a QDQ
graph that every engine computes in integers. What each operator needs is data: ``rules.toml``.
"""

from edgeml_converters.quantize.calibration import Ranges, calibrate
from edgeml_converters.quantize.qdq import quantize_int8
from edgeml_converters.quantize.summary import (
    ExcludedNode,
    QuantizationSummary,
    quantization_summary,
)

__all__ = [
    "ExcludedNode",
    "QuantizationSummary",
    "Ranges",
    "calibrate",
    "quantization_summary",
    "quantize_int8",
]
