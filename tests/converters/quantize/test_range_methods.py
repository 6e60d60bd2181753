"""Every method of choosing a range, held to what a range must be; and each to its own promise."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml_converters.histogram import Histogram, HistogramCounter
from edgeml_converters.quantize.affine import activation_quantization, quantize
from edgeml_converters.quantize.range_methods import LEVELS, METHODS, Bounds, range_method
from edgeml_runtime.errors import InputError

Floats = npt.NDArray[np.float32]
NAMES = (*METHODS, "percentile:90", "percentile:99.9", "percentile:100")
FLOATS = st.floats(-100, 100, width=32)
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
LARGEST = float(np.finfo(np.float32).max)
RANDOM = np.random.default_rng(11)
SHAPES: dict[str, npt.NDArray[np.floating]] = {
    "normal": RANDOM.normal(0, 1, 2000),
    "heavy tails": RANDOM.standard_t(2, 2000),
    "behind a Relu": np.maximum(RANDOM.normal(-1, 1, 2000), 0),
    "behind a sigmoid": 1 / (1 + np.exp(-RANDOM.normal(4, 1, 2000))),
    "positive": RANDOM.uniform(2, 5, 2000),
    "negative": RANDOM.uniform(-5, -2, 2000),
    "one value": np.full(50, 3.0),
    "one number": np.array([-0.25]),
    "zeros": np.zeros(50),
    "one outlier": np.append(RANDOM.normal(0, 1, 20000), 1000.0),
    "two outliers": np.append(RANDOM.normal(0, 1, 20000), [1000.0, -800.0]),
    "masks": np.append(RANDOM.normal(0, 1, 2000), np.full(500, -10000.0)),
    "huge": np.append(RANDOM.normal(0, 1e37, 2000), [LARGEST, -LARGEST]),
    "tiny": RANDOM.normal(0, 1e-39, 2000),
    "denormal": np.array([SMALLEST, -SMALLEST, 0.0]),
    "decades": 10.0 ** RANDOM.uniform(-30, 30, 2000),
}


def _seen(values: npt.NDArray[np.floating], *, every: int = 1) -> tuple[Bounds, Histogram]:
    """Return the bounds of all values, and the histogram of some."""
    floats = values.astype(np.float32)
    counter = HistogramCounter()
    counter.add(floats[::every])
    return (float(floats.min()), float(floats.max())), counter.histogram()


def _chosen(name: str, values: npt.NDArray[np.floating], *, every: int = 1) -> Bounds:
    method = range_method(name)
    assert method is not None
    return method(*_seen(values, every=every))


def _check(name: str, values: npt.NDArray[np.floating], *, every: int = 1) -> None:
    (least, largest), _ = _seen(values, every=every)
    low, high = _chosen(name, values, every=every)
    assert min(least, 0.0) <= low <= high <= max(largest, 0.0)
    grid = activation_quantization(low, high)
    assert np.isfinite(grid.scale)
    if least < largest and not name.startswith("percentile"):  # most may be zeros
        assert high > 0.0 or low < 0.0, "something is left"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", SHAPES)
def test_any_method_stays_within_what_was_seen(name: str, kind: str) -> None:
    _check(name, SHAPES[kind])
    _check(name, SHAPES[kind], every=7)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(NAMES), hnp.arrays(np.float32, st.integers(1, 40), elements=FLOATS))
def test_any_method_stays_within_any_numbers(name: str, values: Floats) -> None:
    _check(name, values)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(NAMES),
    hnp.arrays(np.float32, st.integers(1, 40), elements=st.integers(-500, 500)),
    st.integers(-60, 60),
)
def test_any_method_chooses_the_same_in_another_unit(
    name: str, values: Floats, exponent: int
) -> None:
    factor = 2.0**exponent
    low, high = _chosen(name, values)
    scaled = _chosen(name, values * np.float32(factor))
    np.testing.assert_allclose(scaled, (low * factor, high * factor), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["positive", "negative", "behind a sigmoid", "one value"])
def test_any_method_keeps_most_of_what_lies_on_one_side_of_zero(name: str, kind: str) -> None:
    """A tenth of the values may be cut at either end, but not all of them."""
    values = SHAPES[kind]
    low, high = _chosen(name, values)
    inside = (values >= min(low, 0.0) - 0.01) & (values <= max(high, 0.0) + 0.01)
    assert inside.mean() >= 0.8


@settings(max_examples=60, deadline=None)
@given(
    st.floats(90, 100),
    hnp.arrays(np.float32, st.integers(1, 400), elements=st.floats(-4, 4, width=32)),
)
def test_percentile_cuts_the_share_that_it_says_at_either_end(
    percentage: float, values: Floats
) -> None:
    _, histogram = _seen(values)
    allowed = values.size * (1 - percentage / 100) + 1e-9
    low, high = _chosen(f"percentile:{percentage}", values)
    width = histogram.width
    assert (values < low).sum() <= allowed
    assert (values > high).sum() <= allowed
    # One bin further in would be too much.
    assert (values < low + width).sum() >= allowed - 2e-9
    assert (values >= high - width).sum() >= allowed - 2e-9


def test_percentile_alone_is_that_of_9999() -> None:
    values = SHAPES["one outlier"]
    assert _chosen("percentile", values) == _chosen("percentile:99.99", values)
    assert _chosen("percentile", values)[1] < 10.0


def test_a_percentile_of_100_cuts_nothing() -> None:
    values = SHAPES["heavy tails"]
    assert _chosen("percentile:100", values) == _seen(values)[0]


def _measure(bounds: Bounds, histogram: Histogram) -> float:
    """Return what mse minimizes: the errors of clipping, and of rounding what is no zero."""
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    centres = (histogram.edges[:-1] + histogram.edges[1:]) / 2
    clipped = np.maximum(centres - high, 0.0) + np.maximum(low - centres, 0.0)
    rounded = int(histogram.counts.sum()) - histogram.zeros
    step = (high - low) / (LEVELS - 1)
    return float((histogram.counts * clipped**2).sum() + rounded * step**2 / 12)


@pytest.mark.parametrize("kind", SHAPES)
def test_mse_is_never_worse_than_minmax_by_its_measure(kind: str) -> None:
    bounds, histogram = _seen(SHAPES[kind])
    chosen = _chosen("mse", SHAPES[kind])
    assert _measure(chosen, histogram) <= _measure(bounds, histogram) * (1 + 1e-12)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float32, st.integers(1, 60), elements=FLOATS))
def test_mse_is_never_worse_than_minmax_on_any_numbers(values: Floats) -> None:
    bounds, histogram = _seen(values)
    chosen = _chosen("mse", values)
    assert _measure(chosen, histogram) <= _measure(bounds, histogram) * (1 + 1e-12)


def _noise(bounds: Bounds, values: npt.NDArray[np.floating]) -> float:
    grid = activation_quantization(*bounds)
    restored = (quantize(values, grid).astype(np.float64) - grid.zero_point) * grid.scale
    return float(((restored - values) ** 2).mean())


@pytest.mark.parametrize("outliers", [[12.0], [12.0, 11.0, -9.0], [-15.0, 20.0]])
def test_mse_has_less_noise_than_minmax_beside_rare_outliers(outliers: list[float]) -> None:
    normal = np.random.default_rng(5).standard_normal(1_000_000, np.float32)
    values = np.append(normal, np.array(outliers, np.float32))
    bounds, _ = _seen(values)
    assert _noise(_chosen("mse", values), values) < 0.9 * _noise(bounds, values)


def test_entropy_gives_up_an_outlier_and_keeps_a_uniform_range() -> None:
    low, high = _chosen("entropy", SHAPES["one outlier"])
    assert -10 < low < -2
    assert 2 < high < 200, "a bin is too wide for less"
    flat = np.random.default_rng(3).uniform(-1, 1, 100_000)
    low, high = _chosen("entropy", flat)
    assert low < -0.95
    assert high > 0.95


def test_minmax_needs_no_histogram() -> None:
    assert range_method("minmax") is None


@pytest.mark.parametrize(
    "name",
    ["", "max", "MSE", "mse:3", "minmax:1", ":99", "percentiles", "mse,entropy", "percentile 99"],
)
def test_an_unknown_method_is_told_which_there_are(name: str) -> None:
    with pytest.raises(InputError) as caught:
        range_method(name)
    assert repr(name) in caught.value.problem
    for known in ("minmax", *METHODS):
        assert known in caught.value.remedy


@pytest.mark.parametrize(
    "number", ["", "lots", "nan", "inf", "-99", "0", "89.9", "100.1", "99.9:1", "1e400", "99,9"]
)
def test_a_percentage_must_be_one_from_90_to_100(number: str) -> None:
    with pytest.raises(InputError, match="no percentage from 90 to 100") as caught:
        range_method(f"percentile:{number}")
    assert repr(f"percentile:{number}") in caught.value.problem
    assert "percentile:99.9" in caught.value.remedy
