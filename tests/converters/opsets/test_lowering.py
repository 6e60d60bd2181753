"""Graphs in older operator sets: the same results, or the nodes that have no older form."""

import functools
import os
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case import node as node_cases
from onnx.backend.test.case.test_case import TestCase as NodeCase

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.inspection import onnxruntime_limits
from edgeml_converters.opsets import Limits, lower_model
from edgeml_runtime.errors import UnsupportedError

NEWEST = onnx.defs.onnx_opset_version()
OLD_ENGINES = os.environ.get("EDGEML_OLD_ENGINES")
"""A Python with onnxruntime 1.16, where the lowered models are run too."""
OPERATORS = (
    *("AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "Elu", "Expand"),
    *("Gelu", "GroupNormalization", "HardSwish", "LSTM", "LayerNormalization", "MatMul", "Mish"),
    *("Pad", "RMSNormalization", "ReduceMax", "ReduceMean", "Reshape", "Resize", "ScatterND"),
    *("Softmax", "Split", "Squeeze", "Swish", "TopK", "Transpose", "Where"),
)


@functools.cache
def _cases() -> tuple[NodeCase, ...]:
    """Return ONNX's own tests of `OPERATORS` with numbers in and out, constants held as such."""
    chosen = []
    node_cases._existing_names.clear()  # it refuses to be asked twice in a process
    node_cases._NodeTestCases.clear()
    with warnings.catch_warnings(action="ignore"):  # of numpy, where cases overflow on purpose
        cases = node_cases.collect_testcases("")
    for case in cases:
        assert case.model is not None
        inputs, outputs = _values(case)
        values = (*inputs, *outputs)
        numbers = all(getattr(value, "dtype", np.dtype(object)).kind in "fiub" for value in values)
        ops = {node.op_type for node in case.model.graph.node}
        if numbers and ops <= set(OPERATORS) and "_expanded" not in case.name:
            chosen.append(case)
    return tuple(chosen)


def _values(case: NodeCase) -> tuple[list[np.ndarray], list[np.ndarray]]:
    assert case.data_sets is not None
    inputs, outputs = case.data_sets[0]
    return list(inputs), list(outputs)


def _with_constants(case: NodeCase) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Return a case with its inputs but the first as constants, as models have shapes and axes."""
    model = onnx.ModelProto()
    assert case.model is not None
    model.CopyFrom(case.model)
    first, *others = model.graph.input
    values, _ = _values(case)
    del model.graph.input[1:]
    for entry, value in zip(others, values[1:], strict=True):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), entry.name))
    return model, {first.name: values[0]}


def _run(model: onnx.ModelProto | bytes, feed: dict[str, np.ndarray]) -> list[np.ndarray] | None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    data = model if isinstance(model, bytes) else model.SerializeToString()
    try:
        outputs: list[np.ndarray] = onnxruntime.InferenceSession(data, options).run(None, feed)
    except Exception:  # noqa: BLE001 - onnxruntime's errors have no other base
        return None  # the engine has no kernel for the case
    return outputs


@pytest.mark.parametrize("version", ["1.17", "1.16", "1.12", "1.8", "1.6"])
def test_onnx_own_cases_keep_their_results(version: str, tmp_path: Path) -> None:
    limits = onnxruntime_limits(version)
    assert limits is not None
    lowered_ops = set()
    for case in _cases():
        model, feed = _with_constants(case)
        expected = _run(model, feed)
        if expected is None:
            continue
        try:
            lowered = lower_model(ir.from_proto(model), limits, "it")
        except UnsupportedError:
            continue  # tested below, by name
        assert lowered.opset_imports[""] <= limits.opsets[""]
        assert lowered.ir_version <= limits.ir_version
        found = _run(serialize_onnx(lowered), feed)
        assert found is not None, case.name
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, 1e-3, 1e-3, err_msg=case.name)
        lowered_ops |= {node.op_type for node in model.graph.node}
        if version == "1.16":
            _keep(tmp_path, case.name, serialize_onnx(lowered), feed, expected)
    assert lowered_ops >= set(OPERATORS) - {"RMSNormalization", "Swish"}
    if version == "1.16" and OLD_ENGINES:
        _run_in_the_old_engine(tmp_path)


def _keep(
    folder: Path, name: str, data: bytes, feed: dict[str, np.ndarray], outputs: list[np.ndarray]
) -> None:
    (folder / f"{name}.onnx").write_bytes(data)
    arrays = {f"in_{key}": value for key, value in feed.items()}
    arrays |= {f"out_{index}": value for index, value in enumerate(outputs)}
    np.savez(folder / f"{name}.npz", allow_pickle=False, **arrays)


def _run_in_the_old_engine(folder: Path) -> None:
    script = Path(__file__).with_name("run_in_old_engine.py")
    assert OLD_ENGINES is not None
    done = subprocess.run(
        [OLD_ENGINES, str(script), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_model_that_is_old_enough_is_left_alone() -> None:
    model = ir.from_proto(_one_node("Relu", opset=17))
    assert lower_model(model, Limits(9, {"": 19}), "it") is model


def test_only_the_version_of_the_format_may_change() -> None:
    model = ir.from_proto(_one_node("Relu", opset=17, ir_version=10))
    lowered = lower_model(model, Limits(8, {"": 19}), "it")
    assert (lowered.ir_version, lowered.opset_imports[""], model.ir_version) == (8, 17, 10)


def _one_node(
    op_type: str, opset: int = NEWEST, ir_version: int = 8, **attributes: object
) -> onnx.ModelProto:
    node = helper.make_node(op_type, ["x"], ["y"], name="node")
    node.attribute.extend(helper.make_attribute(name, v) for name, v in attributes.items())
    float_ = TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "net",
        [helper.make_tensor_value_info("x", float_, [1, 4, 8, 8])],
        [helper.make_tensor_value_info("y", float_, None)],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version
    )


def _wrapping_pad() -> onnx.ModelProto:
    model = _one_node("Pad", mode="wrap")
    model.graph.initializer.append(numpy_helper.from_array(np.ones(8, np.int64), "pads"))
    model.graph.node[0].input.append("pads")
    return model


def _computed_axes() -> onnx.ModelProto:
    model = _one_node("ReduceMean")
    model.graph.input.append(helper.make_tensor_value_info("axes", TensorProto.INT64, [1]))
    model.graph.node[0].input.append("axes")
    return model


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_wrapping_pad, r"node \(Pad\): its mode has the value 'wrap' only since opset 19"),
        (_computed_axes, r"node \(ReduceMean\): its axes must be known before it runs"),
        (
            lambda: _one_node("AveragePool", kernel_shape=[2, 2], dilations=[2, 2]),
            r"node \(AveragePool\): its attribute dilations is newer",
        ),
        (
            lambda: _one_node("BitwiseNot", opset=18),
            r"node \(BitwiseNot\): there was no such operator",
        ),
    ],
    ids=["value", "input", "attribute", "operator"],
)
def test_what_has_no_older_form_is_named(make: Callable[[], onnx.ModelProto], words: str) -> None:
    limits = onnxruntime_limits("1.12")
    assert limits is not None
    with pytest.raises(UnsupportedError, match=words) as caught:
        lower_model(ir.from_proto(make()), limits, "onnxruntime 1.12")
    assert "onnxruntime 1.12 reads opset 17" in caught.value.problem


def test_operators_of_others_are_refused() -> None:
    model = _one_node("Relu", opset=20)
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises(UnsupportedError, match=r"com\.example are not part of ONNX"):
        lower_model(ir.from_proto(model), Limits(9, {"": 19}), "it")
