"""Whether samples fit the model, and what is said when they do not."""

from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.data import open_data
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

Inputs = tuple[TensorSpec, ...]


def _data(tmp_path: Path, inputs: np.ndarray) -> str:
    np.savez(tmp_path / "d.npz", inputs=inputs)
    return str(tmp_path / "d.npz")


def test_a_batch_axis_is_added_or_kept(tmp_path: Path, image_inputs: Inputs) -> None:
    for shape in ((2, 3, 4, 6), (2, 1, 3, 4, 6)):
        spec = _data(tmp_path, np.zeros(shape, np.float32))
        shapes = [sample.inputs["image"].shape for sample in open_data(spec, image_inputs, None)]
        assert shapes == [(1, 3, 4, 6)] * 2


def test_a_wrong_shape_names_both_and_the_remedy(tmp_path: Path, image_inputs: Inputs) -> None:
    spec = _data(tmp_path, np.zeros((2, 3, 8, 8), np.float32))
    with pytest.raises(
        InputError, match=r"Row 0 .* float32 1x3x8x8; .*'image' is float32 \?x3x4x6.*--preprocess"
    ):
        open_data(spec, image_inputs, None)


def test_axes_in_the_other_order_are_recognised(tmp_path: Path, image_inputs: Inputs) -> None:
    spec = _data(tmp_path, np.zeros((2, 4, 6, 3), np.float32))
    with pytest.raises(InputError, match="axes are in the other order"):
        open_data(spec, image_inputs, None)


def test_a_wrong_type_names_both_and_the_remedy(tmp_path: Path, image_inputs: Inputs) -> None:
    spec = _data(tmp_path, np.zeros((2, 3, 4, 6), np.uint8))
    with pytest.raises(InputError, match=r"is uint8 .* is float32 .*--preprocess"):
        open_data(spec, image_inputs, None)


def test_a_wrong_shape_after_preprocessing_names_the_steps(
    tmp_path: Path, image_inputs: Inputs, pipeline: Pipeline
) -> None:
    spec = _data(tmp_path, np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"after preprocessing, is float32 1x3x8x8.*resize"):
        open_data(spec, image_inputs, pipeline)


def test_preprocessing_needs_one_input(
    tmp_path: Path, image_inputs: Inputs, pipeline: Pipeline
) -> None:
    spec = _data(tmp_path, np.zeros((2, 4, 6, 3), np.uint8))
    two = (*image_inputs, TensorSpec("size", (2,), "float32"))
    with pytest.raises(InputError, match=r"this model has 2 \(image, size\)"):
        open_data(spec, two, pipeline)


@pytest.mark.parametrize("name", ["gone", "gone.txt", "/no/where", "module", "a b:c"])
def test_data_that_is_not_there_lists_the_forms(image_inputs: Inputs, name: str) -> None:
    with pytest.raises(InputError, match=r"no data at .*\.npz.*module:callable"):
        open_data(name, image_inputs, None)


def test_a_file_of_another_kind_lists_the_forms(tmp_path: Path, image_inputs: Inputs) -> None:
    (tmp_path / "data.csv").write_text("1,2,3")
    with pytest.raises(InputError, match="not a form of data that is known"):
        open_data(str(tmp_path / "data.csv"), image_inputs, None)
