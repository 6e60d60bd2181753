"""What stays float in int8, and models made of functions."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from edgeml_converters.inspection import inspect_model

SaveOnnx = Callable[..., Path]
FASHION = Path(__file__).parents[3] / "examples" / "fashion" / "fashion.onnx"


def _weights() -> dict[str, np.ndarray]:
    return {"w": np.ones((4, 3, 3, 3), np.float32)}


def test_what_stays_float_is_told_with_its_reason(save_onnx: SaveOnnx) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Erf", ["c"], ["y"], name="error"),
    ]
    found = inspect_model(save_onnx(nodes, {"x": (1, 3, 8, 8)}, {"y": (1, 4, 6, 6)}, _weights()))
    (finding,) = [finding for finding in found.blockers if finding.target == "int8"]
    assert (finding.node, finding.op_type) == ("error", "Erf")
    assert finding.reason == "Erf has no int8 rule"


def test_a_model_without_an_operator_for_int8_is_told(save_onnx: SaveOnnx) -> None:
    nodes = [helper.make_node("Erf", ["x"], ["y"], name="error")]
    found = inspect_model(save_onnx(nodes, {"x": (1, 3)}, {"y": (1, 3)}))
    (finding,) = [finding for finding in found.blockers if finding.target == "int8"]
    assert finding.node == ""
    assert "no operator of it" in finding.reason


def test_a_network_that_quantizes_whole_has_no_findings() -> None:
    assert inspect_model(FASHION).blockers == ()


def test_functions_are_counted_by_what_is_in_them(save_onnx: SaveOnnx) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="filter")]
    path = save_onnx(nodes, {"x": (1, 3, 8, 8)}, {"y": (1, 4, 6, 6)}, _weights())
    model = onnx.load(path)
    model.graph.node[0].domain, model.graph.node[0].op_type = "own", "Filter"
    body = [
        helper.make_node("Conv", ["a", "b"], ["t"]),
        helper.make_node("Relu", ["t"], ["r"]),
    ]
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("own", "Filter", ["a", "b"], ["r"], body, opsets))
    model.opset_import.append(helper.make_opsetid("own", 1))
    onnx.save(model, path)
    found = inspect_model(path)
    assert dict(found.ops) == {"Conv": 1, "Relu": 1}
    assert found.macs == 4 * 6 * 6 * 3 * 3 * 3
    assert dict(found.opsets) == {"ai.onnx": 17}
