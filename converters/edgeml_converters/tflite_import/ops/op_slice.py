"""Taking parts: SLICE, STRIDED_SLICE, SPLIT, GATHER; and CONCATENATION, which joins them."""

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite_import.activation import activated
from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import AGNOSTIC, FILE, Ports
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.step import Step

_BACKWARD_END = -(2**31)  # past the first element, whatever the size


@importing("CONCATENATION", ports=AGNOSTIC)
def raise_concatenation(step: Step, emit: Emitter) -> None:
    """Add a Concat."""
    axis = emit.layout.reads[step].place(step.number_of("axis", 0), len(step.output.shape))
    parts = [emit.input(step, index) for index in range(len(step.operator.inputs))]
    emit.output(step, activated(step, emit, emit.node("Concat", *parts, axis=axis)))


@importing("SLICE", ports=AGNOSTIC)
def raise_slice(step: Step, emit: Emitter) -> None:
    """Add a Slice; the size -1 reaches to the end."""
    begins, shape = step.integers(1), step.input().shape
    ends = [
        whole if size < 0 else begin + size
        for begin, size, whole in zip(begins, step.integers(2), shape, strict=True)
    ]
    _add_slice(step, emit, begins, ends, (1,) * len(shape))


def _sliced_ports(step: Step) -> Ports:
    return FILE if step.number_of("shrink_axis_mask", 0) else AGNOSTIC


@importing("STRIDED_SLICE", ports=_sliced_ports)
def raise_strided_slice(step: Step, emit: Emitter) -> None:
    """Add a Slice, and a Reshape where single elements lose their axis."""
    for mask in ("ellipsis_mask", "new_axis_mask"):
        if step.number_of(mask, 0):
            raise Refusal(f"its {mask} is not supported")
    begins, ends, steps = (list(step.integers(index)) for index in (1, 2, 3))
    shape = step.input().shape
    for axis in range(len(begins)):
        forward = steps[axis] > 0
        if step.number_of("shrink_axis_mask", 0) >> axis & 1:
            begins[axis] %= shape[axis]
            ends[axis], steps[axis] = begins[axis] + 1, 1
            continue
        if step.number_of("begin_mask", 0) >> axis & 1:
            begins[axis] = 0 if forward else shape[axis] - 1
        if step.flag("offset"):
            ends[axis] += begins[axis]
        if step.number_of("end_mask", 0) >> axis & 1:
            ends[axis] = shape[axis] if forward else _BACKWARD_END
    _add_slice(step, emit, begins, ends, steps)


def _add_slice(
    step: Step,
    emit: Emitter,
    begins: tuple[int, ...] | list[int],
    ends: list[int],
    steps: tuple[int, ...] | list[int],
) -> None:
    shape, order = step.input().shape, emit.layout.reads[step]
    cut = [
        axis
        for axis, begin in enumerate(begins)
        if (begin, steps[axis]) != (0, 1) or ends[axis] < shape[axis]
    ]
    value = emit.input(step)
    if cut:
        value = emit.node(
            "Slice",
            value,
            emit.integers("starts", [begins[axis] for axis in cut]),
            emit.integers("ends", [ends[axis] for axis in cut]),
            emit.integers("axes", [order.place(axis, len(shape)) for axis in cut]),
            emit.integers("steps", [steps[axis] for axis in cut]),
        )
    if step.number_of("shrink_axis_mask", 0):
        value = emit.reshaped(emit.rounded(value, step.output), step.output.shape)
    emit.output(step, value)


@importing("SPLIT", "SPLIT_V", ports=AGNOSTIC)
def raise_split(step: Step, emit: Emitter) -> None:
    """Add a Split into the sizes of the outputs."""
    old = step.operator.code == "SPLIT"
    source, (axis,) = step.input(1 if old else 0), step.integers(0 if old else 2)
    outputs = step.operator.outputs
    sizes = emit.integers("sizes", [tensor.shape[axis] for tensor in outputs])
    place = emit.layout.reads[step].place(axis, len(source.shape))
    value = emit.real(source, emit.layout.reads[step])
    parts = [value]
    if len(outputs) > 1:
        parts = list(emit.node_of("Split", [value, sizes], {"axis": place}, len(outputs)))
    for index, part in enumerate(parts):
        emit.output(step, part, index)


@importing("GATHER")
def raise_gather(step: Step, emit: Emitter) -> None:
    """Add a Gather."""
    if step.number_of("batch_dims", 0):
        raise Refusal("its batch_dims are not supported")
    axis = step.number_of("axis", 0)
    emit.output(step, emit.node("Gather", emit.input(step), emit.input(step, 1), axis=axis))


@importing("GATHER_ND")
def raise_gather_nd(step: Step, emit: Emitter) -> None:
    """Add a GatherND; ONNX wants its indices 64 bits wide."""
    indices = emit.node("Cast", emit.input(step, 1), to=7)  # TensorProto.INT64
    emit.output(step, emit.node("GatherND", emit.input(step), indices))


@importing("REVERSE_V2", ports=AGNOSTIC)
def raise_reverse(step: Step, emit: Emitter) -> None:
    """Add a Slice that runs backward."""
    rank = len(step.output.shape)
    axes = [emit.layout.reads[step].place(axis, rank) for axis in step.integers(1)]
    made = emit.node(
        "Slice",
        emit.input(step),
        emit.integers("starts", [-1] * len(axes)),
        emit.integers("ends", [_BACKWARD_END] * len(axes)),
        emit.integers("axes", axes),
        emit.integers("steps", [-1] * len(axes)),
    )
    emit.output(step, made)
