"""`--quantize auto`: tries ways to make a model smaller, and keeps the best that is good enough."""

from edgeml.search.outcome import SearchOutcome
from edgeml.search.search import find_recipe

__all__ = ["SearchOutcome", "find_recipe"]
