"""Adaptive rounding: weights go up or down such that their errors cancel in what is computed.

Column by column, the error of what was rounded is taken out by the columns still to be rounded
(Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
Transformers", 2022; the update is that of Hassibi and Stork, "Optimal Brain Surgeon", 1993).
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.quantize.affine import WEIGHT_MAX
from edgeml_converters.quantize.observation import Floats
from edgeml_converters.quantize.weighted import weighted

DAMPING: Final = 0.01
"""What is added to the diagonal, as a part of its mean: inputs that hardly vary must not decide."""
BLOCK: Final = 64
_Matrix = npt.NDArray[np.float64]


def round_adaptively(
    nodes: Iterable[ir.Node], products: Mapping[str, Floats]
) -> Mapping[str, npt.NDArray[np.float32]]:
    """Put the weights of *nodes* on their int8 grids; return the exact ones by node name.

    Args:
        nodes: Those that will be computed in integers; changed in place.
        products: (groups, taps, taps) by the name of the node; others are left as they are.
    """
    original = {}
    for node in nodes:
        item = weighted(node)
        if item is None or node.name is None or node.name not in products:
            continue
        matrices = item.matrices
        original[node.name] = matrices
        item.with_matrices(_rounded(matrices, products[node.name]))
    return original


def _rounded(matrices: npt.NDArray[np.float32], products: Floats) -> npt.NDArray[np.float32]:
    """Return (groups, outputs, taps) on the grid of each output."""
    largest = np.abs(matrices).max(axis=2, keepdims=True).astype(np.float64)
    scales = np.where(largest > 0.0, largest / WEIGHT_MAX, 1.0)
    steps = matrices / scales
    fixed = np.abs(matrices) == largest  # they set the scale, and must set it again
    exact = np.asarray(products, np.float64)
    order = np.argsort(-np.diagonal(exact, axis1=1, axis2=2), axis=1, kind="stable")
    columns = order[:, None, :]
    sorted_rows = np.take_along_axis(exact, order[:, :, None], axis=1)
    factor = _factor(np.take_along_axis(sorted_rows, columns, axis=2))
    sorted_steps = np.take_along_axis(steps, columns, axis=2)
    rounded = _compensated(sorted_steps, np.take_along_axis(fixed, columns, axis=2), factor)
    found = np.empty_like(steps)
    np.put_along_axis(found, np.broadcast_to(columns, steps.shape), rounded, axis=2)
    return (found * scales).astype(np.float32)


def _factor(products: _Matrix) -> _Matrix:
    """Return the upper triangular U with ``U^T U`` the inverse of the damped products."""
    taps = products.shape[1]
    means = np.trace(products, axis1=1, axis2=2) / taps
    damped = products + (DAMPING * means + 1e-12)[:, None, None] * np.eye(taps)
    return np.asarray(np.swapaxes(np.linalg.cholesky(np.linalg.inv(damped)), 1, 2))


def _compensated(steps: _Matrix, fixed: npt.NDArray[np.bool_], factor: _Matrix) -> _Matrix:
    """Round the columns in order; later ones take up the errors. Blocks make that a product."""
    left, rounded = steps.copy(), np.empty_like(steps)
    groups, outputs, taps = steps.shape
    for start in range(0, taps, BLOCK):
        end = min(start + BLOCK, taps)
        errors = np.empty((groups, outputs, end - start))
        for column in range(start, end):
            wanted = np.where(fixed[..., column], steps[..., column], left[..., column])
            rounded[..., column] = np.clip(np.rint(wanted), -WEIGHT_MAX, WEIGHT_MAX)
            spread = factor[:, None, column, column:end]
            error = (left[..., column] - rounded[..., column]) / spread[..., 0]
            errors[..., column - start] = error
            left[..., column + 1 : end] -= error[..., None] * spread[..., 1:]
        left[..., end:] -= errors @ factor[:, start:end, end:]
    return rounded
