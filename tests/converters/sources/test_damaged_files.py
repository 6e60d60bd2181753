"""Files that are no whole ONNX model, and the words for each."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_converters.sources import load_source
from edgeml_runtime.errors import InputError

MakeProto = Callable[..., onnx.ModelProto]
Save = Callable[[onnx.ModelProto | bytes], str]
FASHION = Path(__file__).parents[3] / "examples" / "fashion" / "fashion.onnx"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"layers:\n  - conv\n", "is a text file"),
        ("Modèle à convertir\n".encode(), "is a text file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"PK\x03\x04" + bytes(60), "zip archive"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(60), "TFLite"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "HDF5"),
        (bytes(64), "do not parse"),
        (b"\x08\x08", "has no graph"),
    ],
    ids=["empty", "text", "utf8", "lfs", "zip", "tflite", "hdf5", "zeros", "header"],
)
def test_other_content_is_told_apart(save: Save, content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_source(save(content))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_cut_goes_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = FASHION.read_bytes()
    near_the_end = st.integers(len(content) - 200, len(content) - 1)
    length = data.draw(st.integers(0, len(content) - 1) | near_the_end)
    path = tmp_path_factory.getbasetemp() / "cut.onnx"
    path.write_bytes(content[:length])
    with pytest.raises(InputError):
        load_source(str(path))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_bytes_give_a_worded_error_or_a_model(
    conv_net: MakeProto, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(conv_net().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(content)
    try:
        source = load_source(str(path))
    except InputError:
        return
    assert source.outputs


def _cut_outputs(proto: onnx.ModelProto) -> None:
    del proto.graph.output[:]


def _cut_nodes(proto: onnx.ModelProto) -> None:
    del proto.graph.node[:]


def _cut_opset(proto: onnx.ModelProto) -> None:
    del proto.opset_import[:]


def _cut_weights(proto: onnx.ModelProto) -> None:
    del proto.graph.initializer[:]


def _cut_numbers(proto: onnx.ModelProto) -> None:
    proto.graph.initializer[0].raw_data = proto.graph.initializer[0].raw_data[:-8]


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (_cut_outputs, "no outputs"),
        (_cut_nodes, "nothing in it makes its output 'y'"),
        (_cut_opset, "which opset"),
        (_cut_weights, "truncated"),
        (_cut_numbers, r"tensor 'w' of shape \[4, 3, 3, 3\] holds 424 bytes instead of 432"),
    ],
)
def test_parts_that_are_missing_are_named(
    conv_net: MakeProto, save: Save, cut: Callable[[onnx.ModelProto], None], words: str
) -> None:
    proto = conv_net()
    cut(proto)
    with pytest.raises(InputError, match=words):
        load_source(save(proto))


@pytest.mark.parametrize("opset", [1, 6, 99])
def test_an_opset_out_of_range_is_named(conv_net: MakeProto, save: Save, opset: int) -> None:
    with pytest.raises(InputError, match=f"opset {opset}; opsets 7 to"):
        load_source(save(conv_net(opset=opset)))


def test_a_broken_rule_is_quoted(conv_net: MakeProto, save: Save) -> None:
    proto = conv_net()
    proto.graph.node[0].op_type = "Convolution"
    with pytest.raises(InputError, match="breaks the ONNX rules"):
        load_source(save(proto))


def _save_with_weights_beside(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    onnx.save_model(proto, path, save_as_external_data=True, location="net.data", size_threshold=0)
    return path


def test_weights_that_were_left_behind_are_named(conv_net: MakeProto, tmp_path: Path) -> None:
    path = _save_with_weights_beside(conv_net(), tmp_path)
    (tmp_path / "net.data").unlink()
    with pytest.raises(InputError, match=r"'net\.data', which is not beside it"):
        load_source(str(path))


def test_weights_beside_the_file_are_measured(conv_net: MakeProto, tmp_path: Path) -> None:
    path = _save_with_weights_beside(conv_net(), tmp_path)
    data = tmp_path / "net.data"
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(InputError, match=r"net\.data' is truncated"):
        load_source(str(path))


@pytest.mark.parametrize("location", ["../net.data", "/etc/passwd", ""])
def test_weights_outside_the_folder_are_not_read(
    conv_net: MakeProto, tmp_path: Path, location: str
) -> None:
    path = _save_with_weights_beside(conv_net(), tmp_path)
    proto = onnx.load_model(path, load_external_data=False)
    proto.graph.initializer[0].external_data[0].value = location
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match="outside the model's folder"):
        load_source(str(path))
