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
        pairs = zip(matrices, products[node.name], strict=True)
        item.with_matrices(np.stack([_rounded(rows, pair) for rows, pair in pairs]))
    return original


def _rounded(rows: npt.NDArray[np.float32], products: Floats) -> npt.NDArray[np.float32]:
    """Return (outputs, taps) on the grid of each row."""
    largest = np.abs(rows).max(axis=1).astype(np.float64)
    scales = np.where(largest > 0.0, largest / WEIGHT_MAX, 1.0)[:, None]
    steps = rows / scales
    fixed = np.abs(rows) == largest[:, None]  # they set the scale, and must set it again
    order = np.argsort(-np.diag(products), kind="stable")
    factor = _factor(np.asarray(products, np.float64)[np.ix_(order, order)])
    found = np.empty_like(steps)
    found[:, order] = _compensated(steps[:, order], fixed[:, order], factor)
    return (found * scales).astype(np.float32)


def _factor(products: _Matrix) -> _Matrix:
    """Return the upper triangular U with ``U^T U`` the inverse of the damped products."""
    damped = products.copy()
    diagonal = np.diag(damped)
    damped[np.diag_indices_from(damped)] += DAMPING * diagonal.mean() + 1e-12
    return np.asarray(np.linalg.cholesky(np.linalg.inv(damped)).T)


def _compensated(steps: _Matrix, fixed: npt.NDArray[np.bool_], factor: _Matrix) -> _Matrix:
    """Round the columns in order; later ones take up the errors. Blocks make that a product."""
    left, rounded = steps.copy(), np.empty_like(steps)
    for start in range(0, steps.shape[1], BLOCK):
        end = min(start + BLOCK, steps.shape[1])
        errors = np.empty((len(steps), end - start))
        for column in range(start, end):
            wanted = np.where(fixed[:, column], steps[:, column], left[:, column])
            rounded[:, column] = np.clip(np.rint(wanted), -WEIGHT_MAX, WEIGHT_MAX)
            error = (left[:, column] - rounded[:, column]) / factor[column, column]
            errors[:, column - start] = error
            left[:, column + 1 : end] -= np.outer(error, factor[column, column + 1 : end])
        left[:, end:] -= errors @ factor[start:end, end:]
    return rounded
