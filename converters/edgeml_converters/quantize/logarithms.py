"""What a logarithm reads: values that count by their ratio, which steps of one size erase.

The power of a spectrum spans decades. With 255 steps all of it below a 255th of the peak is zero,
and its logarithm anything. A mel spectrogram in a network therefore stays float from the samples to
the logarithm.
"""

from collections.abc import Iterator

import onnx_ir as ir

_ABSOLUTE = {"Exp", "HardSigmoid", "LogSoftmax", "Sigmoid", "Softmax", "Softplus"}
"""What turns differences into ratios: the result is to be exact, what is read needs steps only."""
_MEASURED = {"Shape", "Size"}


def before_logarithms(graph: ir.Graph) -> Iterator[ir.Node]:
    """Yield the nodes of *graph* whose results go, however changed, into a Log."""
    pending = [node.inputs[0] for node in graph if node.op_type == "Log" and not node.domain]
    seen: set[ir.Node] = set()
    while pending:
        value = pending.pop()
        node = None if value is None else value.producer()
        if node is None or node in seen or node.op_type in _MEASURED:
            continue
        seen.add(node)
        if node.op_type not in _ABSOLUTE:
            pending.extend(node.inputs)
    yield from (node for node in graph if node in seen)
