"""Inspecting an ONNX file. Knows onnx_ir; reads the graph only, weights by their sizes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import (  # type: ignore[import-untyped]  # it ships no types
    DecodeError,
)
from onnx_ir.passes.common import InlinePass, RemoveUnusedOpsetsPass
from onnx_ir.traversal import RecursiveGraphIterator

from edgeml_converters.graph.axis_layout import image_layout
from edgeml_converters.inspection.document import (
    SYNTHETIC_NOTE,
    EngineNeed,
    Finding,
    FreeAxis,
    Inspection,
)
from edgeml_converters.inspection.int8_outlook import int8_findings
from edgeml_converters.inspection.macs import (
    ONNX_MACS,
    ONNX_UNCOUNTED,
    ModelOperator,
    count_macs,
    operator_macs,
)
from edgeml_converters.inspection.memory import activation_memory
from edgeml_converters.inspection.network import most_frequent
from edgeml_converters.inspection.oldest_engines import oldest_onnxruntime
from edgeml_converters.inspection.onnx_network import inner_graphs, network_of, set_batch_to_one
from edgeml_converters.quantize.summary import on_synthetic
from edgeml_converters.sources.mapped_weights import Bytes, without_weights
from edgeml_converters.sources.onnx_document import read_document
from edgeml_converters.sources.onnx_file import import_model
from edgeml_converters.tflite import check_convertible
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.tensors import TensorSpec

STANDARD_DOMAINS = ("", "ai.onnx")


def inspect_onnx(path: Path) -> Inspection:
    """Return what the ONNX file at *path* holds and needs.

    Raises:
        InputError: It is no ONNX model, or a damaged one.
    """
    model = _inlined(import_model(read_document(path)))
    return _inspect(model, path=str(path), size_bytes=path.stat().st_size)


def list_onnx_operators(path: Path) -> tuple[ModelOperator, ...]:
    """Return the operators of the ONNX file at *path*, of its main graph, sizes at batch 1.

    Raises:
        InputError: It is no ONNX model, or a damaged one.
    """
    model = _inlined(import_model(read_document(path)))
    inputs = _fed_inputs(model.graph)
    set_batch_to_one(model, inputs)
    return operator_macs(network_of(model.graph, inputs), ONNX_MACS)


def inspect_onnx_bytes(data: bytes, path: str) -> Inspection:
    """Return what the ONNX model *data* holds and needs; *path* is what to call it."""
    try:
        model = ir.from_proto(onnx.load_model_from_string(data))
    except (DecodeError, ir.serde.SerdeError, ValueError, TypeError) as error:
        raise InputError(
            f"'{path}' is no ONNX model, or a damaged one.", "Make the bundle again."
        ) from error
    return _inspect(_inlined(model), path=path, size_bytes=len(data))


def onnx_needs(data: Bytes) -> tuple[EngineNeed, ...]:
    """Return the oldest engine that reads the ONNX model *data*."""
    proto = onnx.load_model_from_string(without_weights(data))
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    return (oldest_onnxruntime(proto.ir_version, opsets.get("", opsets.get("ai.onnx", 1))),)


def _inspect(model: ir.Model, *, path: str, size_bytes: int) -> Inspection:
    inputs = _fed_inputs(model.graph)
    specs = tuple(_spec(value, image_layout(value)) for value in inputs)
    outputs = tuple(_spec(value, image_layout(value)) for value in model.graph.outputs)
    free_axes = tuple(_free_axes(inputs))
    blockers = (*_tflite_blockers(model), *int8_findings(model))
    opsets = {domain or "ai.onnx": version for domain, version in model.opset_imports.items()}
    ops = Counter(
        node.op_type
        for node in RecursiveGraphIterator(model.graph)
        if node.op_type != "Constant"  # it holds a weight and does nothing
    )
    parameters = _parameters(model.graph)
    set_batch_to_one(model, inputs)
    network = network_of(model.graph, inputs)
    memory = activation_memory(network)
    macs_by_op, unsized = count_macs(network, ONNX_MACS)
    return Inspection(
        path=path,
        format="onnx",
        size_bytes=size_bytes,
        inputs=specs,
        outputs=outputs,
        ops=most_frequent(ops),
        parameters=parameters,
        macs=None if unsized else sum(macs_by_op.values()),
        macs_by_op=most_frequent(macs_by_op),
        peak_activation_bytes=memory.peak_bytes,
        arena_bytes=memory.arena_bytes,
        ir_version=model.ir_version,
        opsets=dict(sorted(opsets.items())),
        oldest_engines=(oldest_onnxruntime(model.ir_version, opsets.get("ai.onnx", 1)),),
        blockers=blockers,
        free_axes=free_axes,
        notes=tuple(_notes(model, ops, unsized)),
    )


def _inlined(model: ir.Model) -> ir.Model:
    if model.functions:
        InlinePass()(model)
        RemoveUnusedOpsetsPass()(model)
    return model


def _tflite_blockers(model: ir.Model) -> tuple[Finding, ...]:
    try:
        blockers = check_convertible(model)
    except UnsupportedError as error:  # the model as a whole, such as a free size
        return (Finding("tflite", "", "", str(error)),)
    return tuple(
        Finding("tflite", blocker.node, blocker.op_type, blocker.reason) for blocker in blockers
    )


def _fed_inputs(graph: ir.Graph) -> tuple[ir.Value, ...]:
    """Return the inputs that a caller feeds: IR version 3 lists the weights there too."""
    return tuple(value for value in graph.inputs if not value.is_initializer())


def _spec(value: ir.Value, layout: str) -> TensorSpec:
    shape = value.shape if value.shape is not None else ()
    return TensorSpec(
        name=value.name or "",
        shape=tuple(size if isinstance(size, int) else None for size in shape),
        dtype=_type_name(value),
        layout=layout,
    )


def _type_name(value: ir.Value) -> str:
    if value.dtype is None:
        return "unknown"
    return value.dtype.name.lower() if value.dtype != ir.DataType.FLOAT else "float32"


def _free_axes(inputs: tuple[ir.Value, ...]) -> Iterator[FreeAxis]:
    for value in inputs:
        for axis, size in enumerate(value.shape or ()):
            if not isinstance(size, int):
                yield FreeAxis(value.name or "", axis, size.value or "")


def _parameters(graph: ir.Graph) -> int:
    """Count the elements of all weights: not scales and zero points, bounds or shapes."""
    settings = {
        id(value)
        for node in RecursiveGraphIterator(graph)
        if node.op_type in ("QuantizeLinear", "DequantizeLinear")
        for value in node.inputs[1:]
    }
    tensors = [
        value.const_value
        for inner in (graph, *_nested(graph))
        for value in inner.initializers.values()
        if id(value) not in settings
    ]
    tensors += [
        node.attributes["value"].as_tensor()
        for node in RecursiveGraphIterator(graph)
        if node.op_type == "Constant"
        and "value" in node.attributes
        and id(node.outputs[0]) not in settings
    ]
    return sum(
        tensor.size
        for tensor in tensors
        if tensor is not None and tensor.shape and tensor.dtype not in _NO_WEIGHTS
    )


_NO_WEIGHTS = (ir.DataType.INT64, ir.DataType.BOOL, ir.DataType.STRING)


def _nested(graph: ir.Graph) -> Iterator[ir.Graph]:
    for node in RecursiveGraphIterator(graph):
        yield from inner_graphs(node)


def _notes(model: ir.Model, ops: Counter[str], unsized: tuple[str, ...]) -> Iterator[str]:
    if on_synthetic(model):
        yield SYNTHETIC_NOTE
    if unsized:
        yield (
            f"MACs are not known: sizes of {', '.join(unsized)} depend on what is fed. "
            "Export the model with fixed sizes to count them."
        )
    uncounted = sorted(ONNX_UNCOUNTED & ops.keys())
    if uncounted:
        yield f"The MACs of {', '.join(uncounted)} are not counted."
    if any(True for node in model.graph for _ in inner_graphs(node)):
        yield "Operators inside branches and loops are listed, but their MACs are not counted."
    others = sorted(
        {node.domain for node in RecursiveGraphIterator(model.graph)} - {*STANDARD_DOMAINS}
    )
    if others:
        yield (
            f"Operators of {', '.join(others)} are not part of ONNX; an engine must bring them, "
            "and the oldest version that does is not known."
        )
