"""Decides in which order of axes every step reads and writes.

Convolutions and pools want channels last, reshapes want the order of the source, most others take
either. Each tensor that is written in one order and read in the other costs one TRANSPOSE, however
many readers it has. Finding the assignment with the fewest (then the smallest) transposes is a
minimum cut of the hypergraph whose nets are the tensors, so the answer is the best there is.
"""

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

import onnx_ir as ir

from edgeml_converters.graph.axis_layout import BorderLayouts, border_layouts
from edgeml_converters.graph.constants import static_shape
from edgeml_converters.tflite.min_cut import cheapest_sides
from edgeml_converters.tflite.order import Order, is_indifferent
from edgeml_converters.tflite.quantization import is_dequantize, is_quantize, unquantized
from edgeml_converters.tflite.step import Step


@dataclass(frozen=True)
class Ports:
    """The orders that a step can work in.

    Args:
        reads: The order its inputs must have; ``None`` if it takes either.
        writes: The order its outputs have; ``None`` if it can make either.
        tied: Whether it writes in the order it reads, when both are free.
    """

    reads: Order | None
    writes: Order | None
    tied: bool = False


AGNOSTIC = Ports(None, None, tied=True)
CHANNELS_LAST = Ports(Order.CHANNELS_LAST, Order.CHANNELS_LAST)
SOURCE = Ports(Order.SOURCE, Order.SOURCE)


@dataclass(frozen=True)
class Layout:
    """The answer: the order each step reads in, and in which each value is written.

    ``written`` is keyed by the value at the start of a chain of quantize and dequantize nodes.
    """

    reads: dict[Step, Order]
    written: dict[ir.Value, Order]
    outputs: dict[ir.Value, Order]

    def order_of(self, value: ir.Value) -> Order:
        """Return the order in which a value was made."""
        return self.written.get(unquantized(value), Order.SOURCE)


def assign_layout(
    graph: ir.Graph,
    steps: Iterable[Step],
    ports_of: Callable[[Step], Ports],
    *,
    is_body: bool = False,
) -> Layout:
    """Return the assignment with the fewest transposes.

    Args:
        graph: All shapes known.
        steps: The steps of the graph.
        ports_of: What a step's operator can work in.
        is_body: Whether the graph is the body of a node: what enters and leaves it keeps the order
            of the source.
    """
    working = [s for s in steps if not is_quantize(s.node) and not is_dequantize(s.node)]
    ports = {step: ports_of(step) for step in working}
    fixed: dict[Hashable, Order] = {order: order for order in Order}
    readers: dict[ir.Value, list[Hashable]] = {}
    writers: dict[ir.Value, Hashable] = {}
    for step, port in ports.items():
        items = _items(step, port)
        orders = zip(items, (port.reads, port.writes), strict=True)
        fixed |= {item: order for item, order in orders if order is not None}
        for value in step.data_inputs():
            readers.setdefault(unquantized(value), []).append(items[0])
        for value in step.outputs:
            writers[value] = items[1]
    layouts = BorderLayouts({}, {}) if is_body else border_layouts(graph)
    inputs = {value: _border(layouts.inputs.get(value.name, "")) for value in graph.inputs}
    writers |= dict(inputs)
    outputs = {value: _border(layouts.outputs.get(value.name, "")) for value in graph.outputs}
    for value, order in outputs.items():
        readers.setdefault(unquantized(value), []).append(order)
    last = _solve(writers, readers, fixed)
    return Layout(
        reads={step: _side(_items(step, port)[0], last) for step, port in ports.items()},
        written={value: _side(item, last) for value, item in writers.items()},
        outputs=outputs,
    )


def _items(step: Step, port: Ports) -> tuple[Hashable, Hashable]:
    """Return what stands for the reading and the writing side of a step in the cut."""
    return (step, step) if port.tied else ((step, "reads"), (step, "writes"))


def _side(item: Hashable, last: set[Hashable]) -> Order:
    return Order.CHANNELS_LAST if item in last else Order.SOURCE


def _solve(
    writers: dict[ir.Value, Hashable],
    readers: dict[ir.Value, list[Hashable]],
    fixed: dict[Hashable, Order],
) -> set[Hashable]:
    shapes = {value: static_shape(value) or () for value in writers}
    transpose_cost = 2 + 2 * sum(math.prod(shape) for shape in shapes.values())
    nets: list[tuple[int, list[Hashable]]] = []
    for value, writer in writers.items():
        shape = shapes[value]
        if len(shape) < 3 or value not in readers:
            continue
        # Where only axes of size 1 move, a RESHAPE does it, which copies nothing.
        cost = transpose_cost // 2 if is_indifferent(shape) else transpose_cost + math.prod(shape)
        nets.append((cost, [writer, *readers[value]]))
    sides: dict[Order, list[Hashable]] = {order: [] for order in Order}
    for item, order in fixed.items():
        sides[order].append(item)
    return cheapest_sides(nets, sides[Order.CHANNELS_LAST], sides[Order.SOURCE])


def _border(layout: str) -> Order:
    """Return the order of an input or output: images are channels-last in TFLite."""
    return Order.CHANNELS_LAST if layout == "NCHW" else Order.SOURCE
