"""One case: a graph that grew, what it is fed, and what onnxruntime makes of that."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

import benchmarks.random_graphs.elements
import benchmarks.random_graphs.images
import benchmarks.random_graphs.reductions
import benchmarks.random_graphs.shapes  # noqa: F401 - these fill the table of families
from benchmarks.random_graphs.registry import FAMILIES
from benchmarks.random_graphs.sketch import REFUSALS, Draw, Known, Sketch, assembled, run
from benchmarks.random_graphs.table import drawn_rows

OLDEST_OPSET, NEWEST_OPSET = 7, onnx.defs.onnx_opset_version()
_FEWEST_NODES, _MOST_NODES = 3, 15
_MOST_TRIES = 60
_MOST_OUTPUTS = 5


@dataclass(frozen=True)
class Case:
    """A graph and what it gives.

    Args:
        model: The graph.
        inputs: What it is fed.
        expected: Its outputs in onnxruntime.
        sketch: How it grew.
    """

    model: onnx.ModelProto
    inputs: Mapping[str, np.ndarray]
    expected: Mapping[str, np.ndarray]
    sketch: Sketch

    @property
    def op_types(self) -> tuple[str, ...]:
        """The operators, in order."""
        return tuple(node.op_type for node in self.model.graph.node)


def seeded(seed: int) -> Draw:
    """Return a source of choices."""
    return random.Random(seed).randint  # noqa: S311 - reproducible on purpose


def grow(draw: Draw, seed: int) -> Case:
    """Return a random case.

    Args:
        draw: Makes the choices of structure.
        seed: Of the values.
    """
    sketch = Sketch(draw, seed, draw(OLDEST_OPSET, NEWEST_OPSET))
    wanted = draw(_FEWEST_NODES, _MOST_NODES)
    sketch.input("float32", sketch.choose((4, 4, 4, 3, 2, 1)))
    options = drawn_rows(sketch.opset)
    for _ in range(_MOST_TRIES):
        if len(sketch.nodes) >= wanted:
            break
        row = sketch.choose(options)
        FAMILIES[row.family](sketch, row)
    while True:
        try:
            return finished(sketch)
        except REFUSALS:  # onnxruntime takes the nodes one by one, and not all of them together
            sketch.drop_last()


def finished(sketch: Sketch) -> Case:
    """Return the case of a sketch: what no node reads leaves it, and some of the rest."""
    read = {name for node in sketch.nodes for name in node.input}
    used = [t for t in sketch.inputs if t.name in read]
    leaves = [t for t in sketch.computed if t.name not in read]
    outputs = leaves[-_MOST_OUTPUTS:]
    inner = [t for t in sketch.computed if t.name in read]
    if inner and sketch.chance(4):
        outputs.append(sketch.choose(inner))
    free = [t.name for t in used if t.rank >= 2 and t.shape[0] == 1]
    if sketch.chance(6):
        case = case_of(sketch, sketch.nodes, used, outputs, free)
        if all(o.type.tensor_type.HasField("shape") for o in case.model.graph.output):
            return case
    return case_of(sketch, sketch.nodes, used, outputs)


def case_of(
    sketch: Sketch,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Known],
    outputs: Sequence[Known],
    free_batch: Sequence[str] = (),
) -> Case:
    """Return the case of some nodes of a sketch."""
    constants = {t.name: t for t in sketch.constants}
    read = {name for node in nodes for name in node.input}
    given = [t for name, t in constants.items() if name in read]
    by_node = [t for t in given if t.name in sketch.made_by_node]
    made = [
        onnx.helper.make_node(
            "Constant", [], [t.name], value=onnx.numpy_helper.from_array(t.array), name=t.name
        )
        for t in by_node
    ]
    model = assembled(
        [*made, *nodes],
        inputs,
        [t.name for t in outputs],
        [t for t in given if t.name not in sketch.made_by_node],
        opset=sketch.opset,
        free_batch=free_batch,
    )
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    feeds = {t.name: t.array for t in inputs}
    values = run(model, feeds)
    names = [t.name for t in outputs]
    return Case(model, feeds, dict(zip(names, values, strict=True)), sketch)
