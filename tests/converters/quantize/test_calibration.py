"""What calibration sees, keeps and refuses."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.quantize import calibrate
from edgeml_runtime.errors import InputError


def _samples(count: int, shape: tuple[int, ...] = (1, 3, 8, 8)) -> Iterator[dict[str, np.ndarray]]:
    random = np.random.default_rng(3)
    for _ in range(count):
        yield {"x": random.standard_normal(shape, dtype=np.float32)}


def test_ranges_are_the_extremes_over_all_samples(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net()
    conv = small.conv("x", 3, 4)
    relu = small.op("Relu", conv)
    model = small.finish(relu, conv)
    ranges = calibrate(model, _samples(5))
    inputs = np.concatenate([sample["x"] for sample in _samples(5)])
    seen = {"x": inputs, **run(model, {"x": inputs})}
    assert ranges.samples == 5
    assert ranges.bounds.keys() == seen.keys()
    for name, values in seen.items():
        np.testing.assert_allclose(
            ranges.bounds[name], (values.min(), values.max()), rtol=1e-5, atol=1e-6
        )


def test_the_model_is_not_changed(net: Callable[..., Any]) -> None:
    small = net()
    model = small.finish(small.conv("x", 3, 4))
    before = serialize_onnx(model)
    calibrate(model, _samples(1))
    assert serialize_onnx(model) == before


def test_no_sample_is_kept(net: Callable[..., Any]) -> None:
    small = net()
    model = small.finish(small.conv("x", 3, 4))
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def watched_samples() -> Iterator[dict[str, np.ndarray]]:
        nonlocal most
        for sample in _samples(50):
            alive.append(weakref.ref(sample["x"]))
            most = max(most, sum(reference() is not None for reference in alive))
            yield sample

    assert calibrate(model, watched_samples()).samples == 50
    assert most <= 3  # the one here, the one in the engine, and the one before


def test_progress_counts_every_sample(net: Callable[..., Any]) -> None:
    small = net()
    model = small.finish(small.conv("x", 3, 4))
    told: list[tuple[str, int, int]] = []
    calibrate(model, _samples(3), lambda *state: told.append(state), total=3)
    assert told == [("calibrate", done, 3) for done in (1, 2, 3)]


def test_an_empty_generator_is_an_error(net: Callable[..., Any]) -> None:
    small = net()
    model = small.finish(small.conv("x", 3, 4))
    used = _samples(1)
    list(used)
    with pytest.raises(InputError, match="no samples"):
        calibrate(model, used)


@pytest.mark.parametrize("position", [0, 5, 100, 191])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_broken_value_names_the_tensor_and_the_sample(
    net: Callable[..., Any], position: int, value: float
) -> None:
    small = net()
    model = small.finish(small.op("Relu", small.conv("x", 3, 4)))
    samples = list(_samples(2))
    samples[1]["x"].flat[position] = value
    with pytest.raises(InputError, match=r"Tensor 'x' holds NaN or infinite values .* sample 2"):
        calibrate(model, samples)


def test_a_value_that_overflows_inside_names_the_inner_tensor(net: Callable[..., Any]) -> None:
    small = net()
    huge = small.op("Mul", "x", small.constant(3e38))
    model = small.finish(small.op("Clip", huge, small.constant(0), small.constant(6)))
    with pytest.raises(InputError, match=f"Tensor '{huge}'"):
        calibrate(model, [{"x": np.full((1, 3, 8, 8), 9, np.float32)}])


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ({"y": np.zeros((1, 3, 8, 8), np.float32)}, ("'y'", "'x'")),
        ({"x": np.zeros((1, 3, 9, 8), np.float32)}, ("1x3x9x8", "x3x8x8")),
        ({"x": np.zeros((3, 8, 8), np.float32)}, ("3x8x8", "x3x8x8")),
        ({"x": np.zeros((1, 3, 8, 8), np.float64)}, ("float64", "float32")),
    ],
    ids=["name", "size", "rank", "dtype"],
)
def test_a_sample_that_does_not_fit_is_told_both_sides(
    net: Callable[..., Any], sample: dict[str, np.ndarray], words: tuple[str, str]
) -> None:
    small = net()
    model = small.finish(small.conv("x", 3, 4))
    with pytest.raises(InputError, match="Calibration sample 1") as caught:
        calibrate(model, [sample])
    assert all(word in caught.value.problem for word in words)
