"""What an operator was in an older operator set, by the schemas that ONNX ships."""

from collections.abc import Iterator, Sequence

import onnx
import onnx_ir as ir
from onnx.defs import OpSchema, SchemaError

from edgeml_converters.opsets.obstacle import Obstacle

STANDARD_DOMAINS = ("", "ai.onnx.ml")


def schema_at(node: ir.Node, version: int) -> OpSchema | None:
    """Return the schema of a node's operator in an operator set, None where it has none."""
    try:
        schema = onnx.defs.get_schema(node.op_type, version, node.domain)
    except SchemaError:
        return None
    return None if schema.deprecated else schema


def has_definition(schema: OpSchema) -> bool:
    """Say whether ONNX defines an operator by other operators."""
    flags = ("has_function", "has_context_dependent_function")
    return any(getattr(schema, flag) for flag in flags)  # which onnx's type stubs lack


def default_of(schema: OpSchema, name: str) -> object:
    """Return the value that an attribute has where a node does not give it; None if there is none.

    Args:
        schema: The operator.
        name: The attribute, which the schema has.
    """
    default = schema.attributes[name].default_value
    if not default.name:
        return None
    return onnx.helper.get_attribute_value(default)


def refuse_new_types(node: ir.Node, older: OpSchema) -> None:
    """Raise `Obstacle` when *node* has a type of element that its older form does not take."""
    allowed = {entry.type_param_str: entry.allowed_type_strs for entry in older.type_constraints}
    for values, formals in ((node.inputs, older.inputs), (node.outputs, older.outputs)):
        for value, formal in zip(values, _repeated(formals, len(values)), strict=False):
            if value is None or value.dtype is None or not isinstance(value.type, ir.TensorType):
                continue
            text = f"tensor({onnx.TensorProto.DataType.Name(int(value.dtype)).lower()})"
            if text not in allowed.get(formal.type_str, [formal.type_str]):
                raise Obstacle(f"it takes no {value.dtype.name.lower()} there")


def _repeated(
    formals: Sequence[OpSchema.FormalParameter], count: int
) -> Iterator[OpSchema.FormalParameter]:
    """Yield one parameter for each value: the last one stands for all that follow."""
    yield from formals[:count]
    if formals:
        yield from (formals[-1] for _ in range(count - len(formals)))
