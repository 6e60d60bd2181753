"""If: both branches as graphs of the file, or the one that is taken in its place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.graph import optimize
from edgeml_converters.tflite import check_convertible, write_tflite
from edgeml_runtime.errors import UnsupportedError

HEAD = '<ir_version: 8, opset_import: ["": 17]>\n'


def choices(**arrays: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Return the inputs with either condition."""
    return [{"c": np.array(value), **arrays} for value in (True, False)]


def random(*shape: int) -> np.ndarray:
    """Return normal numbers."""
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def test_branches_read_values_around_them(
    same_everywhere: Callable[..., bytes], ops_of: Callable[..., list[str]]
) -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (bool c, float[2, 3] x, float[2, 3] y) => (float[2, 3] r, float[2, 3] s) {
            z = Mul (x, y)
            r, unread, s = If (c) <
                then_branch = t () => (float[2, 3] a, float[2, 3] b, float[2, 3] d) {
                    a = Add (z, x)
                    b = Exp (z)
                    d = Identity (y)
                },
                else_branch = e () => (float[2, 3] f, float[2, 3] g, float[2, 3] h) {
                    f = Sub (z, y)
                    g = Neg (x)
                    h = Constant <value = float[2, 3] {1, 2, 3, 4, 5, 6}> ()
                }
            >
        }"""
    )
    data = same_everywhere(model, *choices(x=random(2, 3), y=random(2, 3) + 1))
    assert ops_of(data) == ["MUL", "IF"]
    assert ops_of(data, 1) == ["ADD", "RESHAPE"]
    assert ops_of(data, 2) == ["SUB"]


def test_the_signature_keeps_the_names(same_everywhere: Callable[..., bytes]) -> None:
    data = same_everywhere(convolutional(), *choices(**{"x:0": random(1, 3, 6, 5)}))
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    (signature,) = model.signatureDefs
    assert [entry.name for entry in signature.inputs] == [b"c", b"x:0"]
    assert [entry.name for entry in signature.outputs] == [b"r/out"]
    assert [graph.name for graph in model.subgraphs] == [b"main", b"body_1", b"body_2"]


def convolutional() -> onnx.ModelProto:
    """Return a network with a convolution before a choice, and others in its branches."""
    helper = onnx.helper
    rng = np.random.default_rng(0)
    weights = [
        onnx.numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)
        for name, shape in (("w", (4, 3, 3, 3)), ("v", (2, 4, 1, 1)), ("u", (2, 4, 3, 3)))
    ]
    out = [helper.make_tensor_value_info(n, 1, [1, 2, 6, 5]) for n in ("then", "else", "r/out")]
    then = [helper.make_node("Conv", ["m", "v"], ["then"])]
    otherwise = [
        helper.make_node("Conv", ["m", "u"], ["k"], pads=[1] * 4),
        helper.make_node("Relu", ["k"], ["else"]),
    ]
    nodes = [
        helper.make_node("Conv", ["x:0", "w"], ["m"], pads=[1] * 4),
        helper.make_node(
            "If",
            ["c"],
            ["r/out"],
            then_branch=helper.make_graph(then, "t", [], [out[0]]),
            else_branch=helper.make_graph(otherwise, "e", [], [out[1]]),
        ),
    ]
    inputs = [
        helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, []),
        helper.make_tensor_value_info("x:0", 1, [1, 3, 6, 5]),
    ]
    graph = helper.make_graph(nodes, "net", inputs, [out[2]], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_relu_in_a_branch_is_not_the_one_of_an_operator_around_it(
    same_everywhere: Callable[..., bytes],
) -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (bool c, float[2, 3] x) => (float[2, 3] r) {
            z = Mul (x, x)
            n = Neg (z)
            m = Add (n, x)
            r = If (c) <
                then_branch = t () => (float[2, 3] a) { a = Relu (m) },
                else_branch = e () => (float[2, 3] b) { b = Neg (x) }
            >
        }"""
    )
    same_everywhere(model, *choices(x=random(2, 3)))


def test_nested_choices(same_everywhere: Callable[..., bytes]) -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (bool c, bool d, float[2] x) => (float[2] r) {
            r = If (c) <
                then_branch = t () => (float[2] a) {
                    p = Exp (x)
                    a = If (d) <
                        then_branch = tt () => (float[2] aa) { aa = Add (p, x) },
                        else_branch = te () => (float[2] ab) { ab = Sub (p, x) }
                    >
                },
                else_branch = e () => (float[2] b) { b = Neg (x) }
            >
        }"""
    )
    feeds = [
        {"c": np.array(c), "d": np.array(d), "x": random(2)}
        for c in (True, False)
        for d in (True, False)
    ]
    same_everywhere(model, *feeds)


def test_a_choice_by_shape_is_made_at_conversion(
    same_everywhere: Callable[..., bytes], ops_of: Callable[..., list[str]]
) -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (float[1, 3] x) => (float[1, n] r) <int64[1] at = {1}, int64 three = {3}> {
            sizes = Shape (x)
            size = Gather (sizes, at)
            c = Equal (size, three)
            s = If (c) <
                then_branch = t () => (float[1, 3] a) { k = Exp (x)  a = Mul (k, x) },
                else_branch = e () => (float[1, 6] b) { b = Concat <axis = 1> (x, x) }
            >
            r = Relu (s)
        }"""
    )
    assert ops_of(same_everywhere(model, {"x": random(1, 3)})) == ["EXP", "MUL"]
    assert [node.op_type for node in optimize(ir.from_proto(model)).graph] == ["Exp", "Mul", "Relu"]


def test_branches_of_other_sizes_are_refused_in_words() -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (bool c, float[1, 3] x) => (float[1, n] r) {
            r = If (c) <
                then_branch = t () => (float[1, 3] a) { a = Exp (x) },
                else_branch = e () => (float[1, 6] b) { b = Concat <axis = 1> (x, x) }
            >
        }"""
    )
    with pytest.raises(UnsupportedError, match="of shape 1x6, not 1x3; make both branches return"):
        write_tflite(ir.from_proto(model))


def test_every_blocker_inside_is_named_at_once() -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (bool c, float[2, 2] x) => (float[2, 2] r, float[] q) {
            q = Det (x)
            [choice] r = If (c) <
                then_branch = t () => (float[2, 2] a) {
                    [one] p = Det (x)
                    [two] a = RandomUniformLike (x)
                },
                else_branch = e () => (float[2, 2] b) { [three] b = RandomNormalLike (x) }
            >
        }"""
    )
    found = [blocker.node for blocker in check_convertible(ir.from_proto(model))]
    assert found == ["q", "choice/then_branch/two", "choice/else_branch/three"]


def test_sequences_are_refused_by_name() -> None:
    model = onnx.parser.parse_model(
        HEAD
        + """
        net (bool c, float[2] x) => (float[m] r) <int64 first = {0}> {
            s = SequenceConstruct (x, x)
            r = If (c) <
                then_branch = t () => (float[m] a) { a = SequenceAt (s, first) },
                else_branch = e () => (float[m] b) { b = Neg (x) }
            >
        }"""
    )
    with pytest.raises(
        UnsupportedError, match=r"s \(SequenceConstruct\): the operator has no TFLite"
    ):
        write_tflite(ir.from_proto(model))
