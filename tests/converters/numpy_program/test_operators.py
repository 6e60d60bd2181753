"""Operators one by one: the program gives what onnxruntime gives."""

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper, numpy_helper

from edgeml_converters.numpy_program import read_program, write_numpy
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError, UnsupportedError

Constants = tuple[np.ndarray, ...]
ROWS = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
WORDS = np.array([3, 5, 8, 3], np.int64)
HOLES = np.where(ROWS > 1, np.float32(np.nan), ROWS)


def f32(*values: float) -> np.ndarray:
    """Return a vector."""
    return np.array(values, np.float32)


def i64(*values: int) -> np.ndarray:
    """Return a vector of whole numbers."""
    return np.array(values, np.int64)


def make(
    op_type: str,
    rows: np.ndarray,
    constants: Constants,
    outputs: int = 1,
    **attributes: Any,  # noqa: ANN401 - what make_node takes
) -> onnx.ModelProto:
    """Return a graph of one node between Identities, so that no output of a graph is its own."""
    domain = attributes.pop("domain", "")
    names = [f"c{index}" for index in range(len(constants))]
    made = [f"y{index}" for index in range(outputs)]
    nodes = [
        helper.make_node("Identity", ["x"], ["x0"]),
        helper.make_node(op_type, ["x0", *names], made, domain=domain, name="it", **attributes),
        *(helper.make_node("Identity", [name], [f"out_{name}"]) for name in made),
    ]
    kind = helper.np_dtype_to_tensor_dtype(rows.dtype)
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("x", kind, ["N", *rows.shape[1:]])],
        [helper.make_empty_tensor_value_info(f"out_{name}") for name in made],
        [numpy_helper.from_array(c, n) for c, n in zip(constants, names, strict=True)],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return onnx.shape_inference.infer_shapes(
        helper.make_model(graph, opset_imports=opsets, ir_version=8)
    )


def compare(model: onnx.ModelProto, rows: np.ndarray) -> None:
    """Check that the program of a model gives what onnxruntime gives."""
    reference = open_engine("onnxruntime", model.SerializeToString())
    for value, spec in zip(model.graph.output, reference.outputs, strict=True):
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(spec.dtype))
        value.CopyFrom(helper.make_tensor_value_info(spec.name, kind, list(spec.shape)))
    expected = reference.run({"x": rows})
    found = open_engine("numpy", write_numpy(ir.from_proto(model))).run({"x": rows})
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_allclose(found[name], value, rtol=2e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("op_type", "constants", "attributes"),
    [
        ("Add", (f32(1, 2, 3, 4),), {}),
        ("Sub", (f32(1, 2, 3, 4),), {}),
        ("Mul", (WEIGHTS[:1],), {}),
        ("Div", (f32(1, 2, 3, 4),), {}),
        ("Pow", (f32(2),), {}),
        ("Pow", (i64(3),), {}),
        ("Max", (f32(0), f32(0.5, 0, 1, -1)), {}),
        ("Min", (f32(0), f32(0.5, 0, 1, -1)), {}),
        ("Sum", (f32(0), f32(0.5, 0, 1, -1)), {}),
        ("MatMul", (WEIGHTS,), {}),
        ("Gemm", (WEIGHTS, f32(1, 2, 3, 4)), {"transB": 1, "alpha": 0.5, "beta": 2.0}),
        ("Gemm", (WEIGHTS,), {}),
        ("Abs", (), {}),
        ("Neg", (), {}),
        ("Exp", (), {}),
        ("Tanh", (), {}),
        ("Relu", (), {}),
        ("Sigmoid", (), {}),
        ("Softmax", (), {"axis": -1}),
        ("Clip", (np.float32(-0.5), np.float32(0.25)), {}),
        ("ArgMax", (), {"axis": 1, "keepdims": 0}),
        ("ArgMin", (), {"axis": -1}),
        ("ReduceSum", (i64(1),), {}),
        ("ReduceSum", (i64(-1),), {"keepdims": 0}),
        ("ReduceMean", (i64(1),), {}),
        ("ReduceMax", (i64(0, 1),), {"keepdims": 0}),
        ("ReduceProd", (i64(1),), {}),
        ("ReduceL1", (i64(1),), {}),
        ("ReduceL2", (i64(1),), {}),
        ("ReduceSumSquare", (i64(1),), {"keepdims": 0}),
        ("ReduceLogSumExp", (i64(1),), {"keepdims": 0}),
        ("ReduceLogSumExp", (i64(1),), {}),
        ("Reshape", (i64(0, 2, -1),), {}),
        ("Flatten", (), {"axis": 0}),
        ("Transpose", (), {}),
        ("Unsqueeze", (i64(0, 2),), {}),
        ("Concat", (WEIGHTS,), {"axis": 0}),
        ("Gather", (i64(2, 0, -1),), {"axis": 1}),
        ("Cast", (), {"to": onnx.TensorProto.INT64}),
        ("Cast", (), {"to": onnx.TensorProto.DOUBLE}),
        ("Shape", (), {}),
    ],
)
def test_operators_of_onnx(op_type: str, constants: Constants, attributes: dict[str, Any]) -> None:
    compare(make(op_type, ROWS, constants, **attributes), ROWS)


def test_holes_are_found() -> None:
    assert np.isnan(HOLES).any()
    model = make("IsNaN", HOLES, ())
    cast = helper.make_node("Cast", ["out_y0"], ["whole"], to=onnx.TensorProto.INT64)
    model.graph.node.append(cast)
    model.graph.output[0].CopyFrom(helper.make_empty_tensor_value_info("whole"))
    compare(model, HOLES)


@pytest.mark.parametrize(
    ("op_type", "rows", "attributes"),
    [
        ("Scaler", ROWS, {"offset": [0.5, 0.0, 1.0, 2.0], "scale": [2.0, 1.0, 0.5, 3.0]}),
        ("Normalizer", ROWS, {"norm": "L1"}),
        ("Normalizer", ROWS, {"norm": "L2"}),
        ("Imputer", HOLES, {"imputed_value_floats": [9.0], "replaced_value_float": float("nan")}),
        ("Imputer", ROWS.round(), {"imputed_value_floats": [9.0], "replaced_value_float": 1.0}),
        ("OneHotEncoder", WORDS, {"cats_int64s": [8, 3, 4]}),
        (
            "LabelEncoder",
            WORDS,
            {"keys_int64s": [3, 8], "values_int64s": [30, 80], "default_int64": -7},
        ),
        (
            "LabelEncoder",
            WORDS,
            {"keys_int64s": [3, 8], "values_floats": [0.1, 0.7], "default_float": 2.5},
        ),
        (
            "LinearRegressor",
            ROWS,
            {"coefficients": [1.0, 2.0, 3.0, 4.0], "intercepts": [0.5], "targets": 1},
        ),
    ],
)
def test_preparations_of_tables(op_type: str, rows: np.ndarray, attributes: dict[str, Any]) -> None:
    compare(make(op_type, rows, (), domain="ai.onnx.ml", **attributes), rows)


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
def test_a_linear_classifier(transform: str) -> None:
    model = make(
        "LinearClassifier",
        ROWS,
        (),
        outputs=2,
        domain="ai.onnx.ml",
        coefficients=WEIGHTS[:3].ravel().tolist(),
        intercepts=[0.1, -0.2, 0.3],
        classlabels_ints=[5, 6, 9],
        post_transform=transform,
    )
    compare(model, ROWS)


def test_a_label_of_text_is_its_number() -> None:
    model = make(
        "LinearClassifier",
        ROWS,
        (),
        outputs=2,
        domain="ai.onnx.ml",
        coefficients=WEIGHTS[:3].ravel().tolist(),
        intercepts=[0.1, -0.2, 0.3],
        classlabels_strings=["ant", "bee", "cat"],
    )
    encoder = helper.make_node(
        "LabelEncoder",
        ["y0"],
        ["number"],
        domain="ai.onnx.ml",
        keys_strings=["cat", "ant", "bee"],
        values_int64s=[10, 20, 30],
    )
    model.graph.node.append(encoder)
    del model.graph.node[2]  # which would give the text
    model.graph.output[0].CopyFrom(helper.make_empty_tensor_value_info("number"))
    compare(model, ROWS)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (make("Softplus", ROWS, ()), r"it \(Softplus\): the operator has no form"),
        (make("Div", WORDS, (i64(2),)), r"it \(Div\): it works on int64"),
        (make("Cast", ROWS, (), to=onnx.TensorProto.FLOAT16), "it makes float16"),
        (make("Normalizer", ROWS, (), domain="ai.onnx.ml", norm="MAX"), "its norm is MAX"),
    ],
)
def test_what_has_no_form_is_refused_by_name(model: onnx.ModelProto, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        write_numpy(ir.from_proto(model))


def test_equal_graphs_give_equal_bytes() -> None:
    one, two = (
        write_numpy(ir.from_proto(compare_ready(make("MatMul", ROWS, (WEIGHTS,)))))
        for _ in range(2)
    )
    assert one == two
    program = read_program(one, "it.numpy")
    assert [step.op for step in program.steps] == ["matmul", "array"]
    assert program.sizes == {"@0": 16}


def compare_ready(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with the type of its output."""
    value = helper.make_tensor_value_info("out_y0", onnx.TensorProto.FLOAT, ["N", 4])
    model.graph.output[0].CopyFrom(value)
    return model


def test_what_is_no_program_is_refused() -> None:
    with pytest.raises(InputError, match=r"'it\.numpy' is no whole \.numpy file"):
        read_program(b"hello, I am no model", "it.numpy")
