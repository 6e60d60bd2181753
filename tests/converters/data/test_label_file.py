"""DATA as a folder with labels.csv."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml_converters.data import open_data
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

Inputs = tuple[TensorSpec, ...]
WriteImage = Callable[[Path, tuple[int, int, int]], Path]


@pytest.fixture
def folder(tmp_path: Path, write_image: WriteImage) -> Path:
    write_image(tmp_path / "a.png", (1, 2, 3))
    write_image(tmp_path / "deep" / "b.png", (4, 5, 6))
    return tmp_path


def test_the_order_and_labels_are_those_of_the_table(
    folder: Path, image_inputs: Inputs, pipeline: Pipeline
) -> None:
    (folder / "labels.csv").write_text("file,label\ndeep/b.png,7\na.png,0\n")
    dataset = open_data(str(folder), image_inputs, pipeline)
    assert len(dataset) == 2
    assert [(sample.label, sample.raw[0, 0, 0]) for sample in dataset] == [(7, 4), (0, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffile,label\na.png,3\n",
        "label, file\r\n3, a.png\r\n\r\n",
        'file,label,note\n"a.png",3,"a, b"\n',
    ],
)
def test_the_ways_spreadsheets_write_are_read(
    folder: Path, image_inputs: Inputs, pipeline: Pipeline, text: str
) -> None:
    (folder / "labels.csv").write_bytes(text.encode())
    (sample,) = open_data(str(folder), image_inputs, pipeline)
    assert sample.label == 3


@pytest.mark.parametrize("label", ["cat", "-1", "1.0", "", "²"])
def test_a_label_that_is_no_class_index_is_refused_with_its_line(
    folder: Path, image_inputs: Inputs, pipeline: Pipeline, label: str
) -> None:
    (folder / "labels.csv").write_text(f"file,label\na.png,0\ndeep/b.png,{label}\n")
    with pytest.raises(InputError, match=r"Line 3 .*no class index"):
        open_data(str(folder), image_inputs, pipeline)


def test_a_row_without_a_label_is_refused(
    folder: Path, image_inputs: Inputs, pipeline: Pipeline
) -> None:
    (folder / "labels.csv").write_text("file,label\na.png\n")
    with pytest.raises(InputError, match="no class index"):
        open_data(str(folder), image_inputs, pipeline)


def test_missing_files_are_named_and_counted(
    folder: Path, image_inputs: Inputs, pipeline: Pipeline
) -> None:
    rows = "".join(f"gone{index}.png,0\n" for index in range(5))
    (folder / "labels.csv").write_text(f"file,label\na.png,0\n{rows}")
    with pytest.raises(InputError, match=r"gone0\.png.*and 2 more"):
        open_data(str(folder), image_inputs, pipeline)


@pytest.mark.parametrize("text", ["", "a.png,0\n", "name;label\na.png;0\n"])
def test_a_table_without_the_header_is_refused(
    folder: Path, image_inputs: Inputs, pipeline: Pipeline, text: str
) -> None:
    (folder / "labels.csv").write_text(text)
    with pytest.raises(InputError, match="file,label"):
        open_data(str(folder), image_inputs, pipeline)


def test_a_table_without_rows_is_refused(
    folder: Path, image_inputs: Inputs, pipeline: Pipeline
) -> None:
    (folder / "labels.csv").write_text("file,label\n")
    with pytest.raises(InputError, match="lists no files"):
        open_data(str(folder), image_inputs, pipeline)


def test_a_table_that_is_no_text_is_refused(
    folder: Path, image_inputs: Inputs, pipeline: Pipeline
) -> None:
    (folder / "labels.csv").write_bytes(b"\xff\xfe\x00f")
    with pytest.raises(InputError, match="UTF-8"):
        open_data(str(folder), image_inputs, pipeline)
