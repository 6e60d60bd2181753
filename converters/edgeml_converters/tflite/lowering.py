"""Lowers one graph, the main one or the body of a node: plan, lay out, write step by step."""

from collections.abc import Iterator

import onnx_ir as ir

from edgeml_converters.tflite.blockers import Blocker, Refusal
from edgeml_converters.tflite.border import bind_inputs, bind_outputs
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import assign_layout
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite.registry import support_of
from edgeml_converters.tflite.step import Step, plan

SENSELESS = (ArithmeticError, LookupError, TypeError, ValueError)
"""What arithmetic on sizes raises where a file gives absurd ones, which the rules of ONNX allow."""


def lower_graph(
    graph: ir.Graph,
    *,
    is_body: bool = False,
    counter: tuple[ir.Value, Tensor] | None = None,
) -> tuple[Emitter, list[Blocker]]:
    """Write the program of a prepared graph; return every node that has no TFLite form.

    Args:
        graph: All shapes known, bodies closed.
        is_body: Whether it is the body of a node, whose inputs and outputs keep their order.
        counter: An input that counts rounds, and its tensor as int32.
    """
    steps = plan(
        graph,
        lambda node: support_of(node).fuses_activation,
        lambda node: support_of(node).integer_rule,
    )
    layout = assign_layout(
        graph, steps, lambda step: support_of(step.node).ports(step), is_body=is_body
    )
    emitter = Emitter(layout)
    if counter is not None:
        emitter.counters[counter[0]] = counter[1]
    blockers = [*bind_inputs(graph, emitter), *_lower(steps, emitter)]
    return emitter, blockers or bind_outputs(graph, emitter, is_body=is_body)


def _lower(steps: list[Step], emitter: Emitter) -> list[Blocker]:
    """Lower every step; after a refusal go on, so that all blockers are found at once."""
    blockers: list[Blocker] = []
    for step in steps:
        if not all(emitter.is_known(value) for value in step.data_inputs()):
            continue  # hangs on a refused node: nothing can be said of it
        try:
            support_of(step.node).lower(step, emitter)
        except Refusal as refusal:
            blockers += _blockers(step, refusal)
            _stand_in(step, emitter)
        except SENSELESS as error:
            reason = f"its sizes or attributes do not make sense ({error})"
            blockers.append(Blocker(step.name, step.node.op_type, reason))
            _stand_in(step, emitter)
    return blockers


def _blockers(step: Step, refusal: Refusal) -> Iterator[Blocker]:
    """Yield the nodes inside a refused one, where they are the reason, or else the node."""
    for inner in refusal.inside:
        yield Blocker(f"{step.name}/{inner.node}", inner.op_type, inner.reason)
    if not refusal.inside:
        yield Blocker(step.name, step.node.op_type, str(refusal))


def _stand_in(step: Step, emitter: Emitter) -> None:
    for index in range(len(step.outputs)):
        try:
            emitter.output(step, index)
        except Refusal:
            continue
