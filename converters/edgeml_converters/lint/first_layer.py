"""How large the samples arrive in the first layer, against what training left it with."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgeml_runtime.engines import Engine


@dataclass(frozen=True)
class Arrival:
    """What the channels of the first layer hold.

    Args:
        deviation: Geometric mean over the channels of their standard deviation.
        bias: Median over the channels of what they hold for an input of zeros, over the deviation.
    """

    deviation: float
    bias: float


def measure_arrival(engine: Engine, samples: Iterable[np.ndarray], border: int) -> Arrival | None:
    """Return what the first layer makes of *samples*, or None where that says nothing.

    Args:
        engine: Of the network up to the first layer.
        samples: The inputs, each with its batch axis.
        border: How many pixels at the edges to leave out.
    """
    spec, output = engine.inputs[0], engine.outputs[0].name
    inner, zero = [], None
    for sample in samples:
        values = sample.astype(spec.dtype)
        if zero is None:
            zero = _inner(engine.run({spec.name: np.zeros_like(values)})[output], border)
        inner.append(_inner(engine.run({spec.name: values})[output], border))
    if zero is None or any(part.size == 0 for part in (zero, *inner)):
        return None
    deviations = np.concatenate(inner, axis=1).std(axis=1, dtype=np.float64)
    alive = deviations > 1e-6 * deviations.max()
    if not deviations.max() > 0:
        return None
    biases = np.abs(zero.mean(axis=1)[alive]) / deviations[alive]
    return Arrival(float(np.exp(np.log(deviations[alive]).mean())), float(np.median(biases)))


def _inner(values: np.ndarray, border: int) -> np.ndarray:
    """Return (channels, pixels) of (1, channels, height, width), without its edges."""
    if values.ndim != 4:
        return np.empty((0, 0))
    if min(values.shape[2:]) > 3 * border:
        values = values[:, :, border:-border, border:-border]
    return np.asarray(values[0].reshape(values.shape[1], -1))
