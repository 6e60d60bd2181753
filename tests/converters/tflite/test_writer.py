"""The file itself: determinism, names, signature, metadata, alignment, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.tflite import Blocker, check_convertible, supported_ops, write_tflite
from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net

FASHION = Path(__file__).parents[3] / "examples" / "fashion" / "fashion.onnx"


def _small(net: type[Net]) -> onnx.ModelProto:
    graph = net()
    x = graph.conv(graph.input("image", ["batch", 3, 6, 5]), (3, 4))
    y = graph.conv(x, (4, 4), groups=4)
    model = graph.model(graph.gemm(graph.op("Flatten", graph.op("Add", x, y)), 120, 7))
    model.graph.output[0].name = "scores"
    model.graph.node[-1].output[0] = "scores"
    return model


def test_same_model_gives_the_same_bytes(net: type[Net]) -> None:
    first = write_tflite(ir.from_proto(_small(net)))
    assert first == write_tflite(ir.from_proto(_small(net)))
    assert first == write_tflite(
        ir.from_proto(onnx.ModelProto.FromString(_small(net).SerializeToString()))
    )


def test_source_is_not_changed() -> None:
    model = ir.load(FASHION)
    before = serialize_onnx(model)
    write_tflite(model)
    check_convertible(model)
    assert serialize_onnx(model) == before


def test_names_signature_and_metadata(net: type[Net], same: Callable[..., Converted]) -> None:
    data = same(_small(net)).data
    assert data[4:8] == b"TFL3"
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    (graph,) = model.subgraphs
    (signature,) = model.signatureDefs
    assert signature.signatureKey == b"serving_default"
    inputs = {entry.name: graph.tensors[entry.tensorIndex] for entry in signature.inputs}
    outputs = {entry.name: graph.tensors[entry.tensorIndex] for entry in signature.outputs}
    assert {name: tensor.name for name, tensor in inputs.items()} == {b"image": b"image"}
    assert {name: tensor.name for name, tensor in outputs.items()} == {b"scores": b"scores"}
    assert list(inputs[b"image"].shape) == [1, 6, 5, 3]
    (metadata,) = model.metadata
    assert metadata.name == b"min_runtime_version"
    version = bytes(model.buffers[metadata.buffer].data)
    assert len(version) == 16
    assert version.rstrip(b"\0") == b"1.5.0"


def test_tensor_names_are_those_of_the_source(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    model = _small(net)
    written = {name for node in model.graph.node for name in node.output}
    computed = [t for t in same(model).tensors if t.buffer == 0]
    assert {t.name.decode() for t in computed} <= written | {"image"}


def test_buffers_are_aligned_and_shared(net: type[Net]) -> None:
    graph = net()
    x = graph.input("x", [1, 3, 6, 6])
    weights = graph.const(graph.rng.standard_normal((3, 3, 3, 3)))
    again = graph.const(np.array(onnx.numpy_helper.to_array(graph.constants[0])))
    y = graph.op("Conv", graph.op("Conv", x, weights), again)
    data = write_tflite(ir.from_proto(graph.model(y)))
    model = schema.Model.GetRootAs(data, 0)
    tensors = [model.Subgraphs(0).Tensors(i) for i in range(model.Subgraphs(0).TensorsLength())]
    large = [t.Buffer() for t in tensors if t.ShapeLength() == 4 and t.Buffer()]
    assert len(large) == 2
    assert len(set(large)) == 1
    whole = np.frombuffer(data, np.uint8)
    for index in range(1, model.BuffersLength()):
        held = model.Buffers(index).DataAsNumpy()
        offset = held.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
        assert offset % 16 == 0


def test_every_blocker_is_listed_at_once(net: type[Net]) -> None:
    graph = net()
    x = graph.input("x", [1, 4, 6, 6])
    y = graph.op("Relu", graph.op("Det", x))
    z = graph.op("LRN", graph.op("Relu", x), size=2)
    w = graph.op("NonZero", x)
    model = ir.from_proto(graph.model(y, z, w))
    blockers = check_convertible(model)
    assert [(b.node, b.op_type) for b in blockers] == [
        ("n0", "Det"),
        ("n3", "LRN"),
        ("n4", "NonZero"),
    ]
    with pytest.raises(UnsupportedError) as caught:
        write_tflite(model)
    assert all(
        b.node in caught.value.problem and b.reason in caught.value.problem for b in blockers
    )
    assert caught.value.exit_code == 2


def test_a_convertible_model_has_no_blockers(net: type[Net]) -> None:
    assert check_convertible(ir.from_proto(_small(net))) == []
    assert Blocker("a", "B", "c") == Blocker("a", "B", "c")


def test_free_axes_beside_the_batch_are_refused(net: type[Net]) -> None:
    graph = net()
    x = graph.input("photo", ["batch", 3, "height", "width"])
    model = ir.from_proto(graph.model(graph.conv(x, (3, 4))))
    with pytest.raises(UnsupportedError, match="photo has free axes") as caught:
        write_tflite(model)
    assert "--input-shape photo:1x3x224x224" in caught.value.remedy


def test_supported_ops_are_sorted_and_real() -> None:
    ops = supported_ops()
    assert list(ops) == sorted(set(ops))
    assert {"Conv", "Gemm", "MaxPool", "QuantizeLinear"} <= set(ops)
    for op in ops:
        assert onnx.defs.has(op)


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_graphs_without_images_keep_their_axes(
    net: type[Net], same: Callable[..., Converted], rank: int
) -> None:
    graph = net()
    shape: list[int | str] = [*range(1, rank + 1)]
    converted = same(graph.model(graph.op("Relu", graph.input("x", shape))))
    assert [tuple(t.shape) for t in converted.tensors] == [tuple(shape)] * 2


def test_images_of_equal_sides_are_channels_last_too(
    net: type[Net], tflite_runner: Callable[..., dict[str, np.ndarray]]
) -> None:
    graph = net()
    y = graph.op("MaxPool", graph.input("x", [1, 3, 3, 3]), kernel_shape=[1, 1])
    data = write_tflite(ir.from_proto(graph.model(y)))
    x = np.arange(27, dtype=np.float32).reshape(1, 3, 3, 3)
    np.testing.assert_array_equal(tflite_runner(data, {"x": x})[y], x.transpose(0, 2, 3, 1))


def test_an_output_that_is_an_input_or_a_constant_is_copied(
    net: type[Net], convert: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.input("x", [2, 3])
    model = graph.model(graph.op("Identity", x), graph.op("Relu", x), graph.op("Dropout", x))
    converted = convert(model)
    for name, expected in converted.expected.items():
        np.testing.assert_array_equal(converted.results[name], expected)
