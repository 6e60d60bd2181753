"""Which operators of the two formats mean the same, read from ``families.toml``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

PRODUCT = "product"
"""The family of the operators that have weights."""


@dataclass(frozen=True)
class Families:
    """The roles of operators in matching; see the table for what each means."""

    moves: frozenset[str]
    activations: frozenset[str]
    affine: frozenset[str]
    commutative: frozenset[str]
    channels_first: frozenset[str]
    names: Mapping[str, str]

    def of(self, op: str) -> str:
        """Return the family of an operator."""
        return self.names.get(op, op.replace("_", "").lower())


@cache
def load_families() -> Families:
    """Return the table of the package."""
    text = resources.files(__package__).joinpath("families.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    names = {op: family for family, ops in table["families"].items() for op in ops}
    return Families(
        frozenset(table["moves"]),
        frozenset(table["activations"]),
        frozenset(table["affine"]),
        frozenset(table["commutative"]),
        frozenset(table["channels_first"]),
        names,
    )
