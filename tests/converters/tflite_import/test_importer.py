"""Layout, evaluation and refusals of imports."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.inspection.tflite_document import read_model
from edgeml_converters.tflite import write_tflite
from edgeml_converters.tflite_import import import_tflite, is_stateful, stored_precision
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError, UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite_import.conftest import File, Imported

Same = Callable[..., "Imported"]
CONV = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
RNG = np.random.default_rng(3)


def read_inputs(data: bytes) -> list[tuple[int, ...]]:
    model = read_model(data, "net.tflite")
    return [model.graphs[0].tensors[place].shape for place in model.graphs[0].inputs]


def _conv(file: File, source: int, side: int = 6, channels: int = 4) -> int:
    made = file.tensor((1, side, side, channels))
    weights = file.constant(RNG.standard_normal((channels, 3, 3, channels)))
    bias = file.constant(RNG.standard_normal(channels))
    file.op("CONV_2D", [source, weights, bias], [made], "Conv2DOptions", **CONV)
    return made


def test_one_transpose_in_and_one_out_whatever_lies_between(tflite: File, same: Same) -> None:
    value = tflite.input((1, 6, 6, 4))
    for _ in range(3):
        value = _conv(tflite, value)
        added = tflite.tensor((1, 6, 6, 4))
        tflite.op("ADD", [value, tflite.constant(RNG.standard_normal(4))], [added], "AddOptions")
        padded = tflite.tensor((1, 6, 6, 4))
        tflite.op("SOFTMAX", [added], [padded], "SoftmaxOptions", beta=1.0)
        value = padded
    assert same(tflite.finish(value)).ops.count("Transpose") == 2


def test_inputs_and_outputs_keep_the_order_of_the_file(tflite: File, same: Same) -> None:
    model = same(tflite.finish(_conv(tflite, tflite.input((1, 6, 6, 4))))).model
    (given,), (made,) = model.graph.inputs, model.graph.outputs
    assert (given.name, made.name) == ("t0", "t1")
    assert list(given.shape or ()) == [1, 6, 6, 4] == list(made.shape or ())


def test_an_image_is_turned_where_it_comes_in(tflite: File, same: Same) -> None:
    scaled = tflite.tensor((1, 6, 6, 4))
    given = [tflite.input((1, 6, 6, 4)), tflite.constant(RNG.standard_normal(4))]
    tflite.op("MUL", given, [scaled], "MulOptions")
    made = tflite.tensor((1, 6, 6, 4))
    tflite.op("RELU", [_conv(tflite, scaled)], [made])
    imported = same(tflite.finish(made))
    assert imported.ops == ["Transpose", "Mul", "Conv", "Relu", "Transpose"]
    assert read_inputs(write_tflite(imported.model)) == [(1, 6, 6, 4)]


def test_a_transpose_to_channels_first_is_no_transpose(tflite: File, same: Same) -> None:
    value = _conv(tflite, tflite.input((1, 6, 6, 4)))
    turned = tflite.tensor((1, 4, 6, 6))
    tflite.op("TRANSPOSE", [value, tflite.constant([0, 3, 1, 2], "int32")], [turned])
    assert same(tflite.finish(turned)).ops == ["Transpose", "Conv"]


def test_computed_sizes_become_constants(tflite: File, same: Same) -> None:
    source = tflite.input((2, 3, 4))
    shape, first, sizes = (tflite.tensor(s, "int32") for s in ((3,), (), (2,)))
    tflite.op("SHAPE", [source], [shape], "ShapeOptions", outType=2)
    bounds = [tflite.constant([number], "int32") for number in (0, 1, 1)]
    mask = {"shrinkAxisMask": 1}
    tflite.op("STRIDED_SLICE", [shape, *bounds], [first], "StridedSliceOptions", **mask)
    rest = tflite.constant(12, "int32")
    tflite.op("PACK", [first, rest], [sizes], "PackOptions", valuesCount=2, axis=0)
    made = tflite.tensor((1, 1))
    tflite.op("RESHAPE", [source, sizes], [made])
    imported = same(tflite.finish(made))
    assert imported.ops == ["Reshape"]
    (result,) = imported.results.values()
    assert result.shape == (2, 12)


def test_a_constant_without_elements_is_a_constant(tflite: File, same: Same) -> None:
    source = tflite.input((2, 3))
    shape, number = tflite.tensor((2,), "int32"), tflite.tensor((), "int32")
    tflite.op("SHAPE", [source], [shape], "ShapeOptions", outType=2)
    sizes = tflite.tensor((1,), "int32")
    tflite.op("REDUCE_PROD", [shape, tflite.constant([0], "int32")], [sizes], "ReducerOptions")
    tflite.op("RESHAPE", [sizes, tflite.tensor((0,), "int32")], [number])
    made = tflite.tensor((2, 3), "int32")
    indices = tflite.input((2, 3), "int32")
    tflite.op("MAXIMUM", [indices, number], [made])
    result = same(tflite.finish(made))
    assert result.ops == ["Max"]


def test_half_precision_weights_become_float32(tflite: File, same: Same) -> None:
    half = tflite.constant(RNG.standard_normal((5, 4)), "float16")
    weights = tflite.tensor((5, 4))
    tflite.op("DEQUANTIZE", [half], [weights])
    made = tflite.tensor((2, 5))
    tflite.op("FULLY_CONNECTED", [tflite.input((2, 4)), weights], [made], "FullyConnectedOptions")
    data = tflite.finish(made)
    assert same(data).ops == ["Gemm"]
    assert stored_precision(read_model(data, "net.tflite")) == "float16"


def test_the_same_tensor_may_leave_twice_and_an_input_too(tflite: File, same: Same) -> None:
    source = tflite.input((2, 4))
    made = tflite.tensor((2, 4))
    tflite.op("RELU", [source], [made])
    same(tflite.finish(made, source))


def test_another_size_is_carried_through(tflite: File) -> None:
    source = tflite.input((1, 1), free=(0, 1))
    made = tflite.tensor((1, 1))
    tflite.op("RELU", [source], [made])
    model = import_tflite(tflite.finish(made), "net.tflite", {"t0": (1, 9)})
    assert [list(value.shape or ()) for value in model.graph.outputs] == [[1, 9]]


@pytest.mark.parametrize("engine", ["litert", "litert-builtin"])
def test_a_file_that_cannot_run_at_size_one_runs_at_another(tflite: File, engine: str) -> None:
    source = tflite.input((1, 1), free=(1,))
    made = tflite.tensor((2, 4))
    tflite.op("RESHAPE", [source, tflite.constant([2, 4], "int32")], [made])
    data = tflite.finish(made)
    with closing(open_engine(engine, data)) as opened:
        for _ in range(2):
            assert opened.run({"t0": np.ones((1, 8), np.float32)})["t1"].shape == (2, 4)
        with pytest.raises(InputError, match="cannot run the model on these inputs"):
            opened.run({"t0": np.ones((1, 1), np.float32)})
    model = import_tflite(data, "net.tflite", {"t0": (1, 8)})
    assert [list(value.shape or ()) for value in model.graph.outputs] == [[2, 4]]


def test_the_same_file_gives_the_same_bytes(tflite: File) -> None:
    data = tflite.finish(_conv(tflite, tflite.input((1, 6, 6, 4))))
    first, second = (import_tflite(data, "net.tflite", {"t0": (1, 6, 6, 4)}) for _ in range(2))
    assert serialize_onnx(first) == serialize_onnx(second)
    assert isinstance(first, ir.Model)


def test_every_operator_in_the_way_is_named_at_once(tflite: File) -> None:
    source = tflite.input((1, 8))
    handle = tflite.tensor((1,), "resource")
    tflite.op("VAR_HANDLE", [], [handle], "VarHandleOptions")
    kept = tflite.tensor((1, 8))
    tflite.op("READ_VARIABLE", [handle], [kept], "ReadVariableOptions")
    added = tflite.tensor((1, 8))
    tflite.op("ADD", [source, kept], [added], "AddOptions")
    tflite.op("ASSIGN_VARIABLE", [handle, source], [], "AssignVariableOptions")
    sliced = tflite.tensor((1, 1, 8))
    bounds = [tflite.constant([number, number], "int32") for number in (0, 8, 1)]
    tflite.op("STRIDED_SLICE", [source, *bounds], [sliced], "StridedSliceOptions", newAxisMask=1)
    data = tflite.finish(added, sliced)
    assert is_stateful(read_model(data, "net.tflite"))
    with pytest.raises(UnsupportedError) as caught:
        import_tflite(data, "models/net.tflite", {"t0": (1, 8)})
    assert caught.value.problem == (
        "4 operators have no form in the graph: VAR_HANDLE (t1), READ_VARIABLE (t2), "
        "ASSIGN_VARIABLE (operator 3): variables that last from one run to the next have no form "
        "in the graph; STRIDED_SLICE (t4): its new_axis_mask is not supported."
    )
    assert "--to tflite" in caught.value.remedy
    assert "net.tflite" in caught.value.remedy


def test_a_custom_operator_that_nobody_has_is_named(tflite: File) -> None:
    made = tflite.tensor((1, 8))
    tflite.op("CUSTOM:Sorcery", [tflite.input((1, 8))], [made])
    with pytest.raises(UnsupportedError, match=r"CUSTOM:Sorcery \(t0\): what a custom operator"):
        import_tflite(tflite.finish(made), "net.tflite", {"t1": (1, 8)})


def test_sizes_that_do_not_fit_are_told(tflite: File) -> None:
    data = tflite.finish(_conv(tflite, tflite.input((1, 6, 6, 4), free=(3,))))
    with pytest.raises(InputError, match="LiteRT cannot run the model with inputs of these sizes"):
        import_tflite(data, "net.tflite", {"t0": (1, 6, 6, 3)})


def test_rows_that_do_not_fit_are_told(tflite: File) -> None:
    made = tflite.tensor((2, 5))
    weights = tflite.constant(RNG.standard_normal((5, 4)))
    source = tflite.input((2, 4), free=(0, 1))
    tflite.op("FULLY_CONNECTED", [source, weights], [made], "FullyConnectedOptions")
    with pytest.raises(UnsupportedError, match="its input has 6 numbers, and a row is 4"):
        import_tflite(tflite.finish(made), "net.tflite", {"t2": (2, 3)})


def test_sparse_weights_are_refused(tflite: File) -> None:
    weights = tflite.constant(RNG.standard_normal((5, 4)))
    tflite.tensors[weights].sparsity = schema.SparsityParametersT()
    made = tflite.tensor((2, 5))
    tflite.op("FULLY_CONNECTED", [tflite.input((2, 4)), weights], [made], "FullyConnectedOptions")
    with pytest.raises(UnsupportedError, match="'t0' are stored sparse"):
        import_tflite(tflite.finish(made), "net.tflite", {"t2": (2, 4)})
