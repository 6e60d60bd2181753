"""The table of operators: how each is written, laid out and quantized."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_ir as ir

from edgeml_converters.graph.closure import CLOSED
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import AGNOSTIC, SOURCE, Ports
from edgeml_converters.tflite.step import IntegerRule, Step, never

Lowering = Callable[[Step, Emitter], None]
"""Writes the TFLite operators of a step, or raises ``Refusal``."""


@dataclass(frozen=True)
class Support:
    """What the writer knows of one ONNX operator."""

    lower: Lowering
    ports: Callable[[Step], Ports]
    integer_rule: IntegerRule
    fuses_activation: bool


_TABLE: dict[str, Support] = {}


def lowering(
    *op_types: str,
    ports: Ports | Callable[[Step], Ports] = AGNOSTIC,
    integer: IntegerRule = never,
    fuses_activation: bool = False,
) -> Callable[[Lowering], Lowering]:
    """Register a function as the way to write some ONNX operators.

    Args:
        op_types: Their names in the standard operator set.
        ports: The orders of axes they work in, or a function of the step that tells.
        integer: The rule that decides whether a step computes in integers.
        fuses_activation: Whether the TFLite operator applies an activation itself.
    """

    def register(function: Lowering) -> Lowering:
        chosen = (lambda _: ports) if isinstance(ports, Ports) else ports
        for op_type in op_types:
            assert op_type not in _TABLE, op_type
            _TABLE[op_type] = Support(function, chosen, integer, fuses_activation)
        return function

    return register


def _refuse(step: Step, emit: Emitter) -> None:  # noqa: ARG001 - the signature of a lowering
    domain = f" of {step.node.domain}" if step.node.domain else ""
    raise Refusal(f"the operator{domain} has no TFLite form here")


_UNKNOWN = Support(_refuse, lambda _: SOURCE, never, fuses_activation=False)


def support_of(node: ir.Node) -> Support:
    """Return what is known of a node's operator; an unknown one refuses to be written."""
    return _TABLE.get(node.op_type, _UNKNOWN) if node.domain in {"", CLOSED} else _UNKNOWN


def is_supported(node: ir.Node) -> bool:
    """Return whether the table has the operator of a node."""
    return support_of(node) is not _UNKNOWN


def registered_ops() -> tuple[str, ...]:
    """Return the names of the ONNX operators in the table, sorted."""
    return tuple(sorted(_TABLE))
