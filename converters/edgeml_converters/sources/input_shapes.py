"""Sizes for the input axes that a model leaves free.

A free first axis is the batch and may stay free. Every other axis must be fixed, since memory and
time on a device follow from it.
"""

from collections.abc import Mapping

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from edgeml_runtime.errors import InputError

EXAMPLE_BATCH = 1
EXAMPLE_IMAGE_SIDE = 224
EXAMPLE_LENGTH = 128


def fix_input_shapes(model: ir.Model, input_shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Write *input_shapes* into the inputs of *model*, and what follows from them into the rest.

    A named free size that is given for one input holds for every input with that name. It may
    also be given by itself, as ``{"height": (224,)}``.

    Args:
        model: Changed in place.
        input_shapes: Sizes by the name of an input, or one size by the name of a free size.

    Raises:
        InputError: A name is unknown, a rank or a fixed size differs, two sizes are given for one
            name, or an axis other than the first is still free.
    """
    inputs = {value.name or "": value for value in model.graph.inputs}
    sizes = _named_sizes(inputs, input_shapes)
    for name, shape in input_shapes.items():
        if name in inputs:
            _collect_sizes(inputs[name], shape, sizes)
            inputs[name].shape = ir.Shape(shape)
        elif name not in sizes:
            raise InputError(
                f"The model has no input or named size '{name}'; its inputs are "
                f"{_described(inputs)}.",
                "Name one of them.",
            )
    for value in inputs.values():
        _apply_sizes(value, sizes)
        _require_fixed(value)
    outputs = model.graph.outputs
    if input_shapes or any(value.shape is None for value in outputs):
        for value in outputs:
            _apply_sizes(value, sizes)
        ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)


def _named_sizes(
    inputs: Mapping[str, ir.Value], input_shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, int]:
    """Return those of *input_shapes* that give the size of a name and not the shape of an input."""
    symbols = {
        size.value
        for value in inputs.values()
        for size in value.shape or ()
        if not isinstance(size, int)
    }
    sizes = {
        name: shape[0]
        for name, shape in input_shapes.items()
        if name in symbols and name not in inputs and len(shape) == 1
    }
    for name, size in sizes.items():
        if size < 1:
            raise InputError(f"'--input-shape {name}:{size}' is below 1.", "Give a positive size.")
    return sizes


def _collect_sizes(value: ir.Value, shape: tuple[int, ...], sizes: dict[str, int]) -> None:
    declared = value.shape
    given = _text(value.name, shape)
    if any(size < 1 for size in shape):
        raise InputError(f"'--input-shape {given}' has a size below 1.", "Give positive sizes.")
    if declared is None:
        return
    if len(declared) != len(shape):
        raise InputError(
            f"'--input-shape {given}' has {len(shape)} axes, but input '{value.name}' has "
            f"{len(declared)}: {_shape_text(declared)}.",
            f"Give {len(declared)} sizes, for example --input-shape {_example(value)}.",
        )
    for axis, (size, known) in enumerate(zip(shape, declared, strict=True)):
        symbol = None if isinstance(known, int) else known.value
        fixed = known if isinstance(known, int) else sizes.get(symbol or "", size)
        if size != fixed:
            raise InputError(
                f"'--input-shape {given}' gives axis {axis} of input '{value.name}' the size "
                f"{size}, but it is {fixed}.",
                f"Give {fixed} there, or export the model with another size.",
            )
        if symbol:
            sizes[symbol] = size


def _apply_sizes(value: ir.Value, sizes: Mapping[str, int]) -> None:
    if value.shape is not None:
        value.shape = ir.Shape(
            size if isinstance(size, int) else sizes.get(size.value or "", size)
            for size in value.shape
        )


def _require_fixed(value: ir.Value) -> None:
    if value.shape is None:
        raise InputError(
            f"Input '{value.name}' has no declared shape.",
            f"Give its sizes, for example --input-shape {value.name}:1x3x224x224.",
        )
    free = [
        f"axis {axis}" + (f" ('{size.value}')" if size.value else "")
        for axis, size in enumerate(value.shape)
        if axis > 0 and not isinstance(size, int)
    ]
    if free:
        raise InputError(
            f"Input '{value.name}' of shape {_shape_text(value.shape)} leaves {', '.join(free)} "
            "free.",
            f"Give the sizes, for example --input-shape {_example(value)}.",
        )


def _example(value: ir.Value) -> str:
    shape = value.shape if value.shape is not None else ir.Shape(())
    guess = EXAMPLE_IMAGE_SIDE if len(shape) == 4 else EXAMPLE_LENGTH
    return _text(
        value.name,
        tuple(
            size if isinstance(size, int) else (guess if axis else EXAMPLE_BATCH)
            for axis, size in enumerate(shape)
        ),
    )


def _text(name: str | None, shape: tuple[int, ...]) -> str:
    return f"{name}:{'x'.join(map(str, shape))}"


def _shape_text(shape: ir.Shape) -> str:
    sizes = (size if isinstance(size, int) else size.value or "?" for size in shape)
    return f"({', '.join(map(str, sizes))})"


def _described(inputs: Mapping[str, ir.Value]) -> str:
    return ", ".join(
        f"'{name}' {_shape_text(value.shape) if value.shape is not None else '(no shape)'}"
        for name, value in inputs.items()
    )
