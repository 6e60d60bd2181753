"""The families of operators by name: each a function that adds one node to a sketch."""

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.random_graphs.sketch import Known, Sketch
from benchmarks.random_graphs.table import Row

Family = Callable[[Sketch, Row], list[Known] | None]
"""Adds a node of an operator to a graph, and returns its outputs if it could."""

FAMILIES: dict[str, Family] = {}


def family(function: Family) -> Family:
    """Register a function under its own name."""
    FAMILIES[function.__name__] = function
    return function


def attributes_of(sketch: Sketch, row: Row, rank: int) -> dict[str, Any]:
    """Draw the attributes of a row; each is left at its default one time in three."""
    drawn: dict[str, Any] = {}
    for name, rule in row.attributes.items():
        if sketch.chance(3):
            continue
        if rule == "axis":
            drawn[name] = sketch.axis(rank) if rank else 0
        elif isinstance(rule, dict):
            drawn[name] = sketch.between(*rule["between"])
        else:
            drawn[name] = sketch.choose(rule)
    return drawn


def add(
    sketch: Sketch,
    row: Row,
    sources: Sequence[Known | None],
    outputs: int = 1,
    **parameters: Any,  # noqa: ANN401 - whatever an operator takes
) -> list[Known] | None:
    """Add a node of a row's operator."""
    return sketch.add(row.op_type, sources, parameters, outputs=outputs, rounding=row.rounding)
