"""Loop and Scan: WHILE with two graphs, or its rounds one after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeml_converters.tflite import check_convertible, write_tflite
from edgeml_runtime.errors import UnsupportedError

HEAD = '<ir_version: 8, opset_import: ["": 17]>\n'
UNLIMITED = 2**63 - 1


def random(*shape: int) -> np.ndarray:
    """Return normal numbers."""
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


COUNTED = """
    net (int64 n, float[2, 3] x) => (float[2, 3] r, float[2, 3] s) {
        zero = Sub (x, x)
        r, s = Loop (n, "", x, zero) <
            body = round (int64 i, bool on, float[2, 3] a, float[2, 3] b)
                => (bool go, float[2, 3] c, float[2, 3] d) {
                go = Identity (on)
                f = Cast <to = 1> (i)
                k = Tanh (b)
                e = Add (k, x)
                c = Add (b, f)
                d = Mul (e, a)
            }
        >
    }"""


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rounds=st.integers(0, 9))
def test_as_many_rounds_as_an_input_says(
    same_everywhere: Callable[..., bytes], ops_of: Callable[..., list[str]], rounds: int
) -> None:
    model = onnx.parser.parse_model(HEAD + COUNTED)
    data = same_everywhere(model, {"n": np.array(rounds), "x": random(2, 3)})
    assert ops_of(data)[-1] == "WHILE"
    assert ops_of(data, 1) == ["LESS"]
    assert ops_of(data, 2).count("CAST") == 2  # the counter to 64 bits, and that to float


def test_states_that_change_places(same_everywhere: Callable[..., bytes]) -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (int64 n, float[2] x, float[2] y) => (float[2] r, float[2] s) {
            r, s = Loop (n, "", x, y) <
                body = round (int64 i, bool on, float[2] a, float[2] b)
                    => (bool go, float[2] c, float[2] d) {
                    go = Identity (on)
                    c = Identity (b)
                    d = Identity (a)
                }
            >
        }"""
    )
    feeds = [{"n": np.array(n), "x": random(2), "y": random(2) + 1} for n in (0, 1, 2, 5)]
    same_everywhere(model, *feeds)


def halving(limit: str, first: str) -> onnx.ModelProto:
    """Return a loop that halves until the sum is below one."""
    return onnx.parser.parse_model(
        HEAD
        + f"""
        net (float[4] x, int64 n, bool c) => (float[4] r)
        <float half = {{0.5}}, float one = {{1}}, int64 most = {{{UNLIMITED}}}, bool yes = {{1}}> {{
            r = Loop ({limit}, {first}, x) <
                body = round (int64 i, bool on, float[4] a) => (bool go, float[4] b) {{
                    b = Mul (a, half)
                    total = ReduceSum <keepdims = 0> (b)
                    go = Greater (total, one)
                }}
            >
        }}"""
    )


@pytest.mark.parametrize("first", ['""', "c", "yes"])
@pytest.mark.parametrize("limit", ['""', "n", "most"])
def test_rounds_until_a_condition_fails(
    same_everywhere: Callable[..., bytes], limit: str, first: str
) -> None:
    x = np.abs(random(4)) * 20
    feeds = [
        {"x": x, "n": np.array(n), "c": np.array(c)}
        for n in (0, 2, UNLIMITED)
        for c in (True, False)
    ]
    same_everywhere(halving(limit, first), *feeds)


def collecting(rounds: int) -> onnx.ModelProto:
    """Return a loop that picks rows, and collects sums and squares of them."""
    return onnx.parser.parse_model(
        HEAD
        + f"""
        net (float[{rounds}, 3] x) => (float[3] r, float[{rounds}, 3] s, float[{rounds}] q)
        <int64 n = {{{rounds}}}, float[3] zero = {{0, 0, 0}}, bool yes = {{1}}> {{
            r, s, q = Loop (n, yes, zero) <
                body = round (int64 i, bool on, float[3] a)
                    => (bool go, float[3] b, float[3] c, float d) {{
                    go = Identity (on)
                    row = Gather <axis = 0> (x, i)
                    b = Add (a, row)
                    c = Identity (b)
                    p = Mul (row, row)
                    d = ReduceSum <keepdims = 0> (p)
                }}
            >
        }}"""
    )


def test_sequences_of_known_length(
    same_everywhere: Callable[..., bytes], ops_of: Callable[..., list[str]]
) -> None:
    data = same_everywhere(collecting(40), {"x": random(40, 3)})
    assert ops_of(data) == ["WHILE"]
    body = ops_of(data, 2)
    assert sorted(body) == sorted(
        ["GATHER", "ADD", "MUL", "SUM", "ADD", "PACK", "PACK", "RESHAPE", "RESHAPE"]
        + ["DYNAMIC_UPDATE_SLICE"] * 2
    )


def test_few_rounds_are_written_one_after_the_other(
    same_everywhere: Callable[..., bytes], ops_of: Callable[..., list[str]]
) -> None:
    assert "WHILE" not in ops_of(same_everywhere(collecting(3), {"x": random(3, 3)}))


def test_growing_tensors_are_unrolled(
    same_everywhere: Callable[..., bytes], ops_of: Callable[..., list[str]]
) -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (float[1, 2] x) => (float[m, 2] r) <int64 n = {70}, bool yes = {1}> {
            r = Loop (n, yes, x) <
                body = round (int64 i, bool on, float[k, 2] a) => (bool go, float[l, 2] b) {
                    go = Identity (on)
                    b = Concat <axis = 0> (a, x)
                }
            >
        }"""
    )
    assert "WHILE" not in ops_of(same_everywhere(model, {"x": random(1, 2)}))


def test_growing_tensors_of_unknown_rounds_are_refused_in_words() -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (int64 n, float[1, 2] x) => (float[m, 2] r) {
            r = Loop (n, "", x) <
                body = round (int64 i, bool on, float[k, 2] a) => (bool go, float[l, 2] b) {
                    go = Identity (on)
                    b = Concat <axis = 0> (a, x)
                }
            >
        }"""
    )
    with pytest.raises(UnsupportedError, match="returns b of shape 2x2, not 1x2; only Loops with"):
        write_tflite(ir.from_proto(model))


def test_sequences_of_unknown_length_are_refused_by_name() -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (int64 n, float[2] x) => (float[m, 2] r) {
            r = Loop (n, "") <
                body = round (int64 i, bool on) => (bool go, float[2] b) {
                    go = Identity (on)
                    b = Exp (x)
                }
            >
        }"""
    )
    with pytest.raises(UnsupportedError, match="the length of its output r is only known at run"):
        write_tflite(ir.from_proto(model))


def test_a_choice_in_a_loop_in_a_choice(same_everywhere: Callable[..., bytes]) -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (bool c, int64 n, float[1, 2, 4, 4] x) => (float[1, 2, 4, 4] r)
        <float[2, 2, 1, 1] w = {1, 2, 3, -4}, int64 two = {2}> {
            r = If (c) <
                then_branch = t () => (float[1, 2, 4, 4] a) {
                    a = Loop (n, "", x) <
                        body = round (int64 i, bool on, float[1, 2, 4, 4] b)
                            => (bool go, float[1, 2, 4, 4] d) {
                            go = Identity (on)
                            small = Less (i, two)
                            d = If (small) <
                                then_branch = tt () => (float[1, 2, 4, 4] e) { e = Conv (b, w) },
                                else_branch = te () => (float[1, 2, 4, 4] f) { f = Sub (b, x) }
                            >
                        }
                    >
                },
                else_branch = e () => (float[1, 2, 4, 4] g) { g = Neg (x) }
            >
        }"""
    )
    feeds = [
        {"c": np.array(c), "n": np.array(n), "x": random(1, 2, 4, 4)}
        for c, n in ((True, 1), (True, 4), (False, 2))
    ]
    same_everywhere(model, *feeds)


def test_blockers_inside_are_named_with_their_place() -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (int64 n, float[2, 2] x) => (float[2, 2] r) {
            [again] r = Loop (n, "", x) <
                body = round (int64 i, bool on, float[2, 2] a) => (bool go, float[2, 2] b) {
                    go = Identity (on)
                    [inner] d = Det (a)
                    b = Mul (a, d)
                }
            >
        }"""
    )
    (blocker,) = check_convertible(ir.from_proto(model))
    assert (blocker.node, blocker.op_type) == ("again/body/inner", "Det")


@pytest.mark.parametrize("steps", [3, 50])
@pytest.mark.parametrize("backwards", [0, 1])
@pytest.mark.parametrize("axis", [0, 1])
def test_scan(same_everywhere: Callable[..., bytes], steps: int, backwards: int, axis: int) -> None:
    sizes = [2, 3]
    sizes.insert(axis, steps)
    given_, wanted = ", ".join(map(str, sizes)), ", ".join(map(str, sizes))
    model = onnx.parser.parse_model(
        HEAD
        + f"""
        net (float[2, 3] first, float[{given_}] x) => (float[2, 3] r, float[{wanted}] s) {{
            r, s = Scan <num_scan_inputs = 1, scan_input_axes = [{axis}],
                scan_output_axes = [{axis}], scan_input_directions = [{backwards}],
                scan_output_directions = [{backwards}],
                body = round (float[2, 3] a, float[2, 3] b) => (float[2, 3] c, float[2, 3] d) {{
                    c = Add (a, b)
                    d = Mul (c, first)
                }}
            > (first, x)
        }}"""
    )
    same_everywhere(model, {"first": random(2, 3), "x": random(*sizes)})
