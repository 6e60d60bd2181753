"""The recipe of int8 that the options of a conversion ask for."""

from dataclasses import replace
from typing import cast

from edgeml.pipeline.order import Int8Options
from edgeml.pipeline.text_file import read_text
from edgeml_converters.quantize import EFFORTS, Effort, Recipe
from edgeml_converters.quantize.range_methods import range_method
from edgeml_runtime.errors import InputError

DEFAULT_EFFORT: Effort = "default"


def chosen_recipe(options: Int8Options) -> Recipe:
    """Return the recipe of a file, or the one of an effort with what is asked for besides.

    Raises:
        InputError: An option is wrong, or they contradict each other.
    """
    path, effort, ranges = options.recipe, options.effort, options.calibrate_method
    if path is not None:
        if effort is not None or ranges is not None or options.keep_float:
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
    chosen = replace(recipe, float_nodes=tuple(options.keep_float))
    if ranges is None:
        return chosen
    range_method(ranges)
    return replace(chosen, ranges=ranges)
