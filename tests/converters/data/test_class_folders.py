"""DATA as a folder of class folders."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeml_converters.data import open_data
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

Inputs = tuple[TensorSpec, ...]
WriteImage = Callable[[Path, tuple[int, int, int]], Path]

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_class_index_is_the_place_of_the_sorted_folder_name(
    tmp_path: Path, image_inputs: Inputs, pipeline: Pipeline, write_image: WriteImage
) -> None:
    write_image(tmp_path / "dog" / "b.png", GREEN)
    write_image(tmp_path / "dog" / "a.png", BLUE)
    write_image(tmp_path / "cat" / "z.png", RED)
    dataset = open_data(str(tmp_path), image_inputs, pipeline)
    assert len(dataset) == 3
    assert dataset.labelled
    assert [sample.label for sample in dataset] == [0, 1, 1]
    colours = [tuple(sample.raw[0, 0]) for sample in dataset]
    assert colours == [RED, BLUE, GREEN]


def test_images_are_rgb_and_preprocessed(
    tmp_path: Path, image_inputs: Inputs, pipeline: Pipeline, write_image: WriteImage
) -> None:
    write_image(tmp_path / "only" / "a.png", (255, 51, 0))
    (sample,) = open_data(str(tmp_path), image_inputs, pipeline)
    assert sample.raw.shape == (4, 6, 3)
    assert sample.raw.dtype == np.uint8
    value = sample.inputs["image"]
    assert value.shape == (1, 3, 4, 6)
    np.testing.assert_allclose(value[0, :, 0, 0], [1.0, 0.2, 0.0], atol=1e-6)


def test_suffixes_in_capitals_and_links_count(
    tmp_path: Path, image_inputs: Inputs, pipeline: Pipeline, write_image: WriteImage
) -> None:
    elsewhere = write_image(tmp_path / "elsewhere" / "a.PNG", RED).parent
    data = tmp_path / "data"
    data.mkdir()
    (data / "linked_folder").symlink_to(elsewhere, target_is_directory=True)
    (data / "real_folder").mkdir()
    (data / "real_folder" / "linked.JpEg").symlink_to(elsewhere / "a.PNG")
    dataset = open_data(str(data), image_inputs, pipeline)
    assert [sample.label for sample in dataset] == [0, 1]


def test_other_files_and_hidden_ones_are_passed_over(
    tmp_path: Path, image_inputs: Inputs, pipeline: Pipeline, write_image: WriteImage
) -> None:
    write_image(tmp_path / "cat" / "a.png", RED)
    write_image(tmp_path / "cat" / ".b.png", RED)
    write_image(tmp_path / ".cache" / "a.png", RED)
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    assert len(open_data(str(tmp_path), image_inputs, pipeline)) == 1


def test_grey_images_get_three_channels(
    tmp_path: Path, image_inputs: Inputs, pipeline: Pipeline
) -> None:
    (tmp_path / "one").mkdir()
    cv2.imwrite(str(tmp_path / "one" / "grey.png"), np.full((4, 6), 7, np.uint8))
    (sample,) = open_data(str(tmp_path), image_inputs, pipeline)
    assert (sample.raw == 7).all()
    assert sample.raw.shape == (4, 6, 3)


def test_a_damaged_image_is_named(
    tmp_path: Path, image_inputs: Inputs, pipeline: Pipeline, write_image: WriteImage
) -> None:
    write_image(tmp_path / "cat" / "a.png", RED)
    (tmp_path / "cat" / "b.png").write_bytes(b"\x89PNG no more")
    dataset = open_data(str(tmp_path), image_inputs, pipeline)
    with pytest.raises(InputError, match=r"b\.png is not an image"):
        list(dataset)


def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path, image_inputs: Inputs) -> None:
    with pytest.raises(InputError, match=r"no images or sounds in the folder.*\.jpeg"):
        open_data(str(tmp_path), image_inputs, None)


def test_images_without_class_folders_are_refused(
    tmp_path: Path, image_inputs: Inputs, pipeline: Pipeline, write_image: WriteImage
) -> None:
    write_image(tmp_path / "a.png", RED)
    with pytest.raises(InputError, match=r"labels\.csv"):
        open_data(str(tmp_path), image_inputs, pipeline)


def test_images_without_preprocessing_are_refused(
    tmp_path: Path, image_inputs: Inputs, write_image: WriteImage
) -> None:
    write_image(tmp_path / "cat" / "a.png", RED)
    with pytest.raises(InputError, match="--preprocess"):
        open_data(str(tmp_path), image_inputs, None)
