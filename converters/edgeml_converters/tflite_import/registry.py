"""The table of TFLite operators: how each becomes ONNX nodes, and in which orders of axes."""

from collections.abc import Callable
from dataclasses import dataclass

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import FILE, Ports
from edgeml_converters.tflite_import.step import Step

Raising = Callable[[Step, Emitter], None]
"""Adds the ONNX nodes of a step, or raises ``Refusal``."""


@dataclass(frozen=True)
class Support:
    """What the importer knows of one TFLite operator; ``is_known`` is false where it is nothing."""

    raise_step: Raising
    ports: Callable[[Step], Ports]
    is_known: bool = True


_TABLE: dict[str, Support] = {}


def importing(
    *codes: str, ports: Ports | Callable[[Step], Ports] = FILE
) -> Callable[[Raising], Raising]:
    """Register a function as the way to import some TFLite operators.

    Args:
        codes: Their names in the schema; a custom operator's is ``CUSTOM:`` and its own name.
        ports: The orders of axes they work in, or a function of the step that tells.
    """

    def register(function: Raising) -> Raising:
        chosen = (lambda _: ports) if isinstance(ports, Ports) else ports
        for code in codes:
            assert code not in _TABLE, code
            _TABLE[code] = Support(function, chosen)
        return function

    return register


_STATEFUL = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"})
_CONTROL = frozenset({"CALL", "IF", "WHILE"})


def _refuse(step: Step, emit: Emitter) -> None:  # noqa: ARG001 - the signature of a raising
    code = step.operator.code
    if code in _STATEFUL:
        raise Refusal("variables that last from one run to the next have no form in the graph")
    if code in _CONTROL:
        raise Refusal("control flow has no form in the graph here")
    if code.startswith("CUSTOM:"):
        raise Refusal("what a custom operator computes is not known")
    raise Refusal("the operator has no ONNX form here")


_UNKNOWN = Support(_refuse, lambda _: FILE, is_known=False)


def support_of(step: Step) -> Support:
    """Return what is known of a step's operator; an unknown one refuses to be imported."""
    return _TABLE.get(step.operator.code, _UNKNOWN)


def registered_operators() -> tuple[str, ...]:
    """Return the names of the TFLite operators in the table, sorted."""
    return tuple(sorted(_TABLE))
