"""The parity of two streams of outputs."""

import json
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml_converters.verify import Parity, compare_outputs
from edgeml_runtime.errors import InputError

VALUES = st.floats(-1e6, 1e6, width=32)
ARRAYS = hnp.arrays(np.float32, (4, 1, 5), elements=VALUES)


def _compare(reference: np.ndarray, candidate: np.ndarray) -> Parity:
    """Compare two arrays whose first axis counts the samples."""
    return compare_outputs(({"y": row} for row in reference), ({"y": row} for row in candidate))


def test_figures_of_a_small_case_by_hand() -> None:
    reference = np.array([[[3.0, 4.0]], [[0.0, 1.0]]], np.float32)
    candidate = np.array([[[3.0, 4.5]], [[0.0, 1.0]]], np.float32)
    parity = _compare(reference, candidate)
    assert parity.max_abs == 0.5
    assert parity.rel_range == 0.5 / 4.0  # the range over all samples, not of one
    assert parity.sqnr_db == pytest.approx(10 * math.log10(26 / 0.25))
    assert parity.cosine == pytest.approx((9 + 18 + 1) / math.sqrt(26 * (9 + 20.25 + 1)))
    assert parity.agreement == 100.0
    assert parity.samples == 2


@settings(deadline=None)
@given(ARRAYS)
def test_equal_outputs_are_perfect(values: np.ndarray) -> None:
    parity = _compare(values, values.copy())
    assert (parity.max_abs, parity.rel_range, parity.cosine) == (0.0, 0.0, 1.0)
    assert parity.sqnr_db == math.inf
    assert parity.agreement == 100.0
    assert parity.to_json()["sqnr_db"] is None


@settings(deadline=None)
@given(ARRAYS, ARRAYS)
def test_figures_equal_those_of_all_samples_at_once(
    reference: np.ndarray, candidate: np.ndarray
) -> None:
    parity = _compare(reference, candidate)
    expected, given_ = reference.astype(np.float64), candidate.astype(np.float64)
    error = np.abs(given_ - expected)
    assert parity.max_abs == error.max()
    assert -1.0 <= parity.cosine <= 1.0
    agreement = np.mean(expected[:, 0].argmax(1) == given_[:, 0].argmax(1))
    assert parity.agreement == pytest.approx(100.0 * agreement)
    if (error**2).sum() and (expected**2).sum():
        sqnr_db = 10 * np.log10((expected**2).sum() / (error**2).sum())
        assert parity.sqnr_db == pytest.approx(sqnr_db, abs=1e-6)
    json.dumps(parity.to_json(), allow_nan=False)


@settings(deadline=None)
@given(ARRAYS, st.floats(0.001, 1000))
def test_rel_range_does_not_depend_on_the_scale(values: np.ndarray, scale: float) -> None:
    values = values.astype(np.float64)
    candidate = values + np.linspace(0, 1, values.size).reshape(values.shape)
    plain, scaled = _compare(values, candidate), _compare(values * scale, candidate * scale)
    if values.any():  # a zero output is measured against 1
        assert scaled.rel_range == pytest.approx(plain.rel_range, rel=1e-6)


def test_a_constant_output_that_is_wrong_does_not_look_right() -> None:
    # A softmax along the wrong axis gives ones where thousandths are right; the cosine is 1.
    parity = _compare(np.full((3, 1, 1000), 0.001), np.ones((3, 1, 1000)))
    assert parity.cosine == pytest.approx(1.0)
    assert parity.rel_range > 1.0


def test_rounding_of_an_output_that_hardly_varies_is_no_difference() -> None:
    values = np.float32(0.001) + np.arange(10, dtype=np.float32).reshape(1, 1, 10) * 1e-9
    parity = _compare(values, np.nextafter(values, np.float32(1)))
    assert parity.rel_range < 1e-4


def test_an_output_of_zeros_is_measured_against_one() -> None:
    parity = _compare(np.zeros((2, 1, 3)), np.full((2, 1, 3), 0.25))
    assert parity.rel_range == 0.25
    assert parity.cosine == 0.0
    assert math.isfinite(parity.sqnr_db)
    assert parity.sqnr_db < -1000


def test_the_worst_output_counts_and_all_are_listed() -> None:
    reference = {"good": np.array([[0.0, 1.0]]), "bad": np.array([[0.0, 1.0]])}
    candidate = {"good": np.array([[0.0, 1.0]]), "bad": np.array([[2.0, 1.0]])}
    parity = compare_outputs([reference], [candidate])
    assert parity.worst.name == "bad"
    assert parity.max_abs == 2.0
    assert parity.agreement == 0.0
    rows = {row["name"]: row["max_abs"] for row in parity.to_json()["outputs"]}
    assert rows == {"good": 0.0, "bad": 2.0}


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (1, 1), (5,), ()])
def test_only_class_scores_have_agreement(shape: tuple[int, ...]) -> None:
    assert compare_outputs([{"y": np.ones(shape)}], [{"y": np.ones(shape)}]).agreement is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("broken", ["reference", "converted model"])
def test_a_value_that_is_not_finite_is_a_failure(value: float, broken: str) -> None:
    good, bad = np.ones((2, 1, 3)), np.ones((2, 1, 3))
    bad[1, 0, 2] = value
    parity = _compare(bad, good) if broken == "reference" else _compare(good, bad)
    assert parity.failure is not None
    assert broken in parity.failure
    assert "'y'" in parity.failure
    assert parity.rel_range == math.inf
    json.dumps(parity.to_json(), allow_nan=False)


def test_streams_are_read_side_by_side() -> None:
    order = []

    def stream(name: str) -> Iterator[dict[str, np.ndarray]]:
        for index in range(3):
            order.append(f"{name}{index}")
            yield {"y": np.ones(2)}

    compare_outputs(stream("a"), stream("b"))
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_what_cannot_be_compared_is_said() -> None:
    one = [{"y": np.ones((1, 2))}]
    with pytest.raises(InputError, match="only 1 samples"):
        compare_outputs(one, one * 2)
    with pytest.raises(InputError, match="no outputs to compare"):
        compare_outputs([], [])
    with pytest.raises(InputError, match="different outputs: y against z"):
        compare_outputs(one, [{"z": np.ones((1, 2))}])
    with pytest.raises(InputError, match=r"\(1, 2\) in the reference and \(1, 3\)"):
        compare_outputs(one, [{"y": np.ones((1, 3))}])
    with pytest.raises(InputError, match="numbers"):
        compare_outputs([{"y": np.array(["a"])}], [{"y": np.array(["a"])}])
