"""Golden vectors: a deterministic npz that is read without trust."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from edgeml_runtime.bundle import pack_golden, unpack_golden
from edgeml_runtime.bundle.stored_zip import write_entries
from edgeml_runtime.errors import InputError


def _npz(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    write_entries(stream, files)
    return stream.getvalue()


def _npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def test_numpy_reads_what_is_written(tmp_path: Path) -> None:
    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    path = tmp_path / "golden.npz"
    path.write_bytes(pack_golden([{"in/0": image}], [{"out": image[0].T}]))
    with np.load(path) as archive:
        assert sorted(archive.files) == ["0/inputs/in/0", "0/outputs/out"]
        np.testing.assert_array_equal(archive["0/inputs/in/0"], image)
        np.testing.assert_array_equal(archive["0/outputs/out"], image[0].T)


def test_nothing_and_uneven_samples_are_refused() -> None:
    x = {"x": np.zeros(1)}
    for inputs, outputs in (([], []), ([x], []), ([x], [x, x])):
        with pytest.raises(InputError, match="Golden vectors have"):
            pack_golden(inputs, outputs)


def test_texts_and_objects_are_refused() -> None:
    for array in (np.array(["a"]), np.array([{}], dtype=object)):
        with pytest.raises(InputError, match="numeric"):
            pack_golden([{"x": array}], [{"y": np.zeros(1)}])


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000,), }\n",  # a bomb
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 4), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 4, }\n",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (4,), }\n",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }\n",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (4,), }\n",
        "{'descr': '<f4', 'shape': (4,), }\n",
        "__import__('os').getcwd()",
        "(((",
        "[" * 5000,
        "{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'more': 1, }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9999999999, 9999999999), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1, " * 64 + "4), }\n",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }\n",
        "",
    ],
)
def test_a_header_that_lies_is_refused(header: str) -> None:
    data = _npz({"0/inputs/x.npy": _npy(header, bytes(16))})
    with pytest.raises(InputError, match="golden vectors are refused"):
        unpack_golden(data)


@pytest.mark.parametrize(
    "key",
    ["x.npy", "0/x.npy", "0/middle/x.npy", "-1/inputs/x.npy", "01/inputs/x.npy", "0/inputs/x"],
)
def test_keys_of_another_form_are_refused(key: str) -> None:
    array = _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n", bytes(16))
    with pytest.raises(InputError, match="golden vectors are refused"):
        unpack_golden(_npz({key: array}))


def test_missing_samples_are_refused() -> None:
    array = _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n", bytes(16))
    with pytest.raises(InputError, match="not numbered from 0"):
        unpack_golden(_npz({"1/inputs/x.npy": array}))
    for data in (b"", b"no zip", _npz({})):
        with pytest.raises(InputError):
            unpack_golden(data)


def test_the_bytes_are_the_same_on_every_python_and_numpy() -> None:
    arrays = [
        np.arange(24).reshape(2, 3, 4).astype(dtype)
        for dtype in ("f2", "f4", ">f4", "f8", "i1", "u2", ">i4", "i8", "bool")
    ]
    inputs = {f"input {array.dtype.str} \u00e9": array for array in arrays}
    outputs = {"scalar": np.float32(0.5) * np.ones(()), "none": np.zeros((0, 4), "f4")}
    data = pack_golden([inputs, dict(reversed(inputs.items()))], [outputs, outputs])
    assert hashlib.sha256(data).hexdigest() == (
        "1fde7ea45ce175b3cfc6d9bf149960ae5f900050b46ef8cf7fd7cfc27c658621"
    )
    turned = {name: np.asfortranarray(array) for name, array in reversed(inputs.items())}
    assert pack_golden([turned, inputs], [outputs, outputs]) == data
