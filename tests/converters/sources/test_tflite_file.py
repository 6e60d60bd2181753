"""What a TFLite file becomes as a source."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.sources import load_source
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

FASHION = Path(__file__).parents[3] / "examples" / "fashion" / "fashion.onnx"


@pytest.fixture(scope="module")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example network as a TFLite file."""
    path = tmp_path_factory.mktemp("tflite") / "fashion.tflite"
    path.write_bytes(write_tflite(load_source(str(FASHION)).graph))
    return path


def test_a_file_says_what_goes_in_and_out_and_what_it_is(fashion: Path) -> None:
    source = load_source(str(fashion))
    assert source.name == "fashion"
    assert source.sha256 == hashlib.sha256(fashion.read_bytes()).hexdigest()
    (given,), (made,) = source.inputs, source.outputs
    assert given == TensorSpec(given.name, (None, 28, 28, 1), "float32", "NHWC")
    assert made.shape == (None, 10)
    assert source.native is not None
    assert source.native.data == fashion.read_bytes()
    assert (source.native.format, source.native.precision) == ("tflite", "float32")
    assert not source.stateful


def test_the_graph_takes_the_same_inputs(fashion: Path) -> None:
    source = load_source(str(fashion))
    (given,) = source.graph.graph.inputs
    assert given.name == source.inputs[0].name
    assert list(given.shape or ()) == [1, 28, 28, 1]


def test_the_reference_is_litert_on_the_file(fashion: Path) -> None:
    source = load_source(str(fashion))
    engine = source.reference()
    image = {source.inputs[0].name: np.ones((1, 28, 28, 1), np.float32)}
    assert engine.name == "litert"
    assert engine.run(image)[source.outputs[0].name].shape == (1, 10)
    engine.close()


def test_a_size_that_is_fixed_cannot_be_given(fashion: Path) -> None:
    name = load_source(str(fashion)).inputs[0].name
    with pytest.raises(InputError, match=r"gives axis 1 of input .* the size 32, but it is 28"):
        load_source(str(fashion), {name: (1, 32, 32, 1)})
    with pytest.raises(InputError, match=r"no input.* 'images'"):
        load_source(str(fashion), {"images": (1, 28, 28, 1)})


@pytest.mark.parametrize("cut", [0, 6, 40, 3000])
def test_a_damaged_file_is_told(fashion: Path, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(fashion.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"TFLite model|truncated or damaged"):
        load_source(str(path))


def test_another_kind_of_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(FASHION.read_bytes())
    with pytest.raises(InputError, match=r"is not a TFLite model"):
        load_source(str(path))


def test_an_integer_file_keeps_its_precision(tmp_path: Path) -> None:
    """int8 in and out, as integers: the scale is told beside them."""
    names = ("x", "s", "z"), ("q",), ("d",), ("r",), ("y",)
    nodes = [
        helper.make_node("DequantizeLinear", names[0], names[1]),
        helper.make_node("Relu", names[1], names[2]),
        helper.make_node("QuantizeLinear", (*names[2], "s", "z"), names[4]),
    ]
    constants = [
        numpy_helper.from_array(np.array(0.1, np.float32), "s"),
        numpy_helper.from_array(np.array(3, np.int8), "z"),
    ]
    borders = [helper.make_tensor_value_info(n, TensorProto.INT8, [1, 8]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "net", borders[:1], borders[1:], constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(proto, tmp_path / "net.onnx")
    path = tmp_path / "net.tflite"
    path.write_bytes(write_tflite(load_source(str(tmp_path / "net.onnx")).graph))
    source = load_source(str(path))
    assert source.native is not None
    assert source.native.precision == "int8"
    assert [spec.dtype for spec in (*source.inputs, *source.outputs)] == ["int8", "int8"]
    quantization = source.inputs[0].quantization
    assert quantization is not None
    assert (round(quantization.scale, 6), quantization.zero_point) == (0.1, 3)
