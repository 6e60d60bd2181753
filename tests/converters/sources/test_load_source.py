"""What a sound ONNX file becomes."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from edgeml_converters.sources import LOADERS, load_source
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.tensors import TensorSpec

MakeProto = Callable[..., onnx.ModelProto]
Save = Callable[[onnx.ModelProto | bytes], str]


def test_a_source_says_what_goes_in_and_out(conv_net: MakeProto, save: Save) -> None:
    path = save(conv_net())
    source = load_source(path)
    assert (source.name, source.path) == ("net", Path(path))
    assert source.sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert source.inputs == (TensorSpec("x", (None, 3, 8, 8), "float32", "NCHW"),)
    assert source.outputs == (TensorSpec("y", (None, 4, 8, 8), "float32", "NCHW"),)


def test_the_suffix_is_read_in_any_case(conv_net: MakeProto, tmp_path: Path) -> None:
    path = tmp_path / "NET.ONNX"
    path.write_bytes(conv_net().SerializeToString())
    assert load_source(str(path)).name == "NET"


def test_the_file_is_only_read(conv_net: MakeProto, save: Save) -> None:
    path = Path(save(conv_net(("n", 3, "h", "w"))))
    path.chmod(0o444)
    before = path.read_bytes()
    source = load_source(str(path), {"x": (1, 3, 16, 16)})
    source.reference().close()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_reference_is_the_untouched_model(conv_net: MakeProto, save: Save) -> None:
    source = load_source(save(conv_net(("n", 3, "h", "w"))), {"x": (1, 3, 16, 16)})
    engine = source.reference()
    sample = np.ones((2, 3, 5, 7), np.float32)  # a shape that only the source itself still takes
    assert engine.run({"x": sample})["y"].shape == (2, 4, 5, 7)


def test_weights_listed_as_inputs_are_not_fed(conv_net: MakeProto, save: Save) -> None:
    proto = conv_net(opset=8, ir_version=3)
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (4, 3, 3, 3)))
    source = load_source(save(proto))
    assert [spec.name for spec in source.inputs] == ["x"]
    assert [value.name for value in source.graph.graph.inputs] == ["x"]
    assert source.graph.ir_version >= 4
    onnx.checker.check_model(ir.to_proto(source.graph))


def test_weights_beside_the_file_are_taken_in(conv_net: MakeProto, tmp_path: Path) -> None:
    proto = conv_net()
    expected = proto.graph.initializer[0].raw_data
    path = tmp_path / "net.onnx"
    onnx.save_model(proto, path, save_as_external_data=True, location="net.data", size_threshold=0)
    source = load_source(str(path))
    content = path.read_bytes() + (tmp_path / "net.data").read_bytes()
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert source.reference().run({"x": np.ones((1, 3, 8, 8), np.float32)})["y"].any()
    weights = source.graph.graph.initializers["w"].const_value
    assert weights is not None
    (tmp_path / "net.data").unlink()
    assert weights.tobytes() == expected
    with pytest.raises(InputError, match=r"net\.data' cannot be read"):
        _ = source.graph


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file '.*absent\.onnx'"):
        load_source(str(tmp_path / "absent.onnx"))


@pytest.mark.parametrize("name", ["folder.onnx", "folder"])
def test_a_folder_is_no_model(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="folder"):
        load_source(str(tmp_path / name))


def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(b"\x00")
    with pytest.raises(UnsupportedError, match="caffemodel") as caught:
        load_source(str(path))
    assert all(suffix in caught.value.remedy for suffix in LOADERS)


def test_every_loader_can_be_imported() -> None:
    for target in LOADERS.values():
        module, function = target.split(":")
        assert callable(getattr(__import__(module, fromlist=[function]), function))


def test_outputs_that_are_no_tensors_are_refused(save: Save) -> None:
    graph = helper.make_graph(
        [helper.make_node("SplitToSequence", ["x"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 3))],
        [helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(UnsupportedError, match=re.escape("'y'")):
        load_source(save(model))


def test_an_output_of_no_declared_type_is_refused(conv_net: MakeProto, save: Save) -> None:
    proto = conv_net()
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.UNDEFINED
    with pytest.raises(InputError, match=r"'y'|rules"):
        load_source(save(proto))
