"""Watching a float model on samples: the smallest and largest value of every activation.

The reductions are nodes of the watched graph, so that a sample leaves three numbers a tensor behind
and the activations are freed inside the engine. Memory therefore does not depend on the number of
samples.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.graph import copy_model, serialize_onnx
from edgeml_converters.quantize.constants import is_constant
from edgeml_converters.quantize.opset import raise_opset
from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.errors import InputError
from edgeml_runtime.progress import Progress, silent

# Min and max may drop a NaN, depending on where it stands; a sum never does.
REDUCTIONS = {"low": "ReduceMin", "high": "ReduceMax", "sum": "ReduceSum"}


@dataclass(frozen=True)
class Ranges:
    """What calibration saw.

    Args:
        bounds: Smallest and largest value by the name of the float32 activation.
        samples: How many samples were seen.
    """

    bounds: Mapping[str, tuple[float, float]]
    samples: int


def calibrate(
    model: ir.Model,
    samples: Iterable[Mapping[str, npt.NDArray[np.generic]]],
    progress: Progress = silent,
    total: int = 0,
) -> Ranges:
    """Return the range of every float32 activation of *model* over *samples* (min-max).

    Args:
        model: An optimized float graph; it is not changed.
        samples: Model inputs by name, with the batch axis. Read once, one at a time, and not kept:
            a generator will do.
        progress: Told after each sample.
        total: How many samples there will be, if that is known.

    Raises:
        InputError: There are no samples, one does not fit the model's inputs, or a tensor becomes
            infinite or NaN.
    """
    watched = raise_opset(copy_model(model))
    names = _watch(watched)
    engine = open_engine("onnxruntime", serialize_onnx(watched))
    lows = np.full(len(names), math.inf)
    highs = np.full(len(names), -math.inf)
    count = 0
    try:
        for sample in samples:
            count += 1
            low, high = _observe(engine, names, sample, count)
            np.minimum(lows, low, out=lows)
            np.maximum(highs, high, out=highs)
            progress("calibrate", count, total)
    finally:
        engine.close()
    if not count:
        raise InputError(
            "The calibration data held no samples.",
            "Give at least one sample; a generator that was read before is empty.",
        )
    bounds = zip(lows.tolist(), highs.tolist(), strict=True)
    return Ranges(dict(zip(names, bounds, strict=True)), count)


def _watch(model: ir.Model) -> tuple[str, ...]:
    """Make the outputs of *model* the reductions of its activations; return their names."""
    graph = model.graph
    watched = [value for value in _values(graph) if _is_activation(value)]
    graph.outputs.clear()
    # onnxruntime computes the last result of a file first. In this order it reduces each tensor
    # while it is still in the cache, and then frees it.
    for index, value in reversed(tuple(enumerate(watched))):
        for prefix, op_type in REDUCTIONS.items():
            node = ir.node(op_type, (value,), {"keepdims": 0}, name=f"edgeml_{prefix}_{index}")
            output = node.outputs[0]
            output.name, output.dtype, output.shape = node.name, ir.DataType.FLOAT, ir.Shape(())
            graph.append(node)
            graph.outputs.append(output)
    return tuple(value.name or "" for value in watched)


def _values(graph: ir.Graph) -> tuple[ir.Value, ...]:
    return (*graph.inputs, *(output for node in graph for output in node.outputs))


def _is_activation(value: ir.Value) -> bool:
    if value.dtype != ir.DataType.FLOAT or not value.name or is_constant(value):
        return False
    return value.shape is None or 0 not in value.shape.dims


def _observe(
    engine: Engine,
    names: tuple[str, ...],
    sample: Mapping[str, npt.NDArray[np.generic]],
    number: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    try:
        seen = engine.run(sample)
    except InputError as error:
        raise InputError(f"Calibration sample {number}: {error.problem}", error.remedy) from error
    low, high, total = (
        np.array([seen[f"edgeml_{prefix}_{index}"] for index in range(len(names))], np.float64)
        for prefix in REDUCTIONS
    )
    broken = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high)) | np.isnan(total))
    if broken.size:
        raise InputError(
            f"Tensor '{names[broken[0]]}' holds NaN or infinite values "
            f"for calibration sample {number}.",
            "Check the sample and its preprocessing, and that the float model is sound.",
        )
    return low, high
