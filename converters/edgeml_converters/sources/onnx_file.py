"""An ONNX file as a source."""

from collections.abc import Mapping
from pathlib import Path

import onnx_ir as ir

from edgeml_converters.graph.axis_layout import border_layouts
from edgeml_converters.sources.input_shapes import fix_input_shapes
from edgeml_converters.sources.mapped_weights import map_weights
from edgeml_converters.sources.onnx_document import OnnxDocument, read_document
from edgeml_converters.sources.source_model import SourceModel
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.tensors import TensorSpec

_NO_NUMBERS = (ir.DataType.STRING, ir.DataType.UNDEFINED)


def load(path: Path, input_shapes: Mapping[str, tuple[int, ...]]) -> SourceModel:
    """Read, check and import the ONNX file at *path*.

    Raises:
        InputError: The file is no sound ONNX model, or *input_shapes* does not fit it.
        UnsupportedError: An input or output is no tensor of numbers.
    """
    document = read_document(path)

    def open_graph() -> ir.Model:
        model = import_model(document)
        _separate_weights_from_inputs(model)
        _refuse_other_than_numbers(path, model)
        fix_input_shapes(model, input_shapes)
        return model

    model = open_graph()
    ready = [model]  # handed out once and then forgotten, so that its weights can be released
    layouts = border_layouts(model.graph)
    return SourceModel(
        name=path.stem,
        path=path,
        sha256=document.sha256,
        open_graph=lambda: ready.pop() if ready else open_graph(),
        inputs=tuple(_spec(value, layouts.inputs[value.name]) for value in model.graph.inputs),
        outputs=tuple(_spec(value, layouts.outputs[value.name]) for value in model.graph.outputs),
        open_reference=lambda: open_engine("onnxruntime", path),
    )


def import_model(document: OnnxDocument) -> ir.Model:
    """Return the graph of a checked file, its large weights mapped.

    Raises:
        InputError: The graph contradicts itself.
    """
    try:
        model = ir.from_proto(document.proto)
    except (ir.serde.SerdeError, ValueError, TypeError) as error:
        cause = str(error.__cause__ or error).strip().splitlines()[0]
        raise InputError(
            f"'{document.path}' holds a graph that cannot be imported: {cause}",
            "Export the model again, and check it with onnx.checker.",
        ) from error
    map_weights(model, document.path)
    return model


def _separate_weights_from_inputs(model: ir.Model) -> None:
    """Leave to the inputs only what a caller must feed: IR version 3 listed weights there too."""
    fed = [value for value in model.graph.inputs if not value.is_initializer()]
    if len(fed) != len(model.graph.inputs):
        model.graph.inputs.clear()
        model.graph.inputs.extend(fed)
        model.ir_version = max(model.ir_version, 4)


def _refuse_other_than_numbers(path: Path, model: ir.Model) -> None:
    for value in (*model.graph.inputs, *model.graph.outputs):
        if not isinstance(value.type, ir.TensorType) or value.dtype in _NO_NUMBERS:
            raise UnsupportedError(
                f"'{value.name}' of '{path}' is {value.type or 'of no declared type'}, "
                "which has no form on a device.",
                "Export the model with tensors of numbers as its inputs and outputs.",
            )


def _spec(value: ir.Value, layout: str) -> TensorSpec:
    shape = value.shape if value.shape is not None else ()
    assert value.name is not None
    assert value.dtype is not None
    return TensorSpec(
        name=value.name,
        shape=tuple(size if isinstance(size, int) else None for size in shape),
        dtype=str(value.dtype.numpy()),
        layout=layout,
    )
