"""The model's operator behind what an engine ran, on real models and their real profiles."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.hotspots import is_quantized, join_operators
from edgeml_converters.inspection import ModelOperator, inspect_model, list_operators
from edgeml_devices.emulation import ensure_sysroot
from edgeml_devices.latency import profile_model
from edgeml_devices.profile import load_device

MODELS = Path(__file__).parents[1] / "runtime" / "models"
CLASSIFIER = MODELS / "classifier.tflite"


def _conv(name: str, macs: int | None = 9) -> ModelOperator:
    return ModelOperator("Conv", name, multiplies=True, macs=macs, integer=False)


def _relu(name: str) -> ModelOperator:
    return ModelOperator("Relu", name, multiplies=False, macs=0, integer=False)


@pytest.mark.emulated
@pytest.mark.parametrize("engine", ["litert", "litert-builtin"])
def test_every_multiplication_of_a_real_profile_is_found(engine: str) -> None:
    rpi4 = load_device("rpi4")
    result = profile_model(rpi4, ensure_sysroot(rpi4), engine, CLASSIFIER)
    model = list_operators(CLASSIFIER)
    joined = join_operators([(o.name, o.kind) for o in result.operators], model)
    assert len(joined) == len(result.operators)
    assert [j.macs for j in joined if j.macs] == [o.macs for o in model if o.macs]
    assert sum(j.macs or 0 for j in joined) == inspect_model(CLASSIFIER).macs
    layers = [o.name for o in model if o.multiplies]
    assert [j.layer for j in joined if j.macs] == layers
    if engine == "litert-builtin":  # it runs the file as it is: every operator has its name
        assert all(j.layer for j in joined[:-1])


def test_names_win_over_positions() -> None:
    model = [_conv("a", 1), _relu("b"), _conv("c", 3)]
    run = [("fused c", "FusedConv"), ("x", "Transpose"), ("a_token_7", "QLinearConv")]
    joined = join_operators(run, model)
    assert [(j.layer, j.macs) for j in joined] == [("c", 3), ("", 0), ("a", 1)]


def test_positions_serve_engines_without_names() -> None:
    model = [_conv("first;folded;names", 1), _relu("r"), _conv("second", None)]
    kinds = ["Convert (NC, F32, F16)", "Convolution (NHWC, F32) IGEMM", "Fully Connected (NC) GEMM"]
    joined = join_operators([(kind, kind) for kind in kinds], model)
    assert [(j.layer, j.macs) for j in joined] == [("", 0), ("first", 1), ("second", None)]


def test_what_cannot_be_told_apart_is_not_known() -> None:
    joined = join_operators([("DWConv", "Convolution DWConv")], [_conv("a"), _conv("b")])
    assert [(j.layer, j.macs) for j in joined] == [("", None)]


@given(
    names=st.lists(st.text("abc/.", min_size=1, max_size=4), unique=True, max_size=8),
    data=st.data(),
)
def test_any_order_is_undone_by_names(names: list[str], data: st.DataObject) -> None:
    model = [_conv(name, position) for position, name in enumerate(names)]
    order = data.draw(st.permutations(range(len(names))))
    joined = join_operators([(f"fused {names[at]}", "FusedConv") for at in order], model)
    assert [j.macs for j in joined] == list(order)


def test_integers_are_seen_in_layers_and_in_scales() -> None:
    assert not is_quantized([_conv("a"), _relu("b")])
    # A lookup or an image of bytes alone is no quantized model.
    gather = ModelOperator("GATHER", "g", multiplies=False, macs=0, integer=True)
    assert not is_quantized([_conv("a"), gather])
    assert is_quantized([ModelOperator("CONV_2D", "c", multiplies=True, macs=1, integer=True)])
    scale = ModelOperator("DequantizeLinear", "d", multiplies=False, macs=0, integer=False)
    assert is_quantized([_conv("a"), scale])
