"""The scale and zero point of every rounded tensor: what a plan and a recipe make of ranges."""

from collections.abc import Mapping

import onnx_ir as ir

from edgeml_converters.quantize.affine import Grid, activation_quantization
from edgeml_converters.quantize.constants import constant_floats
from edgeml_converters.quantize.observation import Observations
from edgeml_converters.quantize.plan import Plan
from edgeml_converters.quantize.range_methods import Bounds, range_method
from edgeml_converters.quantize.recipe import Recipe
from edgeml_converters.quantize.trimming import useful_bounds
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import Quantization

Scales = Mapping[str, Quantization]


def choose_scales(
    model: ir.Model, plan: Plan, observations: Observations, recipe: Recipe, grid: Grid
) -> Scales:
    """Return scale and zero point by tensor, the same object throughout a group.

    Raises:
        InputError: The observations are of another graph, or lack what the recipe needs.
    """
    values = ir.convenience.create_value_mapping(model.graph)
    scales: dict[str, Quantization] = {}
    for root, members in plan.groups.members().items():
        quantization = plan.groups.fixed(root)
        if quantization is None:
            deciding = [name for name in members if name not in plan.absorbed]
            bounds = [_bounds(values[name], observations, recipe, grid) for name in deciding]
            low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
            quantization = activation_quantization(low, high, grid)
        scales.update(dict.fromkeys(members, quantization))
    return scales


def _bounds(value: ir.Value, observations: Observations, recipe: Recipe, grid: Grid) -> Bounds:
    constant = constant_floats(value)
    if constant is not None:
        return float(constant.min()), float(constant.max())
    name = value.name or ""
    found = observations.bounds.get(name)
    if found is None:
        raise InputError(
            f"There is no calibrated range for tensor '{value.name}'.",
            "Calibrate on the same graph that is quantized.",
        )
    method = range_method(recipe.ranges)
    if method is not None and name in observations.histograms:
        found = method(found, observations.histograms[name])
    if recipe.trim_ranges:
        found = useful_bounds(value, found, observations.row_peaks.get(name), grid)
    return found
