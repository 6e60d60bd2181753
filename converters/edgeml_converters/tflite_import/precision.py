"""What a TFLite file computes in, told from the types that its operators read and write."""

from collections.abc import Iterator

from edgeml_converters.inspection.tflite_document import StoredModel, StoredTensor

_INTEGERS = {"INT4": "int8", "INT8": "int8", "UINT8": "int8", "INT16": "int8x16"}
_VARIABLES = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"})


def stored_precision(model: StoredModel) -> str:
    """Return ``int8`` or ``int8x16`` where an operator computes quantized numbers from numbers.

    Else ``dynamic`` where weights are 8-bit integers, ``float16`` where they are that, and
    ``float32``.
    """
    kinds = {_INTEGERS.get(tensor.type) for tensor in _computed(model) if tensor.quantized}
    for kind in ("int8", "int8x16"):
        if kind in kinds:
            return kind
    weights = [tensor for graph in model.graphs for tensor in graph.tensors if tensor.data_bytes]
    if any(tensor.quantized and tensor.type in _INTEGERS for tensor in weights):
        return "dynamic"
    return "float16" if any(tensor.type == "FLOAT16" for tensor in weights) else "float32"


def is_stateful(model: StoredModel) -> bool:
    """Whether a run depends on the runs before it, through variables."""
    return any(
        operator.name in _VARIABLES for graph in model.graphs for operator in graph.operators
    ) or any(tensor.variable for graph in model.graphs for tensor in graph.tensors)


def _computed(model: StoredModel) -> Iterator[StoredTensor]:
    for graph in model.graphs:
        for operator in graph.operators:
            yield from (graph.tensors[at] for at in operator.outputs)
