"""What a quantizer is to do, in words: a TOML file that gives the same bytes again.

Must not know how any of it is done.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from edgeml_converters.quantize.observation import Detail
from edgeml_converters.quantize.range_methods import range_method
from edgeml_runtime.errors import InputError

SCHEMA: Final = "edgeml.recipe/1"
SCHEMES: Final = ("int8", "int8x16", "dynamic", "float16", "float32")
Effort = Literal["fast", "default", "high"]


@dataclass(frozen=True)
class Recipe:
    """How one int8 model is made.

    Args:
        scheme: The precision that it makes: ``int8``, ``int8x16`` with activations of 16 bits, or
            one of those that need no samples and are not told more: ``dynamic``, ``float16``,
            ``float32``.
        ranges: How activations are given a range: ``minmax``, ``percentile``, ``percentile:99.9``,
            ``mse`` or ``entropy``.
        trim_ranges: Leave out of a range what its only readers do not tell apart, such as values
            far below zero before a SiLU.
        correct_bias: Take the mean error of rounded weights out of the bias.
        equalize: Move the scales of channels into the weights beside them, so that the channels of
            an activation are of one size.
        round_adaptively: Round weights up or down such that errors cancel, not each to the nearest.
        float_nodes: The nodes that stay float, by name.
    """

    scheme: str = "int8"
    ranges: str = "minmax"
    trim_ranges: bool = True
    correct_bias: bool = True
    equalize: bool = False
    round_adaptively: bool = False
    float_nodes: tuple[str, ...] = ()

    @property
    def detail(self) -> Detail:
        """What calibration must watch for it."""
        return Detail(
            histograms=range_method(self.ranges) is not None, products=self.round_adaptively
        )

    def to_toml(self, comments: Mapping[str, str]) -> str:
        """Return the text of a recipe file.

        Args:
            comments: Facts for the reader, by name, such as what it was calibrated on.
        """
        lines = [f"# {_printable(name)}: {_printable(text)}" for name, text in comments.items()]
        lines += [f'schema = "{SCHEMA}"', ""]
        lines += [f"{entry.name} = {_toml(getattr(self, entry.name))}" for entry in fields(self)]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> "Recipe":
        """Return the recipe that *text* holds; what it leaves out is as by default.

        Raises:
            InputError: It is not a recipe; names the key.
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"It is not TOML: {error}.", "Correct the file.") from error
        if document.pop("schema", None) != SCHEMA:
            raise InputError(f'Its schema is not "{SCHEMA}".', f'Begin with schema = "{SCHEMA}".')
        known = {entry.name: entry for entry in fields(cls)}
        for name in document:
            if name not in known:
                raise InputError(
                    f"It has the unknown key '{name}'.", f"Known are {', '.join(known)}."
                )
        return _checked(cls(**{name: _read(cls, name, value) for name, value in document.items()}))


EFFORTS: Final[Mapping[Effort, Recipe]] = {
    "fast": Recipe(trim_ranges=False, correct_bias=False),
    "default": Recipe(),
    "high": Recipe(ranges="mse", equalize=True, round_adaptively=True),
}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_printable(text)}"'


def _printable(text: str) -> str:
    """Return *text* in one line, with what TOML allows in strings and comments."""
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def _read(cls: type[Recipe], name: str, value: Any) -> Any:  # noqa: ANN401  # of any TOML type
    default = getattr(cls(), name)
    if isinstance(default, tuple):
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        value = tuple(value) if fits else value
    else:
        fits = type(value) is type(default)
    if not fits:
        kind = "a list of names" if isinstance(default, tuple) else f"like {_toml(default)}"
        raise InputError(f"Its {name} is {value!r}.", f"Write {name} as {kind}.")
    return value


def _checked(recipe: Recipe) -> Recipe:
    if recipe.scheme not in SCHEMES:
        raise InputError(f"Its scheme is {recipe.scheme!r}.", f"Choose from {', '.join(SCHEMES)}.")
    range_method(recipe.ranges)
    return recipe
