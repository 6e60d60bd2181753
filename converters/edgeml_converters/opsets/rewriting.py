"""One node brought to the form that its operator had in an older operator set.

The general rule compares the two schemas: what the older one lacks must be left out (an input or
attribute at its default) or stand elsewhere (an input that was an attribute). Operators that mean
something else under the same schema have a rule of their own in `RULES`.
"""

import functools
import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files

import numpy as np
import onnx
import onnx_ir as ir
from onnx.defs import OpSchema

from edgeml_converters.graph.attributes import int_attribute, string_attribute
from edgeml_converters.graph.constants import add_constant, constant_array
from edgeml_converters.opsets.obstacle import Obstacle
from edgeml_converters.opsets.schemas import default_of, refuse_new_types

Rule = Callable[[ir.Node, int], None]
"""Prepares a node for the general rule, given the opset that it goes to."""


def rewrite(node: ir.Node, newer: OpSchema, older: OpSchema, opset: int) -> None:
    """Change *node* in place from its newer to its older form.

    Raises:
        Obstacle: It has none.
    """
    for op_type, name, value, since in _newer_values():
        if node.op_type == op_type and opset < since and string_attribute(node, name, "") == value:
            raise Obstacle(f"its {name} has the value '{value}' only since opset {since}")
    if rule := RULES.get(node.op_type):
        rule(node, opset)
    _move_inputs(node, newer, older)
    for name in [name for name in node.attributes if name not in older.attributes]:
        default = default_of(newer, name) if name in newer.attributes else None
        if not _is_neutral(node.attributes[name], default):
            raise Obstacle(f"its attribute {name} is newer")
        node.attributes.pop(name)
    for name in newer.attributes.keys() & older.attributes.keys() - node.attributes.keys():
        default = default_of(newer, name)
        if default is not None and default != default_of(older, name):
            # A default that changed is written out, so that it still holds.
            node.attributes[name] = ir.Attr(name, _attribute_type(newer, name), _text(default))
    refuse_new_types(node, older)


@functools.cache
def _newer_values() -> tuple[tuple[str, str, str, int], ...]:
    text = files("edgeml_converters.opsets").joinpath("newer_values.toml").read_text("utf-8")
    rows = tomllib.loads(text)["value"]
    return tuple((row["op"], row["attribute"], row["value"], row["opset"]) for row in rows)


def _move_inputs(node: ir.Node, newer: OpSchema, older: OpSchema) -> None:
    """Turn constant inputs that the older form has as attributes into these."""
    for index in range(len(older.inputs), min(len(node.inputs), len(newer.inputs))):
        value = node.inputs[index]
        if value is None:
            continue
        name = newer.inputs[index].name
        if name not in older.attributes:
            raise Obstacle(f"its input {name} is newer")
        array = constant_array(value)
        if array is None:
            raise Obstacle(f"its {name} must be known before it runs")
        type_ = _attribute_type(older, name)
        content = array.tolist() if type_ == ir.AttributeType.INTS else array.item()
        node.attributes[name] = ir.Attr(name, type_, content)
    if len(node.inputs) > len(older.inputs) and newer.inputs != older.inputs and not _open(older):
        node.resize_inputs(len(older.inputs))


def _open(schema: OpSchema) -> bool:
    """Say whether an operator takes any number of inputs."""
    last = schema.inputs[-1].option if schema.inputs else None
    return last == OpSchema.FormalParameterOption.Variadic


def _attribute_type(schema: OpSchema, name: str) -> ir.AttributeType:
    type_ = schema.attributes[name].type.value  # type: ignore[attr-defined]  # it is an enum
    return ir.AttributeType(type_)


def _is_neutral(attribute: ir.Attr, default: object) -> bool:
    if attribute.name == "dilations":
        return all(size == 1 for size in attribute.as_ints())
    return bool(onnx.helper.get_attribute_value(ir.to_proto(attribute)) == default)


def _text(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def _split(node: ir.Node, opset: int) -> None:
    """Split, 18: ``num_outputs`` parts; before, equal parts or sizes that are given."""
    if "num_outputs" not in node.attributes or opset >= 18:
        return
    count = int_attribute(node, "num_outputs", 1)
    node.attributes.pop("num_outputs")
    axis = int_attribute(node, "axis", 0)
    size = _size(node.inputs[0], axis)
    part = -(-size // count)
    if part * count != size:
        sizes = [min(part, size - start) for start in range(0, size, part)]
        sizes += [0] * (count - len(sizes))
        graph = _graph(node)
        node.resize_inputs(2)
        node.replace_input_with(1, add_constant(graph, f"{node.name}_sizes", np.array(sizes)))


def _pad(node: ir.Node, opset: int) -> None:
    """Pad, 18: pads of some ``axes``; before, of all."""
    if opset >= 18 or len(node.inputs) < 4 or node.inputs[3] is None:
        return
    rank = _rank(node.inputs[0])
    pads, axes = (
        None if value is None else constant_array(value)
        for value in (node.inputs[1], node.inputs[3])
    )
    if pads is None or axes is None:
        raise Obstacle("its axes must be known before it runs")
    whole = np.zeros((2, rank), np.int64)
    whole[:, axes] = pads.reshape(2, -1)
    value = add_constant(_graph(node), f"{node.name}_pads", whole.reshape(-1))
    node.replace_input_with(1, value)
    node.resize_inputs(3)


def _grid_sample(node: ir.Node, opset: int) -> None:
    """GridSample, 20: other names for the same modes, and grids of any rank."""
    if opset >= 20:
        return
    if _rank(node.inputs[0]) != 4:
        raise Obstacle("it works on images only")
    older = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}
    mode = older[string_attribute(node, "mode", "linear")]
    node.attributes["mode"] = ir.AttrString("mode", mode)


def _softmax(node: ir.Node, opset: int) -> None:
    """Softmax, 13: along one axis; before, along all from that axis on."""
    if opset >= 13:
        return
    rank = _rank(node.inputs[0])
    axis = int_attribute(node, "axis", -1)
    sizes = [_size(node.inputs[0], index) for index in range(axis % rank + 1, rank)]
    if any(size != 1 for size in sizes):
        raise Obstacle("it works along the last axes only")
    node.attributes["axis"] = ir.AttrInt64("axis", axis % rank)


def _dropout(node: ir.Node, opset: int) -> None:
    """Dropout, 12: its ratio is an input. Nothing is dropped at inference, so none is needed."""
    if opset < 12 and len(node.inputs) > 1:
        node.resize_inputs(1)


RULES: Mapping[str, Rule] = {
    "Dropout": _dropout,
    "GridSample": _grid_sample,
    "Hardmax": _softmax,
    "LogSoftmax": _softmax,
    "Pad": _pad,
    "Softmax": _softmax,
    "Split": _split,
}


def _graph(node: ir.Node) -> ir.Graph:
    assert isinstance(node.graph, ir.Graph)
    return node.graph


def _rank(value: ir.Value | None) -> int:
    if value is None or value.shape is None:
        raise Obstacle("the number of axes of its input is not known")
    return len(value.shape)


def _size(value: ir.Value | None, axis: int) -> int:
    size = None if value is None or value.shape is None else value.shape[axis]
    if not isinstance(size, int):
        raise Obstacle("a size of its input is not known")
    return size
