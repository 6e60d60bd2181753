"""What calibration adds up sample by sample is what numpy computes from all values at once."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from edgeml_converters.histogram import Histogram, HistogramCounter
from edgeml_converters.quantize import Detail, Observations, calibrate
from edgeml_converters.quantize.observers import SAMPLED_VALUES

Floats = npt.NDArray[np.floating[Any]]
Numbers = Floats | float | tuple[float, float]
ALL = Detail(histograms=True, peaks=True, products=True)
INPUTS = np.random.default_rng(3).normal(0.3, 1, (7, 3, 8, 8)).astype(np.float32)


@pytest.fixture
def names() -> dict[str, str]:
    """The names of the network's values by what they are, as the fixture `network` fills them."""
    return {}


@pytest.fixture
def network(net: Callable[..., Any], names: dict[str, str]) -> ir.Model:
    """A network with weights of each kind, all of its values among the outputs."""
    small = net()
    names["conv"] = small.conv("x", 3, 4)
    names["relu"] = small.op("Relu", names["conv"])
    weights = (small.random.normal(0, 1, shape) for shape in [(6, 2, 3, 2), (6, 5), (4, 5)])
    grouped, matrix, turned = map(small.constant, weights)
    names["grouped"] = small.op(
        "Conv", names["relu"], grouped, group=2, strides=[2, 1], dilations=[1, 2], pads=[0, 1, 2, 1]
    )
    names["pool"] = small.op("Flatten", small.op("GlobalAveragePool", names["grouped"]))
    names["product"] = small.op("MatMul", names["pool"], matrix)
    names["gemm"] = small.op("Gemm", names["product"], turned, transB=1)
    names["softmax"] = small.op("Softmax", names["gemm"], axis=1)
    model: ir.Model = small.finish(*names.values())
    return model


@pytest.fixture
def values(
    network: ir.Model, names: dict[str, str], run: Callable[..., Any]
) -> Mapping[str, Floats]:
    """All values of the network over all samples, by what they are."""
    found = run(network, {"x": INPUTS})
    return {"input": INPUTS, **{kind: found[name] for kind, name in names.items()}}


@pytest.fixture
def seen(network: ir.Model) -> Observations:
    """What calibration sees of the same samples, one at a time."""
    return calibrate(network, [{"x": sample[np.newaxis]} for sample in INPUTS], detail=ALL)


def _near(found: Numbers, expected: Numbers) -> None:
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)


def _over(operation: Callable[..., Floats], array: Floats, axis: int) -> Floats:
    return operation(array, axis=tuple(i for i in range(array.ndim) if i != axis % array.ndim))


def test_bounds_are_the_extremes(
    seen: Observations, values: Mapping[str, Floats], names: dict[str, str]
) -> None:
    assert seen.samples == len(INPUTS)
    for kind, array in values.items():
        _near(seen.bounds[names.get(kind, "x")], (array.min(), array.max()))


def test_means_are_those_of_what_is_multiplied(
    seen: Observations, values: Mapping[str, Floats], names: dict[str, str]
) -> None:
    axes = {"input": 1, "relu": 1, "pool": 1, "product": 1}
    assert seen.means.keys() == {(names.get(kind, "x"), axis) for kind, axis in axes.items()}
    for kind, axis in axes.items():
        _near(seen.means[names.get(kind, "x"), axis], _over(np.mean, values[kind], axis))


def test_peaks_are_the_largest_magnitudes(
    seen: Observations, values: Mapping[str, Floats], names: dict[str, str]
) -> None:
    for kind, array in values.items():
        _near(seen.peaks[names.get(kind, "x"), 1], _over(np.max, np.abs(array), 1))


def test_row_peaks_are_the_least_of_the_largest(
    seen: Observations, values: Mapping[str, Floats], names: dict[str, str]
) -> None:
    assert seen.row_peaks.keys() == {names["gemm"]}
    _near(seen.row_peaks[names["gemm"]], values["gemm"].max(axis=1).min())


def test_products_are_those_under_the_filters(
    seen: Observations, values: Mapping[str, Floats], names: dict[str, str]
) -> None:
    padded = np.pad(values["input"], ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows = sliding_window_view(padded, (3, 3), axis=(2, 3))  # (N, C, H, W, 3, 3)
    rows = rows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 27)
    assert seen.products[names["conv"]].shape == (1, 27, 27)
    _near(seen.products[names["conv"]][0], rows.T @ rows / len(INPUTS))

    padded = np.pad(values["relu"], ((0, 0), (0, 0), (0, 2), (1, 1)))
    windows = sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, :, :, ::2]
    for group in range(2):
        part = windows[:, 2 * group : 2 * group + 2].transpose(0, 2, 3, 1, 4, 5)
        rows = part.reshape(-1, 12)
        _near(seen.products[names["grouped"]][group], rows.T @ rows / len(INPUTS))

    for kind, source in {"product": "pool", "gemm": "product"}.items():
        rows = values[source]
        _near(seen.products[names[kind]][0], rows.T @ rows / len(INPUTS))


def _near_histogram(found: Histogram, array: Floats) -> None:
    counter = HistogramCounter()
    counter.add(array)
    expected = counter.histogram()
    assert (found.width, found.counts.sum()) == (expected.width, array.size)
    assert found.zeros == expected.zeros
    # Two kernels may put a value on either side of an edge.
    moved = np.cumsum(found.counts - expected.counts)
    assert np.abs(moved).max() <= 2


def test_histograms_count_every_value_of_small_tensors(
    seen: Observations, values: Mapping[str, Floats], names: dict[str, str]
) -> None:
    for kind, array in values.items():
        _near_histogram(seen.histograms[names.get(kind, "x")], array)


def test_large_tensors_are_counted_in_part_and_all_columns_are_met(net: Callable[..., Any]) -> None:
    small = net(shape=(1, 4, 128, 128))
    model = small.finish(small.op("Relu", "x"))
    columns = np.broadcast_to(np.arange(128, dtype=np.float32), (1, 4, 128, 128))
    seen = calibrate(model, [{"x": np.ascontiguousarray(columns)}], detail=ALL)
    histogram = seen.histograms["x"]
    assert columns.size / SAMPLED_VALUES > 4
    assert SAMPLED_VALUES / 2 < histogram.counts.sum() <= SAMPLED_VALUES
    assert np.count_nonzero(histogram.counts) == 128
    assert seen.bounds["x"] == (0.0, 127.0)


@pytest.mark.parametrize("name", [entry.name for entry in fields(Detail)])
def test_only_what_is_asked_for_is_watched(network: ir.Model, name: str) -> None:
    samples = [{"x": INPUTS[:1]}]
    seen = calibrate(network, samples, detail=Detail(**{name: True}))
    for entry in fields(Detail):
        assert bool(getattr(seen, entry.name)) == (entry.name == name)
    assert not any(getattr(calibrate(network, samples), entry.name) for entry in fields(Detail))


def test_the_parts_of_a_detail_add_up() -> None:
    parts = [Detail(**{entry.name: True}) for entry in fields(Detail)]
    whole = Detail()
    for part in parts:
        assert not whole.holds(part)
        whole |= part
        assert whole.holds(part)
        assert whole.holds(Detail())
        assert part.holds(whole) == (part == whole)
    assert whole == ALL
