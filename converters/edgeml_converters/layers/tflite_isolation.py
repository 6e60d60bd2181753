"""A copy of a TFLite file in which every layer is fed on its own, not by the layers before it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.inspection.tflite_document import StoredGraph
from edgeml_converters.layers.network import LayerTensor

_ROUNDING = ("QUANTIZE", "DEQUANTIZE")
_IDENTIFIER = b"TFL3"


@dataclass(frozen=True)
class Cut:
    """What is fed in a tensor's place.

    Args:
        tensor: The position in *tensors* of ``cut_file``.
        number: The new tensor in the file.
        is_real: Whether it takes real values, not integers.
    """

    tensor: int
    number: int
    is_real: bool


def cut_file(
    data: bytes, graph: StoredGraph, tensors: Sequence[LayerTensor]
) -> tuple[bytes, tuple[Cut, ...]]:
    """Return a file in which what reads each of *tensors* reads a new input in its place."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    model.signatureDefs = []  # they do not know the new inputs
    main = model.subgraphs[0]
    numbers = {stored.name: number for number, stored in enumerate(graph.tensors)}
    cuts: list[Cut] = []
    for place, tensor in enumerate(tensors):
        for name in tensor.names:
            if name in numbers:
                cuts.extend(_feed(main, graph, numbers[name], place))
    main.inputs = [*main.inputs, *(entry.number for entry in cuts)]
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output()), tuple(cuts)


def _feed(main: Any, graph: StoredGraph, number: int, place: int) -> list[Cut]:  # noqa: ANN401 - the bindings have no types
    """Put a new tensor in the place of one, but where that is only rounded."""
    readers = [
        entry
        for entry, stored in zip(main.operators, graph.operators, strict=True)
        if stored.name not in _ROUNDING and number in stored.inputs
    ]
    if not readers:
        return []
    given = copy.copy(main.tensors[number])
    given.name = f"edgeml.cut.{place}.{number}".encode()
    given.buffer = 0
    main.tensors.append(given)
    new = len(main.tensors) - 1
    for entry in readers:
        entry.inputs = [new if at == number else int(at) for at in entry.inputs]
    return [Cut(place, new, graph.tensors[number].type.startswith("FLOAT"))]
