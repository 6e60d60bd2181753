"""The table of what int8 needs of each operator, read from ``rules.toml``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, get_args

from edgeml_converters.quantize.affine import INT16, Grid
from edgeml_runtime.errors import InternalError
from edgeml_runtime.tensors import Quantization

SCHEMA = "edgeml.int8-rules/1"
OutputScale = Literal["own", "shared", "fixed"]


@dataclass(frozen=True)
class Rule:
    """What int8 needs of one operator; the keys are explained in ``rules.toml``."""

    output: OutputScale
    inputs: tuple[int, ...]
    weights: int | None = None
    bias: int | None = None
    clamp: bool = False
    all_outputs: bool = False
    fixed: Quantization | None = None
    fixed16: Quantization | None = None

    def fixed_on(self, grid: Grid) -> Quantization | None:
        """Return the scale and zero point that the output must have, if it has fixed ones."""
        return self.fixed16 if grid is INT16 else self.fixed


@cache
def load_rules() -> Mapping[str, Rule]:
    """Return the rules by operator name.

    Raises:
        InternalError: The table that ships with the package is not as it should be.
    """
    text = files(__package__).joinpath("rules.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    if document.get("schema") != SCHEMA:
        raise _defect(f"its schema is {document.get('schema')!r} instead of {SCHEMA!r}")
    return MappingProxyType({op: _rule(op, entry) for op, entry in document["ops"].items()})


def _rule(op: str, entry: Mapping[str, Any]) -> Rule:
    known = {"output", "outputs", "inputs", "weights", "bias", "clamp"}
    known |= {"scale", "zero_point", "scale16"}
    if unknown := sorted(entry.keys() - known):
        raise _defect(f"{op} has the unknown key '{unknown[0]}'; allowed are {sorted(known)}")
    output: Any = entry.get("output")
    if output not in get_args(OutputScale):
        raise _defect(f"{op} has output = {output!r}; allowed are {get_args(OutputScale)}")
    if entry.get("outputs", "all") != "all" or ("outputs" in entry and output != "shared"):
        raise _defect(f"{op} can have outputs = 'all' only, and only where they share a scale")
    if (output == "fixed") != ("scale" in entry and "zero_point" in entry):
        raise _defect(f"{op} must have scale and zero_point if, and only if, its output is fixed")
    if ("scale" in entry) != ("scale16" in entry):
        raise _defect(f"{op} must have scale16 if, and only if, it has scale")
    return Rule(
        output=output,
        inputs=tuple(entry["inputs"]),
        weights=entry.get("weights"),
        bias=entry.get("bias"),
        clamp=entry.get("clamp", False),
        all_outputs="outputs" in entry,
        fixed=Quantization(entry["scale"], entry["zero_point"]) if output == "fixed" else None,
        fixed16=Quantization(entry["scale16"], 0) if output == "fixed" else None,
    )


def _defect(reason: str) -> InternalError:
    return InternalError(f"The int8 rules are wrong: {reason}.", "Reinstall edgeml.")
