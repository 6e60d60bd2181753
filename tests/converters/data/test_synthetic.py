"""Made-up samples."""

import numpy as np
import pytest

from edgeml_converters.data import synthetic_data
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.tensors import TensorSpec

IMAGE = TensorSpec("image", (None, 3, 4, 4), "float32")


def test_samples_are_the_same_every_time_and_differ_from_each_other() -> None:
    dataset = synthetic_data((IMAGE,), samples=4)
    first, again = list(dataset), list(dataset)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.inputs["image"], other.inputs["image"])
    assert not np.array_equal(first[0].inputs["image"], first[1].inputs["image"])
    longer = next(iter(synthetic_data((IMAGE,), samples=9)))
    np.testing.assert_array_equal(first[0].inputs["image"], longer.inputs["image"])


def test_samples_are_flagged_unlabelled_and_counted() -> None:
    dataset = synthetic_data((IMAGE,))
    assert dataset.synthetic
    assert not dataset.labelled
    assert len(dataset) == 8
    assert next(iter(dataset)).inputs["image"].shape == (1, 3, 4, 4)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("int64", 0, 7),
        ("int32", 0, 7),
        ("uint8", 0, 255),
        ("int8", -128, 127),
        ("bool", 0, 1),
        ("float16", -6, 6),
    ],
)
def test_values_suit_the_type(dtype: str, low: int, high: int) -> None:
    value = next(iter(synthetic_data((TensorSpec("x", (1, 2000), dtype),)))).inputs["x"]
    assert value.dtype == dtype
    assert low <= value.min() < value.max() <= high


def test_a_free_size_asks_for_the_shape() -> None:
    with pytest.raises(InputError, match=r"axis 2, 3.*--input-shape image:"):
        synthetic_data((TensorSpec("image", (None, 3, None, None), "float32"),))


def test_text_inputs_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="'words'"):
        synthetic_data((TensorSpec("words", (1,), "str"),))
