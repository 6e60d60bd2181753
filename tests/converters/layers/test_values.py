"""The values that are compared: layouts, groups, integers and their ends."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_converters.graph import optimize
from edgeml_converters.layers.axis_order import choose_arrangement
from edgeml_converters.quantize import calibrate, quantize_int8

if TYPE_CHECKING:
    import onnx

    from tests.converters.layers.conftest import Workshop


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.booleans(), st.integers(0, 99))
def test_any_layout_is_undone(shape: list[int], last: bool, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal(shape)
    rank = len(shape)
    moved = (0, *range(2, rank), 1) if last and rank >= 3 else tuple(range(rank))
    stored = values.transpose(moved)
    for candidate in (stored, stored.reshape([size for size in stored.shape if size != 1])):
        way = choose_arrangement(values, candidate)
        assert way is not None
        np.testing.assert_array_equal(way.apply(candidate), values)
    back = choose_arrangement(stored, values)
    assert back is not None
    np.testing.assert_array_equal(back.apply(values), stored)


def test_other_sizes_cannot_be_arranged() -> None:
    assert choose_arrangement(np.ones((1, 2, 3, 4)), np.ones((1, 4, 2, 4))) is None
    assert choose_arrangement(np.ones((1, 24)), np.ones((1, 2, 3, 4))) is None


@pytest.mark.parametrize("size", [4, 6])
def test_square_images_and_flattened_features(workshop: "type[Workshop]", size: int) -> None:
    """At size 4 all axes are as long, so that the sizes do not tell the layout."""
    net = workshop.Net((1, 4, size, size))
    value = net.op("Sigmoid", net.op("Flatten", net.op("Tanh", net.conv("x"))))
    weights = net.random.normal(0, 0.1, (4 * size * size, 5))
    model = net.finish(net.op("Gemm", value, net.constant(weights)))
    samples = workshop.Samples(shape=(1, 4, size, size))
    found = workshop.compared(workshop.as_onnx(model), workshop.as_tflite(model), samples)
    assert found.first_divergence is None
    assert {"t0", "t1", "t3", "t4"} <= {layer.name for layer in found.layers}


def _chain(workshop: "type[Workshop]") -> "onnx.ModelProto":
    net = workshop.Net()
    value = "x"
    for op_type in ("Relu", "Sigmoid", "Tanh"):
        value = net.op(op_type, net.conv(value))
    return net.finish(net.conv(value))


@pytest.mark.parametrize("form", ["onnx", "tflite", "int8 onnx", "int8 tflite"])
@settings(max_examples=5, deadline=None)
@given(st.sampled_from([1, 1200, 2400, 5000]))
def test_groups_give_what_one_run_gives(
    workshop: "type[Workshop]", form: str, group_bytes: int
) -> None:
    model = _chain(workshop)
    reference, candidate = workshop.as_onnx(model), workshop.forms[form](model)
    whole = workshop.compared(reference, candidate)
    grouped = workshop.compared(reference, candidate, group_bytes=group_bytes)
    assert [layer.name for layer in grouped.layers] == [layer.name for layer in whole.layers]
    for layer, other in zip(whole.layers, grouped.layers, strict=True):
        # A convolution that is fused where it is not asked for sums in another order.
        assert other.parity.max_abs == pytest.approx(layer.parity.max_abs, abs=1e-2)


def test_progress_ends_at_its_total(workshop: "type[Workshop]") -> None:
    model = workshop.as_onnx(_chain(workshop))
    seen: list[tuple[str, int, int]] = []
    workshop.compared(model, model, group_bytes=1, total=3, progress=lambda *e: seen.append(e))
    assert [done for _, done, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] == seen[-1][2] == 3 * len(model.network.tensors)


@pytest.mark.parametrize("form", ["as_onnx", "as_tflite"])
def test_values_beyond_the_range_are_counted_as_saturated(
    workshop: "type[Workshop]", form: str
) -> None:
    model = _chain(workshop)
    graph = optimize(workshop.as_onnx(model)._model)  # type: ignore[attr-defined]
    ranges = calibrate(graph, workshop.Samples())
    low, high = ranges.bounds["t2"]
    bounds = {**ranges.bounds, "t2": (low / 4, high / 4)}
    narrow = quantize_int8(graph, type(ranges)(bounds, ranges.samples))
    found = workshop.compared(workshop.as_onnx(model), getattr(workshop, form)(narrow))
    shares = {layer.name: layer.saturation for layer in found.layers}
    assert shares.pop("t2") > 0.2  # type: ignore[operator]
    assert all(share == 0 for name, share in shares.items() if name in {"x", "t1"})
    assert found.exclude[0].node == "n2"


def test_an_exact_copy_adds_no_error(workshop: "type[Workshop]") -> None:
    model = workshop.as_onnx(_chain(workshop))
    found = workshop.compared(model, model)
    assert all(layer.error_added == 0 for layer in found.layers)
    assert all(layer.parity.max_abs == 0 for layer in found.layers)
    assert found.first_divergence is None
    assert found.exclude == ()
