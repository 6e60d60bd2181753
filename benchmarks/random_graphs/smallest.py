"""Finds the few nodes of a failing case that fail by themselves."""

from collections.abc import Iterator, Sequence

import onnx

from benchmarks.random_graphs.case import Case, case_of
from benchmarks.random_graphs.outcome import judge
from benchmarks.random_graphs.sketch import Known, Sketch


def smallest_failure(case: Case) -> Case:
    """Return the smallest part of a failing case that fails; the case itself if none does.

    A part is a node and those that it hangs on, up to some distance; what the part reads becomes
    its input, with the value that it has in the whole.
    """
    for part in _parts(case.sketch):
        if judge(part).verdict == "failed":
            return part
    return case


def _parts(sketch: Sketch) -> Iterator[Case]:
    """Yield the parts, the smaller first."""
    for reach in range(1, len(sketch.nodes) + 1):
        for last in sketch.nodes:
            yield _part(sketch, last, reach)


def _part(sketch: Sketch, last: onnx.NodeProto, reach: int) -> Case:
    makers = {name: node for node in sketch.nodes for name in node.output}
    wanted, level = {last.name}, [last]
    for _ in range(reach - 1):
        level = [makers[name] for node in level for name in node.input if name in makers]
        wanted |= {node.name for node in level}
    nodes = [node for node in sketch.nodes if node.name in wanted]
    made = {name for node in nodes for name in node.output}
    read = {name for node in nodes for name in node.input}
    inputs = [_as_input(t) for t in _values(sketch) if t.name in read - made]
    outputs = [t for t in _values(sketch) if t.name in last.output]
    return case_of(sketch, nodes, inputs, outputs)


def _values(sketch: Sketch) -> Sequence[Known]:
    return (*sketch.inputs, *sketch.computed)


def _as_input(tensor: Known) -> Known:
    return Known(tensor.name, tensor.array)
