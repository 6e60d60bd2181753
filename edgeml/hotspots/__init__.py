"""Where the time of a profile goes, in terms of the model, and what would help.

`joining` finds the model's operator behind what an engine ran; `advice` says what the limiting
resource of an operator means. Knows models and results; must not know how either is made or shown.
"""

from edgeml.hotspots.advice import LIMITS, Advice, advice_in_order, advice_on
from edgeml.hotspots.joining import Joined, is_quantized, join_operators

__all__ = [
    "LIMITS",
    "Advice",
    "Joined",
    "advice_in_order",
    "advice_on",
    "is_quantized",
    "join_operators",
]
