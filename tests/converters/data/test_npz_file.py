"""DATA as an .npz file."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml_converters.data import open_data
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

Inputs = tuple[TensorSpec, ...]


def _save(path: Path, *, compressed: bool = False, **arrays: np.ndarray) -> str:
    save = np.savez_compressed if compressed else np.savez
    save(path, **arrays)  # type: ignore[arg-type]  # the stubs take an array name for allow_pickle
    return str(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_rows_become_samples_with_a_batch_axis(
    tmp_path: Path, row_inputs: Inputs, compressed: bool
) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    spec = _save(tmp_path / "d.npz", compressed=compressed, inputs=rows, labels=np.arange(4))
    dataset = open_data(spec, row_inputs, None)
    assert (len(dataset), dataset.labelled) == (4, True)
    for _ in range(2):  # every pass starts anew
        samples = list(dataset)
        assert [sample.label for sample in samples] == [0, 1, 2, 3]
        np.testing.assert_array_equal(np.concatenate([s.inputs["row"] for s in samples]), rows)


@settings(deadline=None, max_examples=50)
@given(
    rows=hnp.arrays(
        st.sampled_from([np.float32, np.uint8, np.int64, np.float16]),
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=4),
    ),
    fortran=st.booleans(),
)
def test_any_array_comes_back_row_by_row(
    tmp_path_factory: pytest.TempPathFactory, rows: np.ndarray, fortran: bool
) -> None:
    stored = np.asfortranarray(rows) if fortran else rows
    spec = _save(tmp_path_factory.mktemp("npz") / "d.npz", inputs=stored)
    inputs = (TensorSpec("x", (1, *rows.shape[1:]), rows.dtype.name),)
    samples = list(open_data(spec, inputs, None))
    np.testing.assert_array_equal(np.concatenate([s.inputs["x"] for s in samples]), rows)


def test_labels_may_be_missing_and_the_suffix_in_capitals(
    tmp_path: Path, row_inputs: Inputs
) -> None:
    _save(tmp_path / "d.npz", inputs=np.zeros((2, 3), np.float32))
    path = (tmp_path / "d.npz").rename(tmp_path / "D.NPZ")
    dataset = open_data(str(path), row_inputs, None)
    assert not dataset.labelled
    assert [sample.label for sample in dataset] == [None, None]


def test_take_gives_the_first_samples(tmp_path: Path, row_inputs: Inputs) -> None:
    spec = _save(tmp_path / "d.npz", inputs=np.zeros((5, 3), np.float32), labels=np.arange(5))
    dataset = open_data(spec, row_inputs, None)
    assert [sample.label for sample in dataset.take(2)] == [0, 1]
    assert len(dataset.take(2)) == 2
    assert len(dataset.take(9)) == 5


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    inputs = (TensorSpec("x", (None, 1000), "float32"),)
    spec = _save(tmp_path / "d.npz", compressed=True, inputs=np.zeros((2000, 1000), np.float32))
    dataset = open_data(spec, inputs, None)
    tracemalloc.start()
    count = sum(1 for _ in dataset)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2000
    assert peak_bytes < 2_000_000  # the array is 8 MB


def test_a_model_of_several_inputs_takes_one_array_for_each(tmp_path: Path) -> None:
    inputs = (TensorSpec("ids", (None, 4), "int64"), TensorSpec("mask", (None, 4), "int64"))
    ids, mask = np.arange(8).reshape(2, 4), np.ones((2, 4), np.int64)
    spec = _save(tmp_path / "d.npz", ids=ids, mask=mask, labels=np.array([1, 0]))
    second = list(open_data(spec, inputs, None))[1]
    np.testing.assert_array_equal(second.inputs["ids"], ids[1:])
    np.testing.assert_array_equal(second.raw, ids[1])
    assert second.label == 0


def test_one_array_for_several_inputs_is_refused(tmp_path: Path) -> None:
    inputs = (TensorSpec("a", (None, 3), "float32"), TensorSpec("b", (None, 3), "float32"))
    spec = _save(tmp_path / "d.npz", inputs=np.zeros((2, 3), np.float32))
    with pytest.raises(InputError, match="one array for each of: a, b"):
        open_data(spec, inputs, None)


def test_an_npz_without_inputs_says_what_it_holds(tmp_path: Path, row_inputs: Inputs) -> None:
    spec = _save(tmp_path / "d.npz", images=np.zeros((2, 3), np.float32))
    with pytest.raises(InputError, match=r"no array 'inputs' \(it holds images\)"):
        open_data(spec, row_inputs, None)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (np.zeros(2, np.float32), "float32"),
        (np.zeros((3, 10), np.int64), r"\(3, 10\)"),
        (np.zeros(4, np.int64), "different lengths: 3 inputs, 4 labels"),
        (np.array([0, -1, 0]), "counts? from 0"),
    ],
)
def test_bad_labels_are_refused(
    tmp_path: Path, row_inputs: Inputs, labels: np.ndarray, problem: str
) -> None:
    spec = _save(tmp_path / "d.npz", inputs=np.zeros((3, 3), np.float32), labels=labels)
    with pytest.raises(InputError, match=problem):
        list(open_data(spec, row_inputs, None))


def test_an_npz_without_rows_is_refused(tmp_path: Path, row_inputs: Inputs) -> None:
    spec = _save(tmp_path / "d.npz", inputs=np.zeros((0, 3), np.float32))
    with pytest.raises(InputError, match="holds no samples"):
        open_data(spec, row_inputs, None)


def test_objects_are_refused_without_being_unpickled(tmp_path: Path, row_inputs: Inputs) -> None:
    spec = _save(tmp_path / "d.npz", inputs=np.array([{}, {}], dtype=object))
    with pytest.raises(InputError, match="not rows of numbers"):
        open_data(spec, row_inputs, None)


def test_a_missing_file_is_named(tmp_path: Path, row_inputs: Inputs) -> None:
    with pytest.raises(InputError, match=r"no file .*gone\.npz"):
        open_data(str(tmp_path / "gone.npz"), row_inputs, None)


@pytest.mark.parametrize("keep", [0, 1, 50, -60])
def test_a_truncated_file_is_refused(tmp_path: Path, row_inputs: Inputs, keep: int) -> None:
    whole = Path(_save(tmp_path / "d.npz", inputs=np.zeros((20, 3), np.float32)))
    whole.write_bytes(whole.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"cannot be read as an \.npz"):
        open_data(str(whole), row_inputs, None)


def test_an_array_that_ends_early_is_refused(tmp_path: Path, row_inputs: Inputs) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.zeros((20, 3), np.float32))
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("inputs.npy", stream.getvalue()[:-5])
    dataset = open_data(str(tmp_path / "d.npz"), row_inputs, None)
    with pytest.raises(InputError, match="ends early"):
        list(dataset)


def test_flipped_bits_are_noticed(tmp_path: Path, row_inputs: Inputs) -> None:
    rows = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    path = Path(_save(tmp_path / "d.npz", inputs=rows))
    data = bytearray(path.read_bytes())
    data[400] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="CRC"):
        list(open_data(str(path), row_inputs, None))
