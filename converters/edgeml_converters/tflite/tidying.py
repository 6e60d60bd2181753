"""Removes operators that a neighbour makes needless; every rule keeps the program's results."""

import numpy as np

from edgeml_converters.tflite.program import Operator, Program, Tensor
from edgeml_converters.tflite.sharing import copy_overwritten


def tidy(program: Program) -> None:
    """Apply every rule until none applies any more, drop what nobody reads, copy where needed."""
    rules = (
        _merge_reshapes,
        _merge_transposes,
        _drop_same_shape,
        _drop_before_fully_connected,
        _shrink_mean,
        _add_as_bias,
    )
    while any(rule(program) for rule in rules):
        _drop_unread(program)
    copy_overwritten(program)


def _is_output(program: Program, tensor: Tensor) -> bool:
    return any(tensor is output for _, output in program.outputs)


def _producer(program: Program, tensor: Tensor | None) -> Operator | None:
    for operator in program.operators:
        if tensor is not None and tensor in operator.outputs:
            return operator
    return None


def _sole_reader(program: Program, tensor: Tensor) -> Operator | None:
    readers = program.readers(tensor)
    return readers[0] if len(readers) == 1 and not _is_output(program, tensor) else None


def _reshapes(program: Program) -> list[Operator]:
    return [operator for operator in program.operators if operator.code == "RESHAPE"]


def _read_instead(program: Program, old: Tensor, new: Tensor) -> None:
    for operator in program.readers(old):
        operator.inputs = [new if tensor is old else tensor for tensor in operator.inputs]


def _merge_reshapes(program: Program) -> bool:
    """A RESHAPE of a RESHAPE reads what the first one read."""
    merged = False
    for operator in _reshapes(program):
        before = _producer(program, operator.inputs[0])
        if before is not None and before.code == "RESHAPE":
            operator.inputs[0] = before.inputs[0]
            merged = True
    return merged


def _merge_transposes(program: Program) -> bool:
    """A TRANSPOSE of a TRANSPOSE reads what the first one read; both may come to nothing."""
    for operator in program.operators:
        before = _producer(program, operator.inputs[0]) if operator.code == "TRANSPOSE" else None
        if before is None or before.code != "TRANSPOSE":
            continue
        order = _permutation(before)[_permutation(operator)]
        name = f"{operator.outputs[0].name}/merged"
        operator.inputs = [before.inputs[0], Tensor(name, order.shape, order.dtype, order)]
        if np.array_equal(order, np.arange(order.size)):
            shape = np.array(operator.outputs[0].shape, np.int32)
            operator.code, operator.options = "RESHAPE", {"new_shape": shape.tolist()}
            operator.inputs[1] = Tensor(name, shape.shape, shape.dtype, shape)
        return True
    return False


def _permutation(transpose: Operator) -> np.ndarray:
    order = transpose.inputs[1]
    assert order is not None
    assert order.data is not None
    return order.data


def _drop_same_shape(program: Program) -> bool:
    """A RESHAPE to the shape that is there already goes; a copy that makes an output stays."""
    for operator in _reshapes(program):
        source, target = operator.inputs[0], operator.outputs[0]
        if source is None or source.shape != target.shape:
            continue
        producer = _producer(program, source)
        if not _is_output(program, target):
            _read_instead(program, target, source)
        elif producer is None or _is_output(program, source):
            continue
        else:
            _read_instead(program, source, target)
            producer.outputs = [target if t is source else t for t in producer.outputs]
        program.operators.remove(operator)
        return True
    return False


def _drop_before_fully_connected(program: Program) -> bool:
    """FULLY_CONNECTED flattens its input to rows by itself, unless it keeps the axes."""
    dropped = False
    for operator in program.operators:
        if operator.code != "FULLY_CONNECTED" or operator.options.get("keep_num_dims"):
            continue
        before = _producer(program, operator.inputs[0])
        if before is not None and before.code == "RESHAPE":
            operator.inputs[0] = before.inputs[0]
            dropped = True
    return dropped


def _shrink_mean(program: Program) -> bool:
    """A MEAN whose only reader is a RESHAPE that drops the reduced axes drops them itself."""
    for operator in program.operators:
        if operator.code != "MEAN" or not operator.options.get("keep_dims"):
            continue
        kept, source, axes = operator.outputs[0], operator.inputs[0], operator.inputs[1]
        reader = _sole_reader(program, kept)
        if reader is None or reader.code != "RESHAPE":
            continue
        if source is None or axes is None or axes.data is None:
            continue
        reduced = set(axes.data.reshape(-1).tolist())
        shape = tuple(size for axis, size in enumerate(source.shape) if axis not in reduced)
        if reader.outputs[0].shape == shape:
            operator.options["keep_dims"] = False
            operator.outputs = reader.outputs
            program.operators.remove(reader)
            return True
    return False


def _add_as_bias(program: Program) -> bool:
    """A constant vector that is added to a float product without bias becomes its bias."""
    for product in program.operators:
        if product.code != "FULLY_CONNECTED" or _has_bias(product):
            continue
        result = product.outputs[0]
        reader = _sole_reader(program, result)
        if reader is None or reader.code != "ADD":
            continue
        added = next((tensor for tensor in reader.inputs if tensor is not result), None)
        channels = result.shape[-1]
        if added is None or added.data is None or added.shape[-1:] != (channels,):
            continue
        if added.data.size == channels and reader.outputs[0].shape == result.shape:
            added.data = added.data.reshape(channels)
            added.shape = (channels,)
            product.inputs[2] = added
            product.outputs = reader.outputs
            product.options["fused_activation_function"] = reader.options[
                "fused_activation_function"
            ]
            program.operators.remove(reader)
            return True
    return False


def _has_bias(product: Operator) -> bool:
    """Whether a product computes more than the bare product: a bias, activation, integers."""
    bias = product.inputs[2]
    return (
        product.options["fused_activation_function"] != "NONE"
        or product.outputs[0].affine is not None
        or (bias is not None and bias.data is not None and bool(bias.data.any()))
    )


def _drop_unread(program: Program) -> None:
    """Drop operators none of whose outputs is read or leaves the program."""
    needed = {id(tensor) for _, tensor in program.outputs}
    kept: list[Operator] = []
    for operator in reversed(program.operators):
        if any(id(tensor) in needed for tensor in operator.outputs):
            kept.append(operator)
            needed |= {id(tensor) for tensor in operator.inputs if tensor is not None}
    program.operators[:] = reversed(kept)
