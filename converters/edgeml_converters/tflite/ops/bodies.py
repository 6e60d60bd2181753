"""What If and Loop share: why a body is not closed, and what enters it."""

import onnx_ir as ir

from edgeml_converters.graph.closure import CLOSED, bodies, captured_values, is_fixed
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.tflite.blockers import Blocker, Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite.step import Step


def check_closed(step: Step) -> None:
    """Refuse a node that reads values of unknown type or size, so that its bodies stayed open."""
    if step.node.domain == CLOSED:
        return
    read = [v for body in bodies(step.node) for v in captured_values(body)]
    for value in (*step.node.inputs, *read):
        if value is None or constant_array(value) is not None or is_fixed(value):
            continue
        if isinstance(value.type, ir.TensorType):
            raise Refusal(
                f"it reads {value.name}, whose shape is only known at run time; give the inputs "
                "fixed sizes (--input-shape)"
            )
        kind = type(value.type).__name__.removesuffix("Type").lower()
        raise Refusal(f"it reads {value.name}, a {kind}, which has no TFLite form; pass tensors")
    raise Refusal("its bodies have no TFLite form here")


def check_results(name: str, expected: list[tuple[ir.Value, ir.Value]], remedy: str) -> None:
    """Refuse where results of a body are not of the type and size that is expected.

    Args:
        name: What the body is called.
        expected: Pairs of a result and what it must be like.
        remedy: What to do about another size.
    """
    for result, like in expected:
        if result.dtype != like.dtype:
            raise Refusal(f"{name} returns {result.name} as {result.dtype}, not {like.dtype}")
        if result.shape != like.shape:
            sizes = f"{_sizes(result)}, not {_sizes(like)}"
            raise Refusal(f"{name} returns {result.name} of shape {sizes}; {remedy}")


def _sizes(value: ir.Value) -> str:
    if value.shape is None:
        return "unknown"
    return "x".join("?" if not isinstance(size, int) else str(size) for size in value.shape) or "()"


def inside(name: str, blockers: list[Blocker]) -> tuple[Blocker, ...]:
    """Return the blockers of a body with its name before theirs."""
    return tuple(Blocker(f"{name}/{b.node}", b.op_type, b.reason) for b in blockers)


def entering(step: Step, emit: Emitter, first: int) -> list[Tensor]:
    """Return the tensors of the inputs from one on."""
    return [emit.input(step, at) for at in range(first, len(step.node.inputs))]
