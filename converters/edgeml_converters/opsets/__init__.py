"""Older forms of a graph: fewer and older operator sets, for engines that read no newer ones.

Knows the schemas of ONNX; must not know engines or their versions.
"""

from edgeml_converters.opsets.lowering import Limits, lower_model

__all__ = ["Limits", "lower_model"]
