"""A TFLite file as a source: delivered as it is, or imported where it has a form as a graph."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import onnx_ir as ir

from edgeml_converters.inspection.tflite_document import StoredModel, read_model
from edgeml_converters.inspection.tflite_file import tensor_spec
from edgeml_converters.sources.input_shapes import fix_input_shapes
from edgeml_converters.sources.source_model import NativeFile, SourceModel
from edgeml_converters.tflite_import import import_tflite, is_stateful, stored_precision
from edgeml_runtime.engines import ENGINE_FORMATS, installed_engines, open_engine
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.tensors import TensorSpec

_NO_NUMBERS = frozenset({"COMPLEX64", "COMPLEX128", "RESOURCE", "STRING", "VARIANT"})


def load(path: Path, input_shapes: Mapping[str, tuple[int, ...]]) -> SourceModel:
    """Read and check the TFLite file at *path*; its graph is made when it is asked for.

    Raises:
        InputError: The file is no sound TFLite model, or *input_shapes* does not fit it.
        UnsupportedError: An input or output is no tensor of numbers.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    stored = read_model(data, str(path))
    inputs = _specs(path, stored, stored.graphs[0].inputs, stored.input_names)
    outputs = _specs(path, stored, stored.graphs[0].outputs, stored.output_names)
    inputs = _fixed(inputs, input_shapes)
    sizes = {spec.name: tuple(size or 1 for size in spec.shape) for spec in inputs}
    return SourceModel(
        name=path.stem,
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        open_graph=lambda: import_tflite(data, str(path), sizes),
        inputs=inputs,
        outputs=outputs,
        open_reference=lambda: open_engine(_engine(), data),
        native=NativeFile("tflite", stored_precision(stored), data),
        stateful=is_stateful(stored),
    )


def _engine() -> str:
    """Return the engine that answers for TFLite files: the first one that is installed here."""
    ours = [name for name, format_ in ENGINE_FORMATS.items() if format_ == "tflite"]
    installed = installed_engines()
    return next((name for name in ours if name in installed), ours[0])


def _specs(
    path: Path, stored: StoredModel, places: Iterable[int], names: Mapping[int, str]
) -> tuple[TensorSpec, ...]:
    tensors = [(stored.graphs[0].tensors[at], names.get(at)) for at in places]
    for tensor, _ in tensors:
        if tensor.type in _NO_NUMBERS:
            raise UnsupportedError(
                f"'{tensor.name}' of '{path}' holds {tensor.type.lower()}, "
                "which has no form on a device.",
                "Convert the model with tensors of numbers as its inputs and outputs.",
            )
    return tuple(tensor_spec(tensor, name) for tensor, name in tensors)


def _fixed(
    specs: tuple[TensorSpec, ...], input_shapes: Mapping[str, tuple[int, ...]]
) -> tuple[TensorSpec, ...]:
    """Return the inputs with the sizes that the user gave, by the rules of every source."""
    values = [ir.Value(name=spec.name, shape=ir.Shape(spec.shape)) for spec in specs]
    for value in values:
        value.dtype = ir.DataType.FLOAT
    graph = ir.Graph(values, [], nodes=[], opset_imports={"": 17})
    fix_input_shapes(ir.Model(graph, ir_version=8), input_shapes)
    return tuple(
        TensorSpec(
            name=spec.name,
            shape=tuple(size if isinstance(size, int) else None for size in value.shape or ()),
            dtype=spec.dtype,
            layout=spec.layout,
            quantization=spec.quantization,
        )
        for spec, value in zip(specs, values, strict=True)
    )
