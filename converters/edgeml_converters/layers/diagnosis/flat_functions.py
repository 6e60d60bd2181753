"""Where functions hardly change, so that integers spent there are lost; see the table beside it."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

_GATED = {"Mul", "MUL"}
"""What multiplies a tensor by a function of it: SiLU and its like."""
_TFLITE_NAMES = {
    "ELU": "Elu",
    "GELU": "Gelu",
    "HARD_SWISH": "HardSwish",
    "LOGISTIC": "Sigmoid",
    "SOFTMAX": "Softmax",
    "TANH": "Tanh",
}


def flat_readers(readers: Sequence[str]) -> tuple[str, ...]:
    """Return the functions among the operators that read a tensor, if no others do but gates."""
    found = tuple(op for op in readers if _function(op) is not None)
    others = {op for op in readers if op not in found}
    return found if others <= _GATED else ()


def useful_range(readers: Sequence[str], high: float) -> tuple[float, float]:
    """Return between which values a tensor must be known, as ``flat_readers`` gave some.

    Args:
        readers: The operators that read it.
        high: The largest value.
    """
    ends = [found for op in readers if (found := _function(op)) is not None]
    below = [end["below_largest"] for end in ends if "below_largest" in end]
    if below:
        return high - max(below), math.inf
    low = min(end.get("low", -math.inf) for end in ends)
    # What is multiplied by its own function must be known however large it is.
    gated = len(ends) < len(readers)
    return low, math.inf if gated else max(end.get("high", math.inf) for end in ends)


def _function(op: str) -> Mapping[str, float] | None:
    table = _functions()
    return table.get(op) or table.get(_TFLITE_NAMES.get(op, ""))


@cache
def _functions() -> Mapping[str, Mapping[str, float]]:
    text = resources.files(__package__).joinpath("flat_functions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
