"""Runs a TFLite file once in LiteRT, for what the file alone does not say.

These are the shapes of all tensors, which follow from the sizes of the inputs, and the values of
those that do not depend on the inputs' values: sizes that are computed, weights that are decoded.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeml_converters.tflite.program import Operator, Program, Tensor
from edgeml_runtime.errors import InputError

_NOT_FIXED = frozenset(
    {
        "ASSIGN_VARIABLE",
        "CALL",
        "CALL_ONCE",
        "IF",
        "MULTINOMIAL",
        "RANDOM_STANDARD_NORMAL",
        "RANDOM_UNIFORM",
        "READ_VARIABLE",
        "VAR_HANDLE",
        "WHILE",
    }
)


def evaluate(
    data: bytes,
    program: Program,
    tensors: Sequence[Tensor],
    sizes: Mapping[str, tuple[int, ...]],
) -> None:
    """Set the shapes of all tensors, and turn into constants what does not depend on the inputs.

    Args:
        data: The file.
        program: Its main graph; changed in place.
        tensors: All its tensors, in the order of the file; changed in place.
        sizes: The shape of every input, by name.

    Raises:
        InputError: LiteRT cannot load the file, or cannot run it with these sizes.
    """
    fixed = _fixed_operators(program)
    computed = [tensor for operator in fixed for tensor in operator.outputs]
    places = {id(tensor): index for index, tensor in enumerate(tensors)}
    try:
        interpreter = _interpreter(data)
        for name, tensor in program.inputs:
            interpreter.resize_tensor_input(places[id(tensor)], list(sizes[name]))
        interpreter.allocate_tensors()
        if fixed:
            for name, tensor in program.inputs:
                zeros = np.zeros(sizes[name], tensor.dtype)
                interpreter.set_tensor(places[id(tensor)], zeros)
            interpreter.invoke()
        details = {int(entry["index"]): entry for entry in interpreter.get_tensor_details()}
        for tensor in computed:
            tensor.data = interpreter.get_tensor(places[id(tensor)])
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"LiteRT cannot run the model with inputs of these sizes: {reason}.",
            "Give sizes that the model was made for with --input-shape NAME:SIZES.",
        ) from error
    for index, tensor in enumerate(tensors):
        if index in details:
            tensor.shape = tuple(int(size) for size in details[index]["shape"])
    program.operators = [entry for entry in program.operators if entry not in fixed]


def _interpreter(data: bytes) -> Interpreter:
    return Interpreter(
        model_content=data,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )


def _fixed_operators(program: Program) -> list[Operator]:
    """Return the operators whose results follow from constants and shapes, in their order."""
    known: set[int] = set()
    fixed = []
    for operator in program.operators:
        if operator.code in _NOT_FIXED or operator.code.startswith("CUSTOM:"):
            continue
        given = [tensor for tensor in operator.inputs if tensor is not None]
        if not given or any(tensor.dtype.kind not in "biuf" for tensor in operator.outputs):
            continue
        if operator.code == "DEQUANTIZE" and given[0].affine is not None:
            continue  # quantized weights stay quantized
        if operator.code in {"SHAPE", "RANK"} or all(
            tensor.data is not None or id(tensor) in known for tensor in given
        ):
            fixed.append(operator)
            known.update(id(tensor) for tensor in operator.outputs)
    return fixed
