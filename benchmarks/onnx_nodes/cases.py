"""The cases that the onnx package generates, with parameters made constants.

Knows ONNX; must not know what becomes of a case.
"""

import tomllib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """One test of an operator.

    Args:
        name: Such as ``test_add_bcast``.
        op_type: The operator that it is a test of; of expanded functions, their name.
        model: The graph, parameters constant.
        inputs: What is left to feed.
        outputs: What is expected.
        rtol: Relative tolerance.
        atol: Absolute tolerance.
    """

    name: str
    op_type: str
    model: onnx.ModelProto
    inputs: Tensors
    outputs: Tensors
    rtol: float
    atol: float


def collect_cases(*, freeze: bool) -> tuple[Case, ...]:
    """Return every case with tensors for inputs and outputs, in the package's order.

    Args:
        freeze: Whether to make parameters constants.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cases of overflow overflow
        from onnx.backend.test.case.node import collect_testcases  # noqa: PLC0415 - takes seconds

        found = collect_testcases(None)
    return tuple(_case(entry, freeze=freeze) for entry in found)


def _case(entry: object, *, freeze: bool) -> Case:
    model = onnx.ModelProto()
    model.CopyFrom(entry.model)  # type: ignore[attr-defined]  # onnx has no types for it
    feeds, expected = entry.data_sets[0]  # type: ignore[attr-defined]
    inputs = _named(model.graph.input, feeds)
    outputs = _named(model.graph.output, expected)
    if freeze:
        for name in _parameters(model):
            if isinstance(inputs.get(name), (np.ndarray, np.generic)):
                _make_constant(model, name, np.asarray(inputs.pop(name)))
    return Case(
        name=entry.name,  # type: ignore[attr-defined]
        op_type=_op_type(entry.name, model),  # type: ignore[attr-defined]
        model=model,
        inputs=inputs,
        outputs=outputs,
        rtol=entry.rtol,  # type: ignore[attr-defined]
        atol=entry.atol,  # type: ignore[attr-defined]
    )


def _named(values: Iterable[onnx.ValueInfoProto], given: Iterable[object]) -> dict[str, Any]:
    """Return what is given by name; types that NumPy lacks come as protocol buffers."""
    arrays = (numpy_helper.to_array(g) if isinstance(g, onnx.TensorProto) else g for g in given)
    return dict(zip([value.name for value in values], arrays, strict=False))


def _op_type(name: str, model: onnx.ModelProto) -> str:
    if "_expanded" in name:
        return "(expanded functions)"
    return str(model.graph.node[0].op_type)


def _parameters(model: onnx.ModelProto) -> Iterator[str]:
    for node in model.graph.node:
        yield from _of_node(node, _table().get(node.op_type, ()))


def _of_node(node: onnx.NodeProto, positions: Sequence[int]) -> Iterator[str]:
    for position in positions:
        if position < len(node.input) and node.input[position]:
            yield node.input[position]


def _make_constant(model: onnx.ModelProto, name: str, array: np.ndarray) -> None:
    kept = [value for value in model.graph.input if value.name != name]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.graph.initializer.append(numpy_helper.from_array(array, name))


@cache
def _table() -> Mapping[str, Sequence[int]]:
    text = (files("benchmarks.onnx_nodes") / "parameters.toml").read_text(encoding="utf-8")
    table: Mapping[str, Sequence[int]] = tomllib.loads(text)["parameters"]
    return table
