"""The files that the command line reads samples from."""

from pathlib import Path

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.samples import read_samples


def test_an_array_file_is_one_sample(tmp_path: Path) -> None:
    array = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", array)
    ((name, sample),) = read_samples(tmp_path / "a.npy")
    assert name == str(tmp_path / "a.npy")
    np.testing.assert_array_equal(sample, array)


def test_an_archive_has_a_sample_for_each_row(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.NPZ", inputs=np.arange(6.0).reshape(2, 3))
    (tmp_path / "a.NPZ.npz").replace(tmp_path / "a.NPZ")
    samples = list(read_samples(tmp_path / "a.NPZ"))
    assert [sample.tolist() for _, sample in samples] == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_an_archive_without_inputs_is_refused_with_its_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros(3))
    with pytest.raises(InputError, match="no array 'inputs', but images"):
        list(read_samples(tmp_path / "a.npz"))
    np.savez(tmp_path / "a.npz", inputs=np.float32(3))
    with pytest.raises(InputError, match="single number"):
        list(read_samples(tmp_path / "a.npz"))


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x93NUMPY\x01\x00v\x00"])
def test_damaged_arrays_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: is no readable"):
        list(read_samples(tmp_path / name))


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy: is no readable array"):
        list(read_samples(tmp_path / "a.npy"))


def test_an_array_under_the_other_name_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "a.npy").replace(tmp_path / "a.npz")
    with pytest.raises(InputError):
        list(read_samples(tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", inputs=np.zeros(3))
    (tmp_path / "b.npz").replace(tmp_path / "b.npy")
    with pytest.raises(InputError, match="under another name"):
        list(read_samples(tmp_path / "b.npy"))


def test_other_files_are_refused_with_what_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.npy, \.npz, \.bmp"):
        list(read_samples(tmp_path / "a.mp3"))
    with pytest.raises(InputError, match="no such file"):
        list(read_samples(tmp_path / "a.npy"))
