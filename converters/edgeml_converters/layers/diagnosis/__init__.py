"""What damages a quantized model, from measured statistics: the hints of a comparison.

Each cause is one function from a `Scene`, a layer with all that was measured around it, to a hint.
Knows what was measured and what `edgeml convert` can do about it; must not run a model.
"""

from edgeml_converters.layers.diagnosis.search import diagnosed

__all__ = ["diagnosed"]
