"""Turns a TFLite file into an ONNX graph: read, evaluate, lay out, raise, assemble."""

from collections.abc import Mapping, Sequence

import onnx_ir as ir

import edgeml_converters.tflite_import.ops  # noqa: F401 - fills the table of operators
from edgeml_converters.tflite.blockers import Blocker, Refusal
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite_import.emitter import OPSET, Emitter, dtype_of, is_quantized
from edgeml_converters.tflite_import.evaluation import evaluate
from edgeml_converters.tflite_import.layout import assign_layout
from edgeml_converters.tflite_import.order import Order
from edgeml_converters.tflite_import.reading import read_program
from edgeml_converters.tflite_import.registry import registered_operators, support_of
from edgeml_converters.tflite_import.step import Step
from edgeml_runtime.errors import UnsupportedError

_IR_VERSION = 8
_NEWER_IR_VERSION = 10


def import_tflite(data: bytes, path: str, sizes: Mapping[str, tuple[int, ...]]) -> ir.Model:
    """Return the ONNX graph that computes what a TFLite file computes.

    Inputs and outputs keep names, types and the file's order of axes (images: channels last), as
    their users feed them so. Quantized tensors become QuantizeLinear and DequantizeLinear with the
    file's scales and zero points; weights that the file holds as 8-bit integers stay so.

    Args:
        data: The bytes of the file.
        path: What to call it.
        sizes: The shape of every input, by name.

    Raises:
        InputError: The file is damaged, or LiteRT cannot run it with these sizes.
        UnsupportedError: Operators have no ONNX form (all of them are listed).
    """
    program, tensors = read_program(data, path)
    evaluate(data, program, tensors, sizes)
    steps = [Step(operator, number) for number, operator in enumerate(program.operators)]
    layout = assign_layout(program, steps, lambda step: support_of(step).ports(step))
    names = [name for name, _ in (*program.inputs, *program.outputs)]
    emitter = Emitter(layout, names)
    inputs = [_input(name, tensor, emitter) for name, tensor in program.inputs]
    blockers = _raise_all(steps, emitter)
    if blockers:
        raise _refusal(path, blockers)
    outputs: list[ir.Value] = []
    for name, tensor in program.outputs:
        outputs.append(_output(name, tensor, emitter, (*inputs, *outputs)))
    graph = ir.Graph(
        inputs,
        outputs,
        nodes=emitter.nodes,
        initializers=emitter.initializers,
        opset_imports={"": emitter.opset},
        name="main",
    )
    version = _IR_VERSION if emitter.opset == OPSET else _NEWER_IR_VERSION
    return ir.Model(graph, ir_version=version, producer_name="edgeml")


def importable_operators() -> tuple[str, ...]:
    """Return the names of the TFLite operators that can be imported, sorted."""
    return registered_operators()


def _input(name: str, tensor: Tensor, emitter: Emitter) -> ir.Value:
    value = ir.Value(
        name=name,
        shape=ir.Shape(tensor.shape),
        type=ir.TensorType(ir.DataType.from_numpy(tensor.dtype)),
    )
    emitter.bind(tensor, emitter.taken(value, tensor), Order.FILE)
    return value


def _raise_all(steps: Sequence[Step], emitter: Emitter) -> list[Blocker]:
    """Raise every step; after a refusal go on, so that all blockers are found at once."""
    blockers: list[Blocker] = []
    for step in steps:
        support = support_of(step)
        known = all(emitter.is_known(tensor) for tensor in step.computed_inputs())
        emitter.begin(step)
        try:
            if known or not support.is_known:
                support.raise_step(step, emitter)
        except Refusal as refusal:
            blockers.append(Blocker(step.name, step.operator.code, str(refusal)))
    return blockers


def _refusal(path: str, blockers: Sequence[Blocker]) -> UnsupportedError:
    listed = "; ".join(str(blocker) for blocker in blockers)
    count = f"{len(blockers)} operator{'s have' if len(blockers) > 1 else ' has'}"
    return UnsupportedError(
        f"{count} no form in the graph: {listed}.",
        f"Add --to tflite: '{path}' is then bundled as it is.",
    )


def _output(name: str, tensor: Tensor, emitter: Emitter, taken: Sequence[ir.Value]) -> ir.Value:
    value = emitter.stored(tensor, Order.FILE)
    if value in taken or value.producer() is None:
        value = emitter.node("Identity", value)
    value.name = name
    value.shape = ir.Shape(tensor.shape)
    value.dtype = ir.DataType.from_numpy(tensor.dtype) if is_quantized(tensor) else dtype_of(tensor)
    return value
