"""What a network expects of its inputs, told from its graph and its first layer alone."""

from collections.abc import Mapping
from contextlib import closing

import numpy as np
import onnx_ir as ir

from edgeml_converters.data import Dataset
from edgeml_converters.data.synthetic import synthetic_calibration
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.lint.first_layer import measure_arrival
from edgeml_converters.lint.network_entry import open_first_layer, read_entry
from edgeml_converters.lint.thresholds import load_thresholds
from edgeml_converters.sources import SourceModel
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

CENTERED = (127.5, 63.75)
"""Pixels of 0..255 to -2..2: a network of unknown preparation meets no more in use."""
PIXELS = (0.0, 1.0)
UNIT = (0.0, 255.0)
_CARRIES = frozenset({"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"})


def made_up_samples(source: SourceModel, pipeline: Pipeline | None) -> Dataset:
    """Return samples to calibrate on where there is no data, as the network expects them.

    Raises:
        InputError: An input has a free axis, or the pipeline does not lead to its shape.
        UnsupportedError: An input is not of numbers.
    """
    graph = source.graph
    pixels = CENTERED
    if pipeline is None and len(source.inputs) == 1:
        pixels = expected_pixels(graph, source.inputs[0])
    return synthetic_calibration(source.inputs, pipeline, index_limits(graph), pixels)


def index_limits(model: ir.Model) -> Mapping[str, int]:
    """Return the size of the table that an input looks things up in, by the name of the input."""
    limits = {}
    for value in model.graph.inputs:
        sizes = [size for size in map(_table_size, _readers(value)) if size]
        if sizes and value.name:
            limits[value.name] = min(sizes)
    return limits


def expected_pixels(model: ir.Model, spec: TensorSpec) -> tuple[float, float]:
    """Return what to subtract from pixels of 0..255, and what to divide them by."""
    limits = load_thresholds()
    entry = read_entry(model)
    scale, shift = abs(entry.normalization.scale), entry.normalization.shift
    if 0 < scale <= limits.range.pixel_scale or shift <= -limits.range.pixel_shift:
        return PIXELS
    if scale > 1.0 and shift < 0:
        return UNIT
    if entry.first_layer is None or not spec.layout or spec.dtype != "float32":
        return CENTERED
    samples = synthetic_calibration((spec,), None, {}, CENTERED, limits.first_layer.samples)
    values = [sample.inputs[spec.name] for sample in samples]
    with closing(open_first_layer(model, entry.first_layer)) as engine:
        arrival = measure_arrival(engine, values, limits.first_layer.border)
    small = arrival is not None and arrival.deviation < limits.first_layer.too_small
    return PIXELS if small else CENTERED


def _readers(value: ir.Value) -> list[ir.Node]:
    found = []
    for use in value.uses():
        found.append(use.node)
        if use.node.op_type in _CARRIES:
            found += _readers(use.node.outputs[0])
    return found


def _table_size(node: ir.Node) -> int:
    if node.op_type != "Gather" or node.inputs[0] is None:
        return 0
    table: np.ndarray | None = constant_array(node.inputs[0])
    return 0 if table is None or table.ndim < 2 else table.shape[0]
