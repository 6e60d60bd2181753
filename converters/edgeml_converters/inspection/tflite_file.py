"""Inspecting a TFLite file: what its tables say, counted."""

from collections import Counter
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path

from edgeml_converters.inspection.document import SYNTHETIC_NOTE, EngineNeed, FreeAxis, Inspection
from edgeml_converters.inspection.macs import (
    TFLITE_MACS,
    TFLITE_UNCOUNTED,
    ModelOperator,
    count_macs,
    operator_macs,
)
from edgeml_converters.inspection.memory import activation_memory
from edgeml_converters.inspection.network import Network, Operator, Tensor, most_frequent
from edgeml_converters.inspection.oldest_engines import oldest_tflite, too_new_for
from edgeml_converters.inspection.tflite_document import (
    StoredGraph,
    StoredModel,
    StoredTensor,
    read_model,
)
from edgeml_converters.quantize.summary import ON_SYNTHETIC
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

_ITEM_BITS = {
    "INT2": 2,
    **dict.fromkeys(("INT4", "UINT4"), 4),
    **dict.fromkeys(("BOOL", "INT8", "UINT8", "FLOAT8_E4M3FN", "FLOAT8_E5M2"), 8),
    **dict.fromkeys(("BFLOAT16", "FLOAT16", "INT16", "UINT16"), 16),
    **dict.fromkeys(("FLOAT32", "INT32", "UINT32"), 32),
    **dict.fromkeys(("COMPLEX64", "FLOAT64", "INT64", "UINT64"), 64),
    "COMPLEX128": 128,
}
_NO_WEIGHTS = ("BOOL", "STRING")
_BIAS_TYPES = ("INT32", "INT64")


def inspect_tflite(path: Path) -> Inspection:
    """Return what the TFLite file at *path* holds and needs.

    Raises:
        InputError: It cannot be read, is no TFLite model, or a damaged one.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    return inspect_tflite_bytes(data, str(path))


def inspect_tflite_bytes(data: bytes, path: str) -> Inspection:
    """Return what the TFLite model *data* holds and needs; *path* is what to call it."""
    model = read_model(data, path)
    main = model.graphs[0]
    used = _used(model)
    ops = Counter(name for name, _ in used)
    network = _network(main)
    memory = activation_memory(network)
    macs_by_op, unsized = count_macs(network, TFLITE_MACS)
    return Inspection(
        path=path,
        format="tflite",
        size_bytes=len(data),
        inputs=tuple(
            tensor_spec(main.tensors[at], model.input_names.get(at)) for at in main.inputs
        ),
        outputs=tuple(
            tensor_spec(main.tensors[at], model.output_names.get(at)) for at in main.outputs
        ),
        ops=most_frequent(ops),
        parameters=sum(_parameters(graph) for graph in model.graphs),
        macs=None if unsized else sum(macs_by_op.values()),
        macs_by_op=most_frequent(macs_by_op),
        peak_activation_bytes=memory.peak_bytes,
        arena_bytes=memory.arena_bytes,
        ir_version=model.schema_version,
        oldest_engines=oldest_tflite(used, model.min_runtime_version),
        free_axes=tuple(_free_axes(model)),
        notes=tuple(_notes(model, ops)),
    )


def tflite_needs(data: bytes | mmap) -> tuple[EngineNeed, ...]:
    """Return the oldest engines that read the TFLite model *data*."""
    model = read_model(data, "the model")
    return oldest_tflite(_used(model), model.min_runtime_version)


def tflite_obstacles(data: bytes, path: str, runtime: str) -> tuple[str, ...]:
    """Return, in words, what keeps the TFLite model *data* from a TensorFlow Lite release."""
    return too_new_for(_used(read_model(data, path)), runtime)


def list_tflite_operators(path: Path) -> tuple[ModelOperator, ...]:
    """Return the operators of the TFLite file at *path*, of its main graph.

    Raises:
        InputError: It is no TFLite model, or a damaged one.
    """
    with path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        model = read_model(data, str(path))
    return operator_macs(_network(model.graphs[0]), TFLITE_MACS)


def _used(model: StoredModel) -> list[tuple[str, int]]:
    return [(entry.name, entry.version) for graph in model.graphs for entry in graph.operators]


def _network(graph: StoredGraph) -> Network:
    tensors = [
        Tensor(
            key=str(index),
            shape=stored.shape,
            item_bits=_ITEM_BITS.get(stored.type, 0),
            constant=stored.data_bytes > 0,
        )
        for index, stored in enumerate(graph.tensors)
    ]
    return Network(
        inputs=tuple(tensors[at] for at in graph.inputs),
        outputs=tuple(tensors[at] for at in graph.outputs),
        operators=tuple(
            Operator(
                type=entry.name,
                inputs=tuple(None if at < 0 else tensors[at] for at in entry.inputs),
                outputs=tuple(tensors[at] for at in entry.outputs),
                name=graph.tensors[entry.outputs[0]].name if entry.outputs else "",
            )
            for entry in graph.operators
        ),
    )


def tensor_spec(tensor: StoredTensor, name: str | None) -> TensorSpec:
    """Return an input or output as its users see it; *name* is the signature's, if it has one."""
    return TensorSpec(
        name=name or tensor.name,
        shape=tuple(
            None if axis in tensor.free_axes else size for axis, size in enumerate(tensor.shape)
        ),
        dtype=tensor.type.lower(),
        layout="NHWC" if len(tensor.shape) == 4 else "",
        quantization=tensor.quantization,
    )


def _free_axes(model: StoredModel) -> Iterator[FreeAxis]:
    graph = model.graphs[0]
    for at in graph.inputs:
        tensor = graph.tensors[at]
        for axis in sorted(tensor.free_axes):
            yield FreeAxis(model.input_names.get(at) or tensor.name, axis, "")


def _parameters(graph: StoredGraph) -> int:
    """Count the elements of all weights; integers of a bias count where they are quantized."""
    return sum(
        tensor.data_bytes * 8 // _ITEM_BITS[tensor.type]
        for tensor in graph.tensors
        if tensor.shape
        and tensor.type in _ITEM_BITS
        and tensor.type not in _NO_WEIGHTS
        and (tensor.type not in _BIAS_TYPES or tensor.quantized)
    )


def _notes(model: StoredModel, ops: Counter[str]) -> Iterator[str]:
    graphs = len(model.graphs)
    if ON_SYNTHETIC in model.description:
        yield SYNTHETIC_NOTE
    uncounted = sorted(TFLITE_UNCOUNTED & ops.keys())
    if uncounted:
        yield f"The MACs of {', '.join(uncounted)} are not counted."
    if graphs > 1:
        yield f"MACs and memory are of the main graph; {graphs - 1} more graphs are only listed."
