"""The table of operators: of which family they are, and what they take (`ops.toml`)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import onnx


@dataclass(frozen=True)
class Row:
    """One operator.

    Args:
        op_type: Its name.
        family: The function of `families` that adds it.
        types: The element types of its first input.
        ranks: How many axes its first input may have.
        attributes: By name: a list to choose from, ``{between = [low, high]}``, or ``"axis"``.
        weight: How often it is drawn, compared with the others.
        rounding: ``none`` where elements are only moved or selected, ``absolute`` where TFLite's
            form is right to so many places after the point.
        partner: What the second input of a pair is: ``""``, ``nonzero``, ``shift``, ``exponent`` or
            ``slope``.
    """

    op_type: str
    family: str
    types: tuple[str, ...] = ("float32",)
    ranks: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    weight: int = 1
    rounding: str = "relative"
    partner: str = ""

    def exists_in(self, opset: int) -> bool:
        """Whether an operator set has the operator."""
        try:
            return not onnx.defs.get_schema(self.op_type, opset).deprecated
        except onnx.defs.SchemaError:
            return False


@cache
def rows() -> tuple[Row, ...]:
    """Return every operator of the table."""
    text = (files("benchmarks.random_graphs") / "ops.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)["ops"]
    return tuple(_row(op_type, entry) for op_type, entry in table.items())


def _row(op_type: str, entry: Mapping[str, Any]) -> Row:
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    return Row(op_type, **given)


@cache
def drawn_rows(opset: int) -> tuple[Row, ...]:
    """Return the operators that an operator set has, each as often as it weighs."""
    return tuple(row for row in rows() if row.exists_in(opset) for _ in range(row.weight))
