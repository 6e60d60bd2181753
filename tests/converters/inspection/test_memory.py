"""Peak activation memory, against counts made by hand."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from edgeml_converters.inspection import inspect_model
from edgeml_converters.inspection.memory import activation_memory
from edgeml_converters.inspection.network import Network, Operator, Tensor

SaveOnnx = Callable[..., Path]


def _tensor(key: str, size: int, bits: int = 32) -> Tensor:
    return Tensor(key, (size,), bits)


def _chain(*operators: tuple[str, Tensor, Tensor]) -> Network:
    steps = tuple(Operator(kind, (source,), (result,)) for kind, source, result in operators)
    return Network((operators[0][1],), (operators[-1][2],), steps)


def test_a_chain_holds_two_neighbours_and_the_callers_tensors() -> None:
    a, b, c, d = (_tensor(key, size) for key, size in zip("abcd", (10, 50, 30, 5), strict=True))
    network = _chain(("Sin", a, b), ("Sin", b, c), ("Sin", c, d))
    assert activation_memory(network).peak_bytes == 4 * (10 + 50 + 30 + 5)


def test_a_skip_connection_is_held_until_it_is_added() -> None:
    x, a, b, y = (_tensor(key, 100) for key in ("x", "a", "b", "y"))
    steps = (
        Operator("Sin", (x,), (a,)),
        Operator("Sin", (a,), (b,)),
        Operator("Add", (a, b), (y,)),
    )
    # x and y are the caller's; a is held over b.
    assert activation_memory(Network((x,), (y,), steps)).peak_bytes == 4 * 400


def test_renamed_and_fused_tensors_take_no_memory() -> None:
    x, a, b, c, y = (_tensor(key, 100) for key in "xabcy")
    network = _chain(("Sin", x, a), ("Relu", a, b), ("Reshape", b, c), ("Sin", c, y))
    assert activation_memory(network).peak_bytes == 4 * 300


def test_an_activation_whose_input_is_read_again_is_not_in_place() -> None:
    x, a, b, y = (_tensor(key, 100) for key in "xaby")
    steps = (
        Operator("Sin", (x,), (a,)),
        Operator("Relu", (a,), (b,)),
        Operator("Add", (a, b), (y,)),
    )
    assert activation_memory(Network((x,), (y,), steps)).peak_bytes == 4 * 400


def test_quantized_graphs_hold_integers_between_operators() -> None:
    x, xf, cf, yf = (_tensor(key, 100) for key in ("x", "xf", "cf", "yf"))
    xq, cq, y = (_tensor(key, 100, bits=8) for key in ("xq", "cq", "y"))
    steps = (
        Operator("QuantizeLinear", (x,), (xq,)),
        Operator("DequantizeLinear", (xq,), (xf,)),
        Operator("Sin", (xf,), (cf,)),
        Operator("QuantizeLinear", (cf,), (cq,)),
        Operator("DequantizeLinear", (cq,), (yf,)),
        Operator("Sin", (yf,), (y,)),
    )
    assert activation_memory(Network((x,), (y,), steps)).peak_bytes == 400 + 100 + 100 + 100


def test_a_result_that_nobody_reads_may_have_no_size(save_onnx: SaveOnnx) -> None:
    nodes = [
        helper.make_node("Dropout", ["x"], ["kept", "mask"]),
        helper.make_node("Sin", ["kept"], ["y"]),
    ]
    found = inspect_model(save_onnx(nodes, {"x": [1, 10]}, {"y": [1, 10]}, opset=9, ir_version=3))
    assert found.peak_activation_bytes == 4 * 20


def test_weights_are_not_counted() -> None:
    x, y = _tensor("x", 10), _tensor("y", 10)
    weight = Tensor("w", (1000,), 32, constant=True)
    real = _tensor("real", 1000)
    steps = (
        Operator("DequantizeLinear", (weight,), (real,)),
        Operator("Mul", (x, real, None), (y,)),
    )
    assert activation_memory(Network((x,), (y,), steps)).peak_bytes == 80


def test_what_a_branch_reads_from_outside_is_held(save_onnx: SaveOnnx) -> None:
    branches = {
        name: helper.make_graph(
            [helper.make_node(kind, ["a"], [f"{name}_y"])],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}_y", 1, [100])],
        )
        for name, kind in (("then_branch", "Sin"), ("else_branch", "Cos"))
    }
    nodes = [
        helper.make_node("Sin", ["x"], ["a"]),
        helper.make_node("Exp", ["x"], ["b"]),
        helper.make_node("Constant", [], ["flag"], value=helper.make_tensor("f", 9, [], [True])),
        helper.make_node("If", ["flag"], ["c"], **branches),
        helper.make_node("Add", ["b", "c"], ["y"]),
    ]
    found = inspect_model(save_onnx(nodes, {"x": [100]}, {"y": [100]}))
    assert found.peak_activation_bytes == 4 * 500  # x, a, b, c and y while the branch runs
    assert found.ops == {"Sin": 2, "Add": 1, "Cos": 1, "Exp": 1, "If": 1}
    assert any("branches and loops" in note for note in found.notes)


@settings(deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=2, max_size=12))
def test_a_chain_needs_its_largest_pair_at_most_all(sizes: list[int]) -> None:
    tensors = [_tensor(str(index), size) for index, size in enumerate(sizes)]
    network = _chain(*(("Sin", a, b) for a, b in pairwise(tensors)))
    peak = activation_memory(network).peak_bytes
    assert peak is not None
    pairs = [a + b for a, b in pairwise(sizes)]
    assert 4 * max(*pairs, sizes[0] + sizes[-1]) <= peak <= 4 * sum(sizes)


def test_an_empty_network_holds_its_inputs() -> None:
    x = _tensor("x", 25)
    assert activation_memory(Network((x,), (x,), ())).peak_bytes == 100


def test_the_widest_place_of_a_real_file(save_onnx: SaveOnnx) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["y"]),
    ]
    weights = {"w": np.zeros((8, 3, 3, 3), np.float32)}
    path = save_onnx(nodes, {"x": ["n", 3, 10, 10]}, {"y": ["n", 8, 1, 1]}, weights)
    assert inspect_model(path).peak_activation_bytes == 4 * (300 + 800 + 8)
