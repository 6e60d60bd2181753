"""Activations that exporters write out become single TFLite operators, with the same results."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgeml_converters.tflite import write_tflite

GELU = {
    "torch": ["x,sqrt2:Div:a", "a:Erf:b", "b,one:Add:c", "x,c:Mul:d", "d,half:Mul:y"],
    "half first": ["x,root:Mul:a", "a:Erf:b", "one,b:Add:c", "half,x:Mul:d", "d,c:Mul:y"],
    "half last": ["x,sqrt2:Div:a", "a:Erf:b", "b,one:Add:c", "c,half:Mul:d", "x,d:Mul:y"],
    "halved": ["x,sqrt2:Div:a", "a:Erf:b", "b,one:Add:c", "x,c:Mul:d", "d,two:Div:y"],
}
HARD_SWISH = {
    "divided": ["x,three:Add:a", "a,zero,six:Clip:b", "x,b:Mul:c", "c,six:Div:y"],
    "factor": ["three,x:Add:a", "a,zero,six:Clip:b", "b,sixth:Mul:c", "c,x:Mul:y"],
    "hard sigmoid": ["x:HardSigmoid:a", "x,a:Mul:y"],
}
OTHERS = {
    "another slope": ["x,two:Div:a", "a:Erf:b", "b,one:Add:c", "x,c:Mul:d", "d,half:Mul:y"],
    "another factor": ["x,sqrt2:Div:a", "a:Erf:b", "b,one:Add:c", "x,c:Mul:d", "d,two:Mul:y"],
    "another offset": ["x,two:Add:a", "a,zero,six:Clip:b", "x,b:Mul:c", "c,six:Div:y"],
}
CONSTANTS = {
    "sqrt2": np.sqrt(2),
    "root": np.sqrt(0.5),
    "one": 1,
    "half": 0.5,
    "two": 2,
    "three": 3,
    "zero": 0,
    "six": 6,
    "sixth": 1 / 6,
}


def _model(lines: list[str]) -> onnx.ModelProto:
    nodes = []
    for line in lines:
        inputs, op_type, output = line.split(":")
        nodes.append(onnx.helper.make_node(op_type, inputs.split(","), [output]))
        if op_type == "HardSigmoid":
            slopes = {"alpha": 1 / 6, "beta": 0.5}.items()
            nodes[-1].attribute.extend(onnx.helper.make_attribute(*slope) for slope in slopes)
    used = {name for node in nodes for name in node.input}
    constants = [
        onnx.numpy_helper.from_array(np.array(value, np.float32), name)
        for name, value in CONSTANTS.items()
        if name in used
    ]
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2, 50])
        for name in ("x", "y")
    ]
    graph = onnx.helper.make_graph(nodes, "net", ends[:1], ends[1:], constants)
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _run(lines: list[str]) -> tuple[list[str], float]:
    """Return the TFLite operators, and the largest difference from ONNX's reference."""
    model = _model(lines)
    x = np.linspace(-8, 8, 100, dtype=np.float32).reshape(2, 50)
    (expected,) = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})
    interpreter = Interpreter(model_content=write_tflite(ir.from_proto(model)))
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner("serving_default")
    found = runner(x=x)["y"]
    ops = [entry["op_name"] for entry in interpreter._get_ops_details()]
    return [name for name in ops if name != "DELEGATE"], float(np.abs(found - expected).max())


@pytest.mark.parametrize("name", GELU)
def test_gelu(name: str) -> None:
    ops, error = _run(GELU[name])
    assert ops == ["GELU"]
    assert error < 1e-5


@pytest.mark.parametrize("name", HARD_SWISH)
def test_hard_swish(name: str) -> None:
    ops, error = _run(HARD_SWISH[name])
    assert ops == ["HARD_SWISH"]
    assert error < 1e-5


@pytest.mark.parametrize("name", OTHERS)
def test_what_only_looks_like_one_stays(name: str) -> None:
    ops, error = _run(OTHERS[name])
    assert not {"GELU", "HARD_SWISH"} & set(ops)
    assert error < 1e-5
