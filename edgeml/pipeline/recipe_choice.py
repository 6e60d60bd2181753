"""The recipe of int8 that the options of a conversion ask for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from edgeml.pipeline.text_file import read_text
from edgeml_converters.quantize import EFFORTS, Effort, Recipe
from edgeml_converters.quantize.range_methods import range_method
from edgeml_runtime.errors import InputError

DEFAULT_EFFORT: Effort = "default"


def chosen_recipe(
    effort: str | None, ranges: str | None, float_nodes: Sequence[str], path: Path | None
) -> Recipe:
    """Return the recipe in the file *path*, or the one of *effort* with what is asked for besides.

    Args:
        effort: A key of ``EFFORTS``.
        ranges: How activations are given a range.
        float_nodes: Names of nodes that stay float.
        path: A recipe file, which leaves nothing to be asked for.

    Raises:
        InputError: One of them is wrong, or they contradict each other.
    """
    if path is not None:
        if effort is not None or ranges is not None or float_nodes:
            raise InputError(
                f"--recipe {path} decides on everything that --effort, --calibrate-method and "
                "--keep-float ask for.",
                "Leave those out, or change the recipe.",
            )
        try:
            return Recipe.from_toml(read_text(path, "--recipe"))
        except InputError as error:
            raise InputError(f"--recipe {path}: {error.problem}", error.remedy) from error
    if effort is not None and effort not in EFFORTS:
        raise InputError(f"--effort {effort!r} is not known.", f"Choose from {', '.join(EFFORTS)}.")
    recipe = EFFORTS[cast("Effort", effort or DEFAULT_EFFORT)]
    chosen = replace(recipe, float_nodes=tuple(float_nodes))
    if ranges is None:
        return chosen
    range_method(ranges)
    return replace(chosen, ranges=ranges)
