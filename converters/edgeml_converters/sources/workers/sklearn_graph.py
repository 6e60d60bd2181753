"""The ONNX graph of a scikit-learn model, made plain: numbers in, numbers out, common operators.

Knows ONNX protobuf; must not know scikit-learn.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LEARNING_DOMAIN = "ai.onnx.ml"


def replace_array_extractors(model: onnx.ModelProto) -> None:
    """Write ``ArrayFeatureExtractor``, which no other engine has, as ``Gather``.

    It picks along the last axis, and a vector counts as one row.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type != "ArrayFeatureExtractor":
            nodes.append(node)
            continue
        data, index = node.input
        if data in constants and len(constants[data].dims) == 1:
            row = numpy_helper.to_array(constants[data])[None]
            data = f"{data}_edgeml_row"
            if data not in constants:
                constants[data] = numpy_helper.from_array(row, data)
                model.graph.initializer.append(constants[data])
        flat = f"{node.output[0]}_edgeml_index"
        nodes += [
            helper.make_node("Reshape", [index, _minus_one(model)], [flat]),
            helper.make_node("Gather", [data, flat], node.output, axis=-1),
        ]
    _replace_nodes(model, nodes)


def replace_imputers(model: onnx.ModelProto, *, float64: bool) -> None:
    """Write ``Imputer`` of what is no number as ``Where``: engines have it for float32 alone."""
    nodes = []
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        replaced = attributes.get("replaced_value_float", 0.0)
        if node.op_type != "Imputer" or not np.isnan(replaced):
            nodes.append(node)
            continue
        output = node.output[0]
        values = np.array(attributes["imputed_value_floats"], np.float64 if float64 else np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, f"{output}_imputed"))
        nodes += [
            helper.make_node("IsNaN", node.input, [f"{output}_missing"]),
            helper.make_node(
                "Where", [f"{output}_missing", f"{output}_imputed", node.input[0]], [output]
            ),
        ]
    _replace_nodes(model, nodes)


def take_float32(model: onnx.ModelProto) -> None:
    """Make float64 inputs and outputs float32; what is between stays float64."""
    casts = []
    renamed = {}
    for value in model.graph.input:
        if value.type.tensor_type.elem_type == TensorProto.DOUBLE:
            renamed[value.name] = f"{value.name}_float64"
            value.type.tensor_type.elem_type = TensorProto.FLOAT
            casts.append(
                helper.make_node("Cast", [value.name], [renamed[value.name]], to=TensorProto.DOUBLE)
            )
    for node in model.graph.node:
        for position, name in enumerate(node.input):
            node.input[position] = renamed.get(name, name)
    _replace_nodes(model, [*casts, *model.graph.node])


def flatten_labels(model: onnx.ModelProto) -> None:
    """Make the first output a vector."""
    name = model.graph.output[0].name
    _rename(model, name, f"{name}_rows")
    flat = helper.make_node("Reshape", [f"{name}_rows", _minus_one(model)], [name])
    model.graph.node.append(flat)


def number_labels(model: onnx.ModelProto, classes: Sequence[int | str]) -> None:
    """Make the first output, a vector of classes, one of their indices.

    Mostly they are looked up in a constant, which then holds numbers instead.
    """
    label = model.graph.output[0]
    numbers = numpy_helper.from_array(np.arange(len(classes)), "numbers")
    if list(classes) == list(range(len(classes))) or _replace_looked_up(model, classes, numbers):
        label.type.tensor_type.elem_type = TensorProto.INT64
        return
    named = f"{label.name}_class"
    _rename(model, label.name, named)
    key = "keys_strings" if isinstance(classes[0], str) else "keys_int64s"
    encoder = helper.make_node(
        "LabelEncoder",
        [named],
        [label.name],
        domain=LEARNING_DOMAIN,
        values_int64s=list(range(len(classes))),
    )
    encoder.attribute.append(helper.make_attribute(key, list(classes)))
    model.graph.node.append(encoder)
    label.type.tensor_type.elem_type = TensorProto.INT64
    for entry in model.opset_import:
        if entry.domain == LEARNING_DOMAIN:
            entry.version = max(entry.version, 2)  # its LabelEncoder has more than text to number


def _replace_looked_up(
    model: onnx.ModelProto, classes: Sequence[int | str], numbers: TensorProto
) -> bool:
    """Replace the constants that classes are looked up in; return whether there were any."""
    looked_up = {n.input[0] for n in model.graph.node if n.op_type == "ArrayFeatureExtractor"}
    found = False
    for tensor in model.graph.initializer:
        if tensor.name in looked_up and _values(tensor) == list(classes):
            tensor.CopyFrom(_renamed(numbers, tensor.name))
            found = True
    if found:
        for node in model.graph.node:
            for attribute in node.attribute:
                if node.op_type == "Cast" and attribute.i == TensorProto.STRING:
                    attribute.i = TensorProto.INT64
    return found


def _values(tensor: TensorProto) -> list[int | str | float]:
    values = numpy_helper.to_array(tensor).ravel().tolist()
    return [v.decode() if isinstance(v, bytes) else v for v in values]


def _renamed(tensor: TensorProto, name: str) -> TensorProto:
    copy = TensorProto()
    copy.CopyFrom(tensor)
    copy.name = name
    return copy


def name_inputs(model: onnx.ModelProto, names: Sequence[str]) -> None:
    """Call the inputs *names*, in order: skl2onnx replaces what is no letter or digit."""
    for value, name in zip(model.graph.input, names, strict=True):
        if value.name != name:
            _rename(model, value.name, name)
            value.name = name


def name_outputs(model: onnx.ModelProto, exported: Sequence[str], names: Sequence[str]) -> None:
    """Call the outputs *exported*, put them in the order of *names*, float64 ones as float32."""
    for value, name in zip(list(model.graph.output), exported, strict=True):
        inner = f"{name}_exported"
        _rename(model, value.name, inner)
        value.name = name
        if value.type.tensor_type.elem_type == TensorProto.DOUBLE:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
        elif value.type.tensor_type.elem_type == TensorProto.STRING:  # it was the class's name
            value.type.tensor_type.elem_type = TensorProto.INT64
        to = value.type.tensor_type.elem_type
        model.graph.node.append(helper.make_node("Cast", [inner], [name], to=to))
    ordered = sorted(model.graph.output, key=lambda value: names.index(value.name))
    del model.graph.output[:]
    model.graph.output.extend(ordered)


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == old:
                    names[position] = new


def _minus_one(model: onnx.ModelProto) -> str:
    name = "edgeml_minus_one"
    if all(tensor.name != name for tensor in model.graph.initializer):
        model.graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), name))
    return name


def _replace_nodes(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto]) -> None:
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)
