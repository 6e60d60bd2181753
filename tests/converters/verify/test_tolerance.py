"""The limits that parity must keep."""

import numpy as np
import pytest

from edgeml_converters.verify import Parity, check_parity, compare_outputs, load_tolerances
from edgeml_runtime.errors import InputError


def _scores(samples: int, wrong: int, error: float = 0.0) -> Parity:
    """Two classes; *wrong* samples choose the other one, and all differ by *error*."""
    reference = [{"logits": np.array([[0.0, 1.0]])}] * samples
    right = {"logits": np.array([[0.0, 1.0 + error]])}
    other = {"logits": np.array([[2.0, 1.0]])}
    return compare_outputs(reference, [other] * wrong + [right] * (samples - wrong))


def test_every_precision_has_a_row() -> None:
    assert set(load_tolerances()) == {"float32", "float16", "dynamic", "int8x16", "int8"}


def test_float32_is_held_to_its_range() -> None:
    assert check_parity(_scores(4, 0, error=9e-5), "float32") is None
    failure = check_parity(_scores(4, 0, error=2e-4), "float32")
    assert failure is not None
    assert "'logits' differs by 0.0002 of its range" in failure
    assert "allows 0.0001" in failure


def test_int8_is_held_to_its_agreement_when_samples_say_something() -> None:
    assert check_parity(_scores(100, 10), "int8") is None
    failure = check_parity(_scores(100, 11), "int8")
    assert failure is not None
    assert "89.0 % of 100 samples" in failure
    assert check_parity(_scores(8, 4), "int8") is None


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic", "int8"])
def test_values_that_are_not_finite_always_fail(precision: str) -> None:
    parity = compare_outputs([{"y": np.ones(2)}], [{"y": np.array([1.0, np.nan])}])
    failure = check_parity(parity, precision)
    assert failure is not None
    assert "not finite" in failure


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InputError, match=r"'int3'.*float32, float16"):
        check_parity(_scores(1, 0), "int3")
