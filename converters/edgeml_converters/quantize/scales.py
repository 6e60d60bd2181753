"""The scale and zero point of every rounded tensor: what a plan and a recipe make of ranges."""

from collections.abc import Mapping

import onnx_ir as ir

from edgeml_converters.graph.pixel_entry import PIXEL_OFFSET
from edgeml_converters.quantize.affine import Grid, activation_quantization
from edgeml_converters.quantize.constants import constant_floats
from edgeml_converters.quantize.observation import Observations
from edgeml_converters.quantize.plan import Plan
from edgeml_converters.quantize.range_methods import Bounds, range_method
from edgeml_converters.quantize.recipe import Recipe
from edgeml_converters.quantize.trimming import Trimmer
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
    chooser = _Chooser(observations, recipe, grid)
    scales: dict[str, Quantization] = {}
    for root, members in plan.groups.members().items():
        quantization = plan.groups.fixed(root)
        if quantization is None:
            deciding = [name for name in members if name not in plan.absorbed]
            bounds = [chooser.bounds(values[name]) for name in deciding]
            low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
            quantization = activation_quantization(low, high, grid)
        scales.update(dict.fromkeys(members, quantization))
    return scales


class _Chooser:
    """Chooses the range of one tensor."""

    def __init__(self, observations: Observations, recipe: Recipe, grid: Grid) -> None:
        self._observations = observations
        self._method = range_method(recipe.ranges)
        self._trimmer = None
        if recipe.trim_ranges:
            self._trimmer = Trimmer(self._seen, observations.row_peaks, grid)

    def bounds(self, value: ir.Value) -> Bounds:
        """Return the range for *value*.

        Raises:
            InputError: It was not observed.
        """
        name = value.name or ""
        if (offset := value.metadata_props.get(PIXEL_OFFSET)) is not None:
            return -float(offset), 255.0 - float(offset)  # so that a step is a step of a byte
        if (offset := value.metadata_props.get(PIXEL_OFFSET)) is not None:
            return -float(offset), 255.0 - float(offset)  # so that a step is a step of a byte
        found = self._seen(value)
        if found is None:
            raise InputError(
                f"There is no calibrated range for tensor '{name}'.",
                "Calibrate on the same graph that is quantized.",
            )
        histogram = self._observations.histograms.get(name)
        if self._method is not None and histogram is not None:
            found = self._method(found, histogram)
        return found if self._trimmer is None else self._trimmer.trimmed(value, found)

    def _seen(self, value: ir.Value) -> Bounds | None:
        constant = constant_floats(value)
        if constant is not None and constant.size:
            return float(constant.min()), float(constant.max())
        return self._observations.bounds.get(value.name or "")
