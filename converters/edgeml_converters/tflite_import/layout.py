"""Decides in which order of axes every step reads and writes.

ONNX's convolutions and pools want channels first, reshapes want the order of the file, most others
take either. A tensor that is written in one order and read in the other costs one Transpose,
however many readers it has; the assignment with the fewest is a minimum cut, as in the writer.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.min_cut import cheapest_sides
from edgeml_converters.tflite.program import Program, Tensor
from edgeml_converters.tflite_import.order import Order, is_indifferent
from edgeml_converters.tflite_import.step import Step


@dataclass(frozen=True)
class Ports:
    """The orders that a step can work in.

    Args:
        reads: The order of its computed inputs; ``None`` if it takes either.
        writes: The order of its outputs; ``None`` if it can make either.
        tied: Whether it writes in the order it reads, when both are free.
    """

    reads: Order | None
    writes: Order | None
    tied: bool = False


AGNOSTIC = Ports(None, None, tied=True)
CHANNELS_FIRST = Ports(Order.CHANNELS_FIRST, Order.CHANNELS_FIRST)
FILE = Ports(Order.FILE, Order.FILE)


@dataclass(frozen=True)
class Layout:
    """The answer: the order each step reads in, and in which each computed tensor is written."""

    reads: dict[Step, Order]
    written: dict[Tensor, Order]


def assign_layout(
    program: Program, steps: Sequence[Step], ports_of: Callable[[Step], Ports]
) -> Layout:
    """Return the assignment with the fewest transposes; inputs and outputs keep the file's order.

    Args:
        program: All shapes known.
        steps: Its operators.
        ports_of: What a step can work in; a refusal counts as the order of the file.
    """
    fixed: dict[Hashable, Order] = {order: order for order in Order}
    writers: dict[Tensor, Hashable] = {tensor: Order.FILE for _, tensor in program.inputs}
    readers: dict[Tensor, list[Hashable]] = {tensor: [Order.FILE] for _, tensor in program.outputs}
    items: dict[Step, tuple[Hashable, Hashable]] = {}
    for step in steps:
        port = _ports(step, ports_of)
        items[step] = (step, step) if port.tied else ((step, "reads"), (step, "writes"))
        orders = zip(items[step], (port.reads, port.writes), strict=True)
        fixed |= {item: order for item, order in orders if order is not None}
        for tensor in step.computed_inputs():
            readers.setdefault(tensor, []).append(items[step][0])
        for tensor in step.operator.outputs:
            writers[tensor] = items[step][1]
    first = _solve(writers, readers, fixed)

    def side(item: Hashable) -> Order:
        return Order.CHANNELS_FIRST if item in first else Order.FILE

    return Layout(
        reads={step: side(reading) for step, (reading, _) in items.items()},
        written={tensor: side(item) for tensor, item in writers.items()},
    )


def _ports(step: Step, ports_of: Callable[[Step], Ports]) -> Ports:
    try:
        return ports_of(step)
    except Refusal:
        return FILE  # told again, with its reason, when the step is imported


def _solve(
    writers: dict[Tensor, Hashable],
    readers: dict[Tensor, list[Hashable]],
    fixed: dict[Hashable, Order],
) -> set[Hashable]:
    transpose_cost = 2 + 2 * sum(math.prod(tensor.shape) for tensor in writers)
    nets: list[tuple[int, list[Hashable]]] = []
    for tensor, writer in writers.items():
        if len(tensor.shape) < 3 or tensor not in readers:
            continue
        # Where only axes of size 1 move, a Reshape does it, which copies nothing.
        half = is_indifferent(tensor.shape)
        cost = transpose_cost // 2 if half else transpose_cost + math.prod(tensor.shape)
        nets.append((cost, [writer, *readers[tensor]]))
    sides: dict[Order, list[Hashable]] = {order: [] for order in Order}
    for item, order in fixed.items():
        sides[order].append(item)
    return cheapest_sides(nets, sides[Order.CHANNELS_FIRST], sides[Order.FILE])
