"""Large weights of an ONNX file, which stay in it."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.graph.protobuf import LARGE_WEIGHT_BYTES
from edgeml_converters.sources import load_source
from edgeml_converters.sources.mapped_weights import (
    ITSELF,
    BrokenMessageError,
    without_weights,
)
from edgeml_runtime.errors import InputError

LARGE = LARGE_WEIGHT_BYTES // 4


def _net(*tensors: TensorProto) -> onnx.ModelProto:
    """Return a model that adds *tensors*, each of one axis, to its input."""
    nodes, last = [], "x"
    for index, tensor in enumerate(tensors):
        nodes.append(helper.make_node("Add", [last, tensor.name], [f"y{index}"]))
        last = f"y{index}"
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [None])],
        list(tensors),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _weight(name: str, elements: int, seed: int = 0) -> TensorProto:
    values = np.random.default_rng(seed).standard_normal(elements).astype(np.float32)
    return numpy_helper.from_array(values, name)


def test_a_graph_is_read_and_written_with_the_same_numbers(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    large, small = _weight("large", LARGE, 1), _weight("small", LARGE, 2)
    small = _weight("small", 1, 2)
    path.write_bytes(_net(large, small).SerializeToString())
    model = load_source(str(path)).graph
    written = onnx.load_model_from_string(serialize_onnx(model))
    onnx.checker.check_model(written, full_check=True)
    found = {entry.name: numpy_helper.to_array(entry) for entry in written.graph.initializer}
    np.testing.assert_array_equal(found["large"], numpy_helper.to_array(large))
    np.testing.assert_array_equal(found["small"], numpy_helper.to_array(small))


@pytest.mark.parametrize("dtype", [TensorProto.INT4, TensorProto.BFLOAT16, TensorProto.FLOAT16])
def test_types_that_numpy_lacks_keep_their_bytes(tmp_path: Path, dtype: int) -> None:
    raw = np.random.default_rng(3).integers(0, 100, LARGE_WEIGHT_BYTES, np.uint8).tobytes()
    elements = LARGE_WEIGHT_BYTES * 8 // ir.DataType(dtype).bitwidth
    tensor = TensorProto(name="w", data_type=dtype, dims=[elements], raw_data=raw)
    proto = _net(_weight("v", 1))
    proto.opset_import[0].version, proto.ir_version = 21, 10
    proto.graph.initializer.append(tensor)
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    value = load_source(str(path)).graph.graph.initializers["w"].const_value
    assert value is not None
    assert value.tobytes() == raw


def test_a_graph_outlives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    weight = _weight("w", LARGE)
    path.write_bytes(_net(weight).SerializeToString())
    graph = load_source(str(path)).graph
    path.unlink()
    value = graph.graph.initializers["w"].const_value
    assert value is not None
    np.testing.assert_array_equal(value.numpy(), numpy_helper.to_array(weight))


@pytest.mark.parametrize(
    "entries",
    [
        {"location": ITSELF, "offset": "0", "length": str(LARGE * 4)},
        {"location": ITSELF, "offset": "999999999", "length": str(LARGE * 4)},
        {"location": ITSELF, "offset": "-8", "length": str(LARGE * 4)},
        {"location": ITSELF, "length": "many"},
    ],
    ids=["short", "beyond", "before", "no-number"],
)
def test_a_file_that_claims_to_lie_in_itself_is_refused(
    tmp_path: Path, entries: dict[str, str]
) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[LARGE])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    path = tmp_path / "net.onnx"
    path.write_bytes(_net(tensor).SerializeToString())
    with pytest.raises(InputError, match="outside the model's folder"):
        load_source(str(path))


@given(cut=st.integers(0, 2 * LARGE_WEIGHT_BYTES), byte=st.integers(0, 255))
def test_damage_is_told_or_changes_nothing_that_is_kept(cut: int, byte: int) -> None:
    data = bytearray(_net(_weight("w", LARGE), _weight("v", 3)).SerializeToString())
    for broken in (bytes(data[:cut]), bytes(data[: cut % len(data)]) + bytes([byte]) * 40):
        try:
            slim = without_weights(broken)
        except BrokenMessageError:
            continue
        assert len(slim) <= len(broken) + 200
