"""Loop: WHILE over a 32-bit counter, the condition, the states, and all else that the body reads.

TFLite's WHILE has one list of tensors that enters, is handed on from round to round, and leaves.
Sequences that the body makes are tensors of full length in that list, of which each round writes
its element. The limit of the rounds is in the list as well when it is computed.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import constant_input, input_value, int_attribute
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.closing import UNLIMITED, starts
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.formula import Formula
from edgeml_converters.tflite.layout import SOURCE
from edgeml_converters.tflite.lowering import lower_graph
from edgeml_converters.tflite.ops.bodies import check_closed, check_results, entering, inside
from edgeml_converters.tflite.program import Operator, Program, Tensor
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, shape_of

_INT32 = np.dtype(np.int32)
_REMEDY = "only Loops with a constant number of rounds may change the sizes of their tensors"


@lowering("Loop", ports=SOURCE)
def lower_loop(step: Step, emit: Emitter) -> None:
    """Write the rounds as a WHILE."""
    check_closed(step)
    graph = step.node.attributes["body"].as_graph()
    states = int_attribute(step.node, "states", 0)
    counter = Tensor("counter", (), _INT32)
    body, blockers = lower_graph(graph, is_body=True, counter=(graph.inputs[0], counter))
    if blockers:
        raise Refusal("its body has no TFLite form", inside("body", blockers))
    given = [step.value(at) for at in range(2, 2 + states)]
    pairs = list(zip(list(graph.outputs)[1 : 1 + states], given, strict=True))
    check_results("its body", pairs, _REMEDY)
    _Loop(step, emit, body, counter, graph, states).write()


@dataclass
class _Loop:
    """A WHILE in the making: what is outside, in the body, and leaves the body, side by side."""

    step: Step
    emit: Emitter
    body: Emitter
    counter: Tensor
    graph: ir.Graph
    states: int
    outside: list[Tensor] = field(default_factory=list)
    ports: list[Tensor] = field(default_factory=list)
    results: list[Tensor] = field(default_factory=list)
    leaving: list[Tensor] = field(default_factory=list)

    def write(self) -> None:
        """Append the WHILE, with both of its graphs."""
        program = self.body.program
        count, *ports = [tensor for _, tensor in program.inputs]
        holds, *results = [tensor for _, tensor in program.outputs]
        given = entering(self.step, self.emit, 2)
        self._count(count)
        goes_on = self._goes_on(holds)
        limit = self._limit()
        for at in range(self.states):
            self._hand_on(given[at], ports[at], results[at], self.emit.output(self.step, at))
        self._sequences(results[self.states :])
        for tensor, port in zip(given[self.states :], ports[self.states :], strict=True):
            self._hand_on(tensor, port, port)
        program.inputs = [(tensor.name, tensor) for tensor in self.ports]
        program.outputs = [(tensor.name, tensor) for tensor in self.results]
        bodies = {
            "cond_subgraph_index": self._condition(goes_on, limit),
            "body_subgraph_index": program,
        }
        self.emit.control("WHILE", self.outside, self.leaving, bodies)

    def _hand_on(
        self, outside: Tensor, port: Tensor, result: Tensor, leaving: Tensor | None = None
    ) -> None:
        self.outside.append(outside)
        self.ports.append(port)
        self.results.append(result)
        self.leaving.append(self.emit.like(outside, "left") if leaving is None else leaving)

    def _count(self, count: Tensor) -> None:
        """Let the counter run, and convert it where the body reads it as 64-bit."""
        zero = self.emit.constant(f"{self.step.name}/first", np.array(0, _INT32))
        number = Formula(self.body, self.counter)
        following = number.make("ADD", self.counter, number.number(1, _INT32))
        self._hand_on(zero, self.counter, following)
        program = self.body.program
        if program.readers(count):
            types = {"in_data_type": "INT32", "out_data_type": "INT64"}
            program.operators.insert(0, Operator("CAST", [self.counter], [count], dict(types)))

    def _goes_on(self, holds: Tensor) -> Tensor | None:
        """Hand the condition on; return its port, ``None`` when it always holds."""
        always = constant_array(self.graph.outputs[0])
        if self._starts() and always is not None and bool(always.reshape(-1)[0]):
            return None
        name = f"{self.step.name}/condition"
        port = self.body.tensor(name, (), np.dtype(np.bool_))
        result = self.body.like(port, "next")
        self.body.reshape(holds, result)
        if self._starts() is None:
            outside = self.emit.tensor(name, (), port.dtype)
            self.emit.reshape(self.emit.input(self.step, 1), outside)
        else:
            outside = self.emit.constant(name, np.array(self._starts()))
        self._hand_on(outside, port, result)
        return port

    def _limit(self) -> Tensor | int | None:
        """Return the most rounds: a number, a port when it is computed, ``None`` for no limit."""
        if input_value(self.step.node, 0) is None:
            return None
        constant = constant_input(self.step.node, 0)
        if constant is not None:
            rounds = int(constant.reshape(-1)[0])
            return rounds if rounds < UNLIMITED else None
        name = f"{self.step.name}/limit"
        given = self.emit.input(self.step, 0)
        f = Formula(self.emit, given)
        narrow = self.emit.cast(f.make("MINIMUM", given, f.number(UNLIMITED, given.dtype)), _INT32)
        outside = self.emit.tensor(name, (), _INT32)
        self.emit.reshape(narrow, outside)
        port = self.body.tensor(name, (), _INT32)
        self._hand_on(outside, port, port)
        return port

    def _sequences(self, elements: list[Tensor]) -> None:
        """Write each round's element into the tensor of the whole sequence."""
        places: dict[int, Tensor] = {}
        for at, element in enumerate(elements, start=self.states):
            value = self.step.outputs[at]
            if value.shape is None:
                raise Refusal(
                    f"the length of its output {value.name} is only known at run time; export with "
                    "a constant number of rounds, or return states only"
                )
            shape = shape_of(value)
            if len(shape) not in places:
                places[len(shape)] = self._start(len(shape))
            name = f"{element.name}/sequence"
            sequence = self.body.tensor(name, shape, element.dtype)
            row = self.body.tensor(f"{element.name}/row", (1, *shape[1:]), element.dtype)
            written = self.body.like(sequence, "written")
            self.body.reshape(element, row)
            place = places[len(shape)]
            self.body.operator("DYNAMIC_UPDATE_SLICE", [sequence, row, place], [written])
            empty = self.emit.constant(f"{name}/empty", np.zeros(shape, element.dtype))
            self._hand_on(empty, sequence, written, self.emit.output(self.step, at))

    def _start(self, rank: int) -> Tensor:
        start = self.body.tensor(f"{self.step.name}/start", (rank,), _INT32)
        zero = self.body.constant(f"{self.step.name}/zero", np.array(0, _INT32))
        parts = [self.counter, *[zero] * (rank - 1)]
        self.body.operator("PACK", parts, [start], values_count=rank, axis=0)
        return start

    def _starts(self) -> bool | None:
        return starts(self.step.node)

    def _condition(self, goes_on: Tensor | None, limit: Tensor | int | None) -> Program:
        """Return the graph that says whether there is one more round."""
        emit = Emitter(self.body.layout)
        ports = [Tensor(emit.free_name(t.name), t.shape, t.dtype) for t in self.ports]
        of = dict(zip(map(id, self.ports), ports, strict=True))
        emit.program.inputs = [(port.name, port) for port in ports]
        f = Formula(emit, Tensor("goes_on", (), np.dtype(np.bool_)))
        tests = [] if goes_on is None else [of[id(goes_on)]]
        if limit is not None:
            most = of[id(limit)] if isinstance(limit, Tensor) else f.number(limit, _INT32)
            tests.append(f.test("LESS", of[id(self.counter)], most))
        if not tests:
            raise Refusal("it has neither a limit nor a condition, so it never ends")
        result = tests[0] if len(tests) == 1 else f.test("LOGICAL_AND", *tests)
        emit.program.outputs = [("goes_on", result)]
        return emit.program
