"""The tensors of an ONNX graph, read through a copy with more outputs.

onnxruntime never removes an output, so its fusions stop at each tensor that is asked for. Operators
between QuantizeLinear and DequantizeLinear are then computed in float between the roundings, which
gives the integer kernels' numbers, but for a step where a sum lies at the middle of two.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgeml_converters.graph import copy_model
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.graph.passes import infer_shapes
from edgeml_converters.layers.network import INPUT, Grid, LayerTensor, Network, Shape
from edgeml_converters.layers.onnx_isolation import cut
from edgeml_converters.layers.onnx_weights import onnx_weights
from edgeml_converters.layers.weights import Weights
from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.errors import UnsupportedError
from edgeml_runtime.tensors import TensorSpec

_REAL = {ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE}
_LIMIT_BYTES = 2**31 - 1


class OnnxLayers:
    """An ONNX model whose tensors can be read; see ``LayeredModel``.

    Args:
        graph: The model; it is not changed.
        inputs: What it is fed.
        outputs: What comes out.
    """

    def __init__(
        self, graph: ir.Model, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        self._model = copy_model(graph)
        infer_shapes(self._model)
        self.inputs = inputs
        self.outputs = outputs
        self.network = _Reader(self._model.graph).network()

    def weights(self, position: int) -> Weights | None:
        """Return the integer weights of the operator that makes a tensor."""
        tensor = self.network.tensors[position]
        for name in tensor.names:
            node = self._makers.get(name)
            if node is not None and node.op_type == tensor.op:
                return onnx_weights(node)
        return None

    @cached_property
    def _makers(self) -> Mapping[str, ir.Node]:
        """The node that makes each value, by the value's name."""
        return {value.name or "": node for node in self._model.graph for value in node.outputs}

    def tap(self, positions: Sequence[int], cuts: Sequence[int] = ()) -> "OnnxTaps":
        """Open the model so that it shows the tensors at *positions*; see ``LayeredModel``.

        Raises:
            UnsupportedError: The model is too large for a copy in memory.
        """
        wanted = [str(self.network.tensors[at].handle) for at in positions]
        given = [self.network.tensors[at] for at in cuts]
        copy = copy_model(self._model)
        values = ir.convenience.create_value_mapping(copy.graph)
        copy.graph.outputs.clear()
        copy.graph.outputs.extend(values[name] for name in dict.fromkeys(wanted))
        names = cut(copy, given)
        RemoveUnusedNodesPass()(copy)  # what comes after the last of them need not be run
        feeds = tuple(zip(names, (tensor.grid for tensor in given), strict=True))
        return OnnxTaps(open_engine("onnxruntime", _serialized(copy)), wanted, feeds)


class OnnxTaps:
    """See ``Taps``."""

    def __init__(
        self, engine: Engine, names: Sequence[str], cuts: Sequence[tuple[str, Grid | None]]
    ) -> None:
        self._engine = engine
        self._names = names
        self._cuts = cuts

    def run(
        self, inputs: Mapping[str, np.ndarray], given: Sequence[np.ndarray] = ()
    ) -> list[np.ndarray]:
        """Return the values of the tensors asked for."""
        fed = dict(inputs)
        for (name, grid), value in zip(self._cuts, given, strict=True):
            fed[name] = value if grid is None else grid.dequantize(grid.quantize(value))
        found = self._engine.run(
            {
                spec.name: fed[spec.name].astype(spec.dtype, copy=False)
                for spec in self._engine.inputs
            }
        )
        return [found[name] for name in self._names]

    def close(self) -> None:
        """Release the model."""
        self._engine.close()


class _Reader:
    """Lists the tensors of a graph."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._tensors: list[LayerTensor] = []
        self._sources: dict[ir.Value, tuple[int, ...]] = {}  # computed value: what it is made of

    def network(self) -> Network:
        for value in self._graph.inputs:
            if constant_array(value) is None:
                self._note(value, INPUT, (), "")
        for node in self._graph:
            self._read(node)
        return Network(tuple(self._tensors), self._positions(self._graph.inputs), self._outputs())

    def _positions(self, values: Sequence[ir.Value]) -> tuple[int, ...]:
        return tuple((*self._sources.get(value, ()), -1)[0] for value in values)

    def _outputs(self) -> tuple[int, ...]:
        """Return the position of each output that is, under one of its names, a tensor."""
        places = self._positions(self._graph.outputs)
        named = zip(self._graph.outputs, places, strict=True)
        return tuple(
            at if at >= 0 and value.name in self._tensors[at].names else -1 for value, at in named
        )

    def _read(self, node: ir.Node) -> None:
        read = [value for value in node.inputs if value in self._sources and value is not None]
        if not read:
            return  # computed from constants alone
        if _is(node, "QuantizeLinear"):
            self._alias(node)
        elif _is(node, "DequantizeLinear") and self._round(node):
            pass
        else:
            sources = tuple(at for value in read for at in self._sources[value])
            fed = _is(node, "DequantizeLinear") and not sources
            for output in node.outputs:
                self._note(output, INPUT if fed else node.op_type, sources, node.name or "")

    def _note(self, value: ir.Value, op: str, sources: tuple[int, ...], node: str) -> None:
        if value.dtype not in _REAL or not value.name:
            self._sources[value] = tuple(dict.fromkeys(sources))
            return
        self._sources[value] = (len(self._tensors),)
        self._tensors.append(
            LayerTensor(value.name, op, _shape(value), sources, value.name, node=node)
        )

    def _alias(self, node: ir.Node) -> None:
        """Count what QuantizeLinear makes as the tensor that it rounds."""
        source, output = node.inputs[0], node.outputs[0]
        self._sources[output] = self._sources.get(source, ()) if source is not None else ()

    def _round(self, node: ir.Node) -> bool:
        """Count a rounded tensor as one with the tensor it comes from; False when there is none."""
        quantized, output = node.inputs[0], node.outputs[0]
        producer = None if quantized is None else quantized.producer()
        if producer is None or quantized is None or not _is(producer, "QuantizeLinear"):
            return False
        at = self._sources[quantized][0]
        tensor = self._tensors[at]
        names = dict.fromkeys((*tensor.names, str(quantized.name), str(output.name)))
        if tensor.grid is None:
            tensor = replace(tensor, handle=str(output.name), grid=_grid(node))
        name = str(output.name) if output.is_graph_output() else tensor.name
        aliases = tuple(other for other in names if other != name)
        self._tensors[at] = replace(tensor, name=name, aliases=aliases)
        self._sources[output] = (at,)
        return True


def _serialized(model: ir.Model) -> bytes:
    proto = ir.to_proto(model)
    if proto.ByteSize() > _LIMIT_BYTES:
        raise UnsupportedError(
            f"The model takes {proto.ByteSize()} bytes; layers can be read up to 2 GiB.",
            "Compare it without --layers.",
        )
    return bytes(proto.SerializeToString())


def _is(node: ir.Node, op_type: str) -> bool:
    return node.op_type == op_type and not node.domain


def _shape(value: ir.Value) -> Shape | None:
    if value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else None for size in value.shape)


def _grid(node: ir.Node) -> Grid | None:
    constants = [None if value is None else constant_array(value) for value in _slots(node)]
    scale, zero_point = constants
    if scale is None or scale.size != 1:
        return None
    if zero_point is None:
        return Grid(float(scale.reshape(-1)[0]), 0, "uint8") if len(node.inputs) < 3 else None
    if zero_point.dtype.kind not in "iu":
        return None
    return Grid(float(scale.reshape(-1)[0]), int(zero_point.reshape(-1)[0]), zero_point.dtype.name)


def _slots(node: ir.Node) -> Iterator[ir.Value | None]:
    for index in (1, 2):
        yield node.inputs[index] if index < len(node.inputs) else None
