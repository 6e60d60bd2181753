"""A graph in the making: its tensors with their values, and what a next node would give.

Knows ONNX and runs onnxruntime; must not know which operators there are.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

REFUSALS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
"""What onnxruntime raises about a node that it cannot run."""

Draw = Callable[[int, int], int]
"""Returns an integer from the first to the second, both included."""

_ROUNDING = 2e-7
_LARGEST_ERROR = 1.5e-5
_LARGEST_VALUE = 1e4
_LARGEST_INTEGER = 1 << 22
_MOST_ELEMENTS = 4000
_MOST_INPUTS = 4


@dataclass(frozen=True, eq=False)
class Known:
    """A tensor whose value is known.

    Args:
        name: In the graph.
        array: Its value.
        error: How much rounding may have moved an element, as a share of the range.
        constant: Whether it is a weight or parameter.
    """

    name: str
    array: np.ndarray
    error: float = 0.0
    constant: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return tuple(self.array.shape)

    @property
    def rank(self) -> int:
        """The number of its axes."""
        return int(self.array.ndim)

    @property
    def dtype(self) -> str:
        """The name of its element type."""
        return str(self.array.dtype.name)

    def disturbed(self, rng: np.random.Generator, times: float) -> np.ndarray:
        """Return the value moved by the error in either direction."""
        if not self.error or self.array.dtype.kind != "f":
            return self.array
        step = times * self.error * span(self.array)
        moved = self.array + step * rng.choice((-1.0, 1.0), self.array.shape)
        return np.asarray(moved, self.array.dtype)


def span(array: np.ndarray) -> float:
    """Return the range of an array's elements, or the largest where that is greater."""
    if not array.size:
        return 1.0
    wide = array.astype(np.float64)
    return max(float(np.ptp(wide)), float(np.abs(wide).max()), 1e-6)


class Sketch:
    """The graph so far.

    Args:
        draw: Makes every choice of structure.
        seed: Of the values.
        opset: Of the graph.
    """

    def __init__(self, draw: Draw, seed: int, opset: int) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[Known] = []
        self.constants: list[Known] = []
        self.computed: list[Known] = []
        self.made_by_node: set[str] = set()

    # Choices --------------------------------------------------------------------------------------

    def choose(self, options: Sequence[Any]) -> Any:  # noqa: ANN401 - an element of the options
        """Draw one of some options."""
        return options[self.draw(0, len(options) - 1)]

    def chance(self, one_in: int) -> bool:
        """Draw whether what happens once in so many times happens."""
        return self.draw(1, one_in) == one_in

    def between(self, low: float, high: float) -> float:
        """Draw a number of few digits."""
        return round(low + (high - low) * self.draw(0, 20) / 20, 6)

    def axis(self, rank: int) -> int:
        """Draw an axis, at times counted from the end."""
        return self.draw(-rank, rank - 1)

    def pick(self, types: Sequence[str], ranks: Sequence[int] = (0, 1, 2, 3, 4, 5)) -> Known | None:
        """Draw a tensor of some types and ranks, late ones more often; if there is none, an input.

        Returns:
            ``None`` if there is none and the graph has inputs enough.
        """
        known = [*self.inputs, *self.computed]
        fitting = [t for t in known if t.dtype in types and t.rank in ranks and t.array.size]
        if fitting and not self.chance(12):
            late = fitting[-3:] if self.chance(2) else fitting
            picked: Known = self.choose(late)
            return picked
        if len(self.inputs) >= _MOST_INPUTS:
            return None
        return self.input(self.choose(types), self.choose(ranks))

    # Tensors --------------------------------------------------------------------------------------

    def input(self, dtype: str, rank: int) -> Known:
        """Add an input of drawn sizes; from rank 3 on, the first is a batch of mostly 1."""
        sizes = [self.draw(1, 7) for _ in range(rank)]
        if rank >= 3:
            sizes[0] = self.draw(1, 2) if self.chance(4) else 1
        made = Known(f"x{len(self.inputs)}", self.values(dtype, tuple(sizes)))
        self.inputs.append(made)
        return made

    def values(self, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return values of one of several distributions."""
        kind = np.dtype(dtype).kind
        if kind == "b":
            return np.asarray(self.rng.integers(0, 2, shape) == 1)
        if kind in "iu":
            low = 0 if kind == "u" else -9
            return np.asarray(self.rng.integers(low, 10, shape), dtype)
        drawn = (
            self.rng.standard_normal(shape),
            self.rng.uniform(0.05, 0.95, shape),
            self.rng.uniform(1.0, 3.0, shape),
            self.rng.integers(-3, 4, shape),
        )
        return np.asarray(self.choose(drawn), dtype)

    def constant(self, array: np.ndarray) -> Known:
        """Add a constant, or take one that is there already."""
        for known in self.constants:
            same = known.shape == array.shape and known.array.dtype == array.dtype
            if same and np.array_equal(known.array, array):
                return known
        made = Known(f"c{len(self.constants)}", array, constant=True)
        if self.chance(4):
            self.made_by_node.add(made.name)
        self.constants.append(made)
        return made

    def weights(self, *shape: int) -> Known:
        """Return weights of a shape: at times ones that another node has too."""
        shared = [t for t in self.constants if t.shape == shape and t.dtype == "float32"]
        if shared and self.chance(3):
            picked: Known = self.choose(shared)
            return picked
        scale = 1.0 / math.sqrt(max(math.prod(shape[1:]), 1))
        return self.constant(np.asarray(self.rng.standard_normal(shape) * scale, np.float32))

    # Nodes ----------------------------------------------------------------------------------------

    def add(
        self,
        op_type: str,
        sources: Sequence[Known | None],
        parameters: Mapping[str, Any] | None = None,
        *,
        outputs: int = 1,
        rounding: str = "relative",
    ) -> list[Known] | None:
        """Add a node if it can be: see the package.

        Args:
            op_type: The operator.
            sources: Its inputs.
            parameters: By name; inputs or attributes, as the operator set has them.
            outputs: How many it has.
            rounding: ``relative`` to the range, ``absolute``, or ``none``.

        Returns:
            Its outputs, or ``None`` if it was not added.
        """
        placed = self._placed(op_type, sources, parameters or {})
        if placed is None:
            return None
        given, attributes = placed
        names = [f"t{len(self.nodes)}" + (f"_{at}" if at else "") for at in range(outputs)]
        node = helper.make_node(
            op_type,
            ["" if source is None else source.name for source in given],
            names,
            name=f"{op_type.lower()}{len(self.nodes)}",
            **attributes,
        )
        made = self._evaluated(node, [t for t in given if t is not None], rounding)
        if made is None:
            return None
        self.nodes.append(node)
        self.computed.extend(made)
        return made

    def drop_last(self) -> None:
        """Take the last node away."""
        made = set(self.nodes.pop().output)
        self.computed = [tensor for tensor in self.computed if tensor.name not in made]

    def _placed(
        self, op_type: str, sources: Sequence[Known | None], parameters: Mapping[str, Any]
    ) -> tuple[list[Known | None], dict[str, Any]] | None:
        schema = onnx.defs.get_schema(op_type, self.opset)
        places = {value.name.lower(): at for at, value in enumerate(schema.inputs)}
        given, attributes = list(sources), {}
        for name, value in parameters.items():
            if name in schema.attributes:
                plain = value.tolist() if isinstance(value, np.ndarray) else value
                attributes[name] = plain
            elif name in places:
                given.extend([None] * (places[name] + 1 - len(given)))
                given[places[name]] = self.constant(np.asarray(value))
            else:
                return None
        return given, attributes

    def _evaluated(
        self, node: onnx.NodeProto, sources: Sequence[Known], rounding: str
    ) -> list[Known] | None:
        try:
            model = single_node(node, sources, self.opset)
            values = run(model, {t.name: t.array for t in sources if not t.constant})
            if not all(_is_moderate(value) for value in values):
                return None
            floats = all(value.dtype.kind == "f" for value in values)
            moved = {
                t.name: t.disturbed(self.rng, 1.0 if floats else 10.0)
                for t in sources
                if not t.constant
            }
            others = run(model, moved)
        except REFUSALS:
            return None
        made = []
        for name, value, other in zip(node.output, values, others, strict=True):
            error = _moved(value, other) + _rounding(value, rounding)
            if error > _LARGEST_ERROR:
                return None
            made.append(Known(name, value, error if value.dtype.kind == "f" else 0.0))
        return made


def _is_moderate(value: np.ndarray) -> bool:
    if value.size > _MOST_ELEMENTS or value.size == 0 or not np.isfinite(value).all():
        return False
    limit = _LARGEST_VALUE if value.dtype.kind == "f" else _LARGEST_INTEGER
    return value.dtype.kind == "b" or bool(np.abs(value.astype(np.float64)).max() <= limit)


def _rounding(value: np.ndarray, kind: str) -> float:
    """Return what an operator itself may be off by, as a share of the range."""
    if kind == "none":
        return 0.0
    return _ROUNDING if kind == "relative" else _ROUNDING / min(1.0, span(value))


def _moved(value: np.ndarray, other: np.ndarray) -> float:
    """Return how far a disturbance moved a value, as a share of its range."""
    if value.dtype.kind != "f":
        return 0.0 if np.array_equal(value, other) else np.inf
    apart = np.abs(value.astype(np.float64) - other.astype(np.float64))
    worst = float(apart.max())
    return 2 * worst / span(value) if np.isfinite(worst) else np.inf


def single_node(node: onnx.NodeProto, sources: Sequence[Known], opset: int) -> onnx.ModelProto:
    """Return a model of one node, constants being constants."""
    unique = list({t.name: t for t in sources}.values())
    return assembled(
        [node],
        [t for t in unique if not t.constant],
        list(node.output),
        [t for t in unique if t.constant],
        opset=opset,
    )


def assembled(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Known],
    outputs: Sequence[str],
    constants: Sequence[Known],
    *,
    opset: int,
    free_batch: Sequence[str] = (),
) -> onnx.ModelProto:
    """Return a model; its outputs have the types and shapes that onnx infers."""
    infos = []
    for tensor in inputs:
        shape: list[int | str] = list(tensor.shape)
        if tensor.name in free_batch:
            shape[0] = "batch"
        kind = helper.np_dtype_to_tensor_dtype(tensor.array.dtype)
        infos.append(helper.make_tensor_value_info(tensor.name, kind, shape))
    graph = helper.make_graph(
        list(nodes),
        "random",
        infos,
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(t.array, t.name) for t in constants],
    )
    opsets = [helper.make_opsetid("", opset)]
    version = max(helper.find_min_ir_version_for(opsets), 4)
    return helper.make_model(graph, opset_imports=opsets, ir_version=version)


def run(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Run a model in onnxruntime, operator by operator as they stand."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return [np.asarray(value) for value in session.run(None, dict(feeds))]
