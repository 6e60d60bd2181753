"""The class scores of a network: which output holds them, and what probabilities they stand for."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

_PASSES = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze"})
SUM_TOLERANCE = 1e-2


def scores_output(model: ir.Model) -> str | None:
    """Return the name of the first output if it holds one score for each of several classes.

    Sigmoids are none: each of them answers a question of its own.
    """
    value = model.graph.outputs[0]
    shape = [size if isinstance(size, int) else None for size in value.shape or ()]
    ranks = len(shape) == 2 or (len(shape) == 4 and shape[2:] == [1, 1])
    if not ranks or shape[1] == 1 or value.dtype != ir.DataType.FLOAT:
        return None
    producer = value.producer()
    while producer is not None and producer.op_type in _PASSES and producer.inputs[0] is not None:
        producer = producer.inputs[0].producer()
    if producer is None or producer.op_type in {"Sigmoid", "HardSigmoid", "Tanh"}:
        return None
    return value.name


def class_probabilities(outputs: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return probabilities from the output *name*: as they are, or by softmax of logits."""
    scores = outputs[name].reshape(-1).astype(np.float64)
    if scores.min() >= 0.0 and abs(scores.sum() - 1.0) < SUM_TOLERANCE:
        return scores
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())
