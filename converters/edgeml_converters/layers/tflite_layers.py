"""The tensors of a TFLite file, read through a copy that lists more outputs.

An interpreter reuses the memory of what is not an output; what is listed stays. The copy differs
from the file in its list of outputs alone (schema.fbs, table SubGraph), so the operators run as the
file has them, in the built-in kernels: a delegate would replace runs of operators and leave nothing
between them.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeml_converters.inspection.tflite_document import (
    StoredGraph,
    StoredOperator,
    StoredTensor,
    read_model,
)
from edgeml_converters.layers.network import INPUT, Grid, LayerTensor, Network
from edgeml_converters.layers.tflite_isolation import Cut, cut_file
from edgeml_converters.layers.tflite_weights import tflite_weights
from edgeml_converters.layers.weights import Weights
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

_REAL = ("FLOAT16", "FLOAT32", "FLOAT64")
_INTEGERS = ("INT8", "UINT8", "INT16")
_OPTIONS = {
    code: name for name, code in vars(schema.BuiltinOptions).items() if not name.startswith("_")
}
_OUTPUTS_SLOT = 8  # vtable offset of SubGraph.outputs, its third field


class TfliteLayers:
    """A TFLite file whose tensors can be read; see ``LayeredModel``.

    Args:
        data: The bytes of the file.
        inputs: What it is fed, as its engine says.
        outputs: What comes out.
    """

    def __init__(
        self, data: bytes, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        self._data = data
        self.inputs = inputs
        self.outputs = outputs
        self._graph = read_model(data, "the model").graphs[0]
        self.network = _Reader(self._graph, _activated(self._data)).network()

    def weights(self, position: int) -> Weights | None:
        """Return the integer weights of the operator that makes a tensor."""
        tensor = self.network.tensors[position]
        for name in tensor.names:
            operator = self._makers.get(name)
            if operator is not None and operator.name == tensor.op:
                return tflite_weights(self._data, self._graph, operator)
        return None

    @cached_property
    def _makers(self) -> Mapping[str, StoredOperator]:
        """The operator that makes each tensor, by the tensor's name."""
        tensors = self._graph.tensors
        return {tensors[at].name: made for made in self._graph.operators for at in made.outputs}

    def tap(self, positions: Sequence[int], cuts: Sequence[int] = ()) -> "TfliteTaps":
        """Open the model so that it shows the tensors at *positions*; see ``LayeredModel``."""
        wanted = [self.network.tensors[at] for at in positions]
        given = [self.network.tensors[at] for at in cuts]
        file, places = cut_file(self._data, self._graph, given) if cuts else (self._data, ())
        copy = _with_outputs(file, [int(tensor.handle) for tensor in wanted])
        ports = tuple(zip((spec.name for spec in self.inputs), self._graph.inputs, strict=True))
        return TfliteTaps(copy, ports, wanted, given, places)


class TfliteTaps:
    """See ``Taps``."""

    def __init__(
        self,
        model: bytes,
        inputs: Sequence[tuple[str, int]],
        wanted: Sequence[LayerTensor],
        given: Sequence[LayerTensor],
        cuts: Sequence[Cut],
    ) -> None:
        self._interpreter = Interpreter(
            model_content=model,
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._inputs = inputs
        self._wanted = wanted
        self._given = given
        self._cuts = cuts
        self._shapes: list[tuple[int, ...]] = []

    def run(
        self, inputs: Mapping[str, np.ndarray], given: Sequence[np.ndarray] = ()
    ) -> list[np.ndarray]:
        """Return the values of the tensors asked for, dequantized."""
        fed = [(number, inputs[name]) for name, number in self._inputs]
        fed += [(cut.number, self._cut(cut, given[cut.tensor])) for cut in self._cuts]
        try:
            self._fit(fed)
            for number, value in fed:
                self._interpreter.set_tensor(number, value)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"The built-in kernels cannot run the model: {' '.join(str(error).split())}.",
                "Compare it without --layers.",
            ) from error
        return [
            _real(self._interpreter.get_tensor(int(tensor.handle)), tensor.grid)
            for tensor in self._wanted
        ]

    def close(self) -> None:
        """Release the interpreter."""
        del self._interpreter

    def _cut(self, cut: Cut, value: np.ndarray) -> np.ndarray:
        """Return what is fed in the place of a tensor, as integers or as the reals they hold."""
        grid = self._given[cut.tensor].grid
        if grid is None:
            return value
        integers = grid.quantize(value)
        return grid.dequantize(integers) if cut.is_real else integers

    def _fit(self, fed: Sequence[tuple[int, np.ndarray]]) -> None:
        shapes = [value.shape for _, value in fed]
        if shapes == self._shapes:
            return
        for number, value in fed:
            self._interpreter.resize_tensor_input(number, list(value.shape))
        self._interpreter.allocate_tensors()
        self._shapes = shapes


class _Reader:
    """Lists the tensors of a graph."""

    def __init__(self, graph: StoredGraph, activated: Sequence[bool]) -> None:
        self._graph = graph
        self._activated = activated
        self._tensors: list[LayerTensor] = []
        self._sources: dict[int, tuple[int, ...]] = {}  # computed tensor: what it is made of

    def network(self) -> Network:
        for number in self._graph.inputs:
            self._note(number, INPUT, ())
        for operator, activated in zip(self._graph.operators, self._activated, strict=True):
            self._read(operator, activated=activated)
        return Network(
            tuple(self._tensors),
            self._positions(self._graph.inputs),
            self._positions(self._graph.outputs),
        )

    def _positions(self, numbers: Sequence[int]) -> tuple[int, ...]:
        return tuple((*self._sources.get(number, ()), -1)[0] for number in numbers)

    def _read(self, operator: StoredOperator, *, activated: bool) -> None:
        read = [number for number in operator.inputs if number in self._sources]
        if not read:
            return  # computed from constants alone
        if operator.name in ("QUANTIZE", "DEQUANTIZE") and self._round(operator):
            return
        sources = tuple(at for number in read for at in self._sources[number])
        for number in operator.outputs:
            self._note(number, operator.name, sources, activated=activated)

    def _note(
        self, number: int, op: str, sources: tuple[int, ...], *, activated: bool = False
    ) -> None:
        stored = self._graph.tensors[number]
        grid = _grid(stored)
        if stored.type not in _REAL and grid is None:
            self._sources[number] = tuple(dict.fromkeys(sources))
            return
        self._sources[number] = (len(self._tensors),)
        name, *aliases = (stored.name, *_joined_names(stored.name))
        self._tensors.append(
            LayerTensor(
                name,
                op,
                _shape(stored),
                sources,
                number,
                aliases=tuple(aliases),
                grid=grid,
                activated=activated,
            )
        )

    def _round(self, operator: StoredOperator) -> bool:
        """Count the two sides of a QUANTIZE or DEQUANTIZE as one tensor, unless it rescales."""
        source, target = operator.inputs[0], operator.outputs[0]
        stored = self._graph.tensors[target]
        places = self._sources[source]
        if not places:
            return False
        tensor = self._tensors[places[0]]
        grid = _grid(stored)
        if operator.name == "QUANTIZE":
            if self._graph.tensors[source].type not in _REAL or grid is None:
                return False
            if tensor.grid is None:
                tensor = replace(tensor, handle=target, grid=grid)
        names = (*tensor.names, stored.name)
        name = stored.name if target in self._graph.outputs else tensor.name
        aliases = tuple(other for other in names if other != name)
        self._tensors[places[0]] = replace(tensor, name=name, aliases=aliases)
        self._sources[target] = places
        return True


def _activated(data: bytes) -> list[bool]:
    """Return for each operator of the main graph whether it applies an activation."""
    graph = schema.Model.GetRootAs(data, 0).Subgraphs(0)
    return [_applies(graph.Operators(at)) for at in range(graph.OperatorsLength())]


def _applies(operator: Any) -> bool:  # noqa: ANN401 - the bindings have no types
    name = _OPTIONS.get(operator.BuiltinOptionsType(), "")
    table = operator.BuiltinOptions()
    if table is None or not hasattr(getattr(schema, name, None), "FusedActivationFunction"):
        return False
    options = getattr(schema, name)()
    options.Init(table.Bytes, table.Pos)
    return bool(options.FusedActivationFunction() != schema.ActivationFunctionType.NONE)


def _joined_names(name: str) -> tuple[str, ...]:
    """Return the operators of which TensorFlow's converter joins the name of a fused one."""
    return tuple(name.split(";")) if ";" in name else ()


def _shape(stored: StoredTensor) -> tuple[int | None, ...]:
    return tuple(
        None if axis in stored.free_axes else size for axis, size in enumerate(stored.shape)
    )


def _grid(stored: StoredTensor) -> Grid | None:
    if stored.quantization is None or stored.type not in _INTEGERS:
        return None
    scale, zero_point = stored.quantization.scale, stored.quantization.zero_point
    return Grid(scale, zero_point, stored.type.lower())


def _real(value: np.ndarray, grid: Grid | None) -> np.ndarray:
    return value if grid is None or value.dtype.kind == "f" else grid.dequantize(value)


def _with_outputs(data: bytes, numbers: Sequence[int]) -> bytes:
    """Return the file with another list of outputs: put at its end, and referred to there."""
    # The bindings have no other way to the place of a field.
    table = schema.Model.GetRootAs(data, 0).Subgraphs(0)._tab
    field = table.Pos + table.Offset(_OUTPUTS_SLOT)
    copy = bytearray(data)
    copy.extend(bytes(-len(copy) % 4))
    struct.pack_into("<I", copy, field, len(copy) - field)
    copy.extend(struct.pack(f"<{len(numbers) + 1}i", len(numbers), *numbers))
    return bytes(copy)
