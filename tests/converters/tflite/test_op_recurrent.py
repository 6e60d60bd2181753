"""LSTM, GRU and RNN: few steps one after the other, many as a WHILE over the steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Net

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FEW, MANY = 5, 40


def recurrent(graph: Net, kind: str, sizes: tuple[int, int, int, int], direction: str) -> list[str]:
    """Add a recurrent layer of random weights; return its outputs: all states, the last ones."""
    steps, batch, width, hidden = sizes
    directions = 2 if direction == "bidirectional" else 1
    rows = GATES[kind] * hidden
    shapes = ((directions, rows, width), (directions, rows, hidden), (directions, 2 * rows))
    weights = [graph.const(graph.rng.standard_normal(shape) / 2) for shape in shapes]
    source = graph.input("x", [steps, batch, width])
    first = graph.input("first", [directions, batch, hidden])
    outputs = 3 if kind == "LSTM" else 2
    state = graph.op(
        kind,
        source,
        *weights,
        "",
        first,
        outputs=outputs,
        hidden_size=hidden,
        direction=direction,
        **({"linear_before_reset": 1} if kind == "GRU" else {}),
    )
    return [state, *(f"{state}_{at}" for at in range(1, outputs))]


@pytest.mark.parametrize("steps", [FEW, MANY])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("kind", list(GATES))
def test_every_direction(
    net: type[Net],
    same_everywhere: Callable[..., bytes],
    ops_of: Callable[..., list[str]],
    kind: str,
    direction: str,
    steps: int,
) -> None:
    graph = net()
    model = graph.model(*recurrent(graph, kind, (steps, 2, 3, 4), direction))
    rng = np.random.default_rng(2)
    directions = 2 if direction == "bidirectional" else 1
    shapes = {"x": (steps, 2, 3), "first": (directions, 2, 4)}
    feeds = [
        {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()} for _ in "12"
    ]
    ops = ops_of(same_everywhere(model, *feeds))
    assert ops.count("WHILE") == (directions if steps == MANY else 0)


def test_many_weights_are_held_once(
    net: type[Net], same_everywhere: Callable[..., bytes], ops_of: Callable[..., list[str]]
) -> None:
    graph = net()
    model = graph.model(*recurrent(graph, "LSTM", (16, 1, 8, 64), "forward"))
    rng = np.random.default_rng(5)
    shapes = {"x": (16, 1, 8), "first": (1, 1, 64)}
    feeds = {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    assert "WHILE" in ops_of(same_everywhere(model, feeds))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(list(GATES)),
    direction=st.sampled_from(["forward", "reverse", "bidirectional"]),
    sizes=st.tuples(st.integers(1, 70), *[st.integers(1, 4)] * 3),
)
def test_every_size(
    net: type[Net],
    same_everywhere: Callable[..., bytes],
    kind: str,
    direction: str,
    sizes: tuple[int, int, int, int],
) -> None:
    graph = net()
    model = graph.model(*recurrent(graph, kind, sizes, direction))
    rng = np.random.default_rng(3)
    steps, batch, width, hidden = sizes
    directions = 2 if direction == "bidirectional" else 1
    shapes = {"x": (steps, batch, width), "first": (directions, batch, hidden)}
    feeds = {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    same_everywhere(model, feeds)


@pytest.mark.parametrize("kind", list(GATES))
def test_sequences_of_any_length_convert(
    net: type[Net],
    same_everywhere: Callable[..., bytes],
    ops_of: Callable[..., list[str]],
    kind: str,
) -> None:
    steps = 1000
    graph = net()
    _, last, *_ = recurrent(graph, kind, (steps, 1, 2, 3), "forward")
    rng = np.random.default_rng(4)
    feeds = {
        "x": rng.standard_normal((steps, 1, 2)).astype(np.float32),
        "first": np.zeros((1, 1, 3), np.float32),
    }
    data = same_everywhere(graph.model(last), feeds)
    assert len(ops_of(data)) < 8
    assert "DYNAMIC_UPDATE_SLICE" not in ops_of(data, 2)  # nobody reads the states in between
