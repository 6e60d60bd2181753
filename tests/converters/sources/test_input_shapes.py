"""Sizes for free axes."""

from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper

from edgeml_converters.sources import load_source
from edgeml_runtime.errors import InputError

MakeProto = Callable[..., onnx.ModelProto]
Save = Callable[[onnx.ModelProto | bytes], str]


def test_given_sizes_reach_the_outputs(conv_net: MakeProto, save: Save) -> None:
    path = save(conv_net(("batch", 3, "height", "width")))
    source = load_source(path, {"x": (1, 3, 32, 48)})
    assert source.inputs[0].shape == (1, 3, 32, 48)
    assert source.outputs[0].shape == (1, 4, 32, 48)


def test_a_free_batch_stays_free(conv_net: MakeProto, save: Save) -> None:
    assert load_source(save(conv_net())).inputs[0].shape[0] is None


def test_a_named_size_holds_for_every_input(save: Save) -> None:
    ids = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", "length"]) for n in "ab"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"])],
        "net",
        ids,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "length"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = save(model)
    source = load_source(path, {"a": (1, 16)})
    assert [spec.shape for spec in (*source.inputs, *source.outputs)] == [(1, 16)] * 3
    with pytest.raises(InputError, match="the size 17, but it is 16"):
        load_source(path, {"a": (1, 16), "b": (1, 17)})


def test_a_named_size_can_be_given_by_its_name(conv_net: MakeProto, save: Save) -> None:
    path = save(conv_net(("batch", 3, "height", "width")))
    source = load_source(path, {"width": (48,), "height": (32,)})
    assert source.inputs[0].shape == (None, 3, 32, 48)
    assert source.outputs[0].shape == (None, 4, 32, 48)
    with pytest.raises(InputError, match="the size 40, but it is 48"):
        load_source(path, {"width": (48,), "x": (1, 3, 32, 40)})


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (("n", 3, "height", "width"), "--input-shape x:1x3x224x224"),
        (("n", 3, None, 64), "--input-shape x:1x3x224x64"),
    ],
)
def test_a_free_axis_is_answered_with_the_line_to_type(
    conv_net: MakeProto, save: Save, shape: tuple[int | str | None, ...], line: str
) -> None:
    with pytest.raises(InputError, match="axis 2") as caught:
        load_source(save(conv_net(shape)))
    assert line in caught.value.remedy


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (
            {"image": (1, 3, 8, 8)},
            r"no input or named size 'image'; its inputs are 'x' \(batch, 3, 8, 8\)",
        ),
        ({"x": (3, 8, 8)}, "has 3 axes, but input 'x' has 4"),
        ({"x": (1, 3, 9, 8)}, "axis 2 of input 'x' the size 9, but it is 8"),
        ({"x": (0, 3, 8, 8)}, "below 1"),
        ({"batch": (0,)}, "below 1"),
        ({"batch": (1, 2)}, "no input or named size 'batch'"),
    ],
    ids=["name", "rank", "size", "zero", "named zero", "named shape"],
)
def test_a_shape_that_does_not_fit_is_told_both_sides(
    conv_net: MakeProto, save: Save, shapes: dict[str, tuple[int, ...]], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        load_source(save(conv_net()), shapes)


def test_an_input_without_a_shape_must_get_one(conv_net: MakeProto, save: Save) -> None:
    proto = conv_net()
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    path = save(proto)
    with pytest.raises(InputError, match="no declared shape"):
        load_source(path)
    assert load_source(path, {"x": (1, 3, 8, 8)}).outputs[0].shape == (1, 4, 8, 8)


def test_an_output_without_a_shape_gets_it_from_the_graph(conv_net: MakeProto, save: Save) -> None:
    proto = conv_net()
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    assert load_source(save(proto)).outputs[0].shape == (None, 4, 8, 8)
