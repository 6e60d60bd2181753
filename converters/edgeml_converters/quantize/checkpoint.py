"""Where calibration stands, in a file: after an interruption it goes on instead of starting again.

Samples are read again, as only reading them shows that they are the same, but not run again.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml_converters.isolation import unfinished
from edgeml_converters.quantize.observers import Observer

_SEPARATOR = "/"
_LAYOUT = b"edgeml.calibration/1\n"
"""What the file begins with. It changes with the arrays of the observers."""


class SampleDigest:
    """A digest of the samples so far, in their order."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, sample: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Add one sample."""
        for name in sorted(sample):
            array = np.ascontiguousarray(sample[name])
            self._hash.update(f"{name} {array.dtype} {array.shape}\n".encode())
            self._hash.update(array.data if array.size else b"")

    def hex(self) -> str:
        """Return the digest of what was added."""
        return self._hash.copy().hexdigest()


class Checkpoint:
    """The state of observers after some samples, kept in one file.

    Args:
        path: The file; it need not exist. What is in it and cannot be read is ignored.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, count: int, digest: str, observers: Sequence[Observer]) -> None:
        """Replace the file in one step; a full disk costs the file, not the calibration."""
        arrays = {
            f"{index}{_SEPARATOR}{key}": array
            for index, observer in enumerate(observers)
            for key, array in observer.state().items()
        }
        content = io.BytesIO()
        np.savez_compressed(content, count=count, digest=digest, **arrays)  # type: ignore[arg-type]  # the stub takes no mapping
        packed = content.getvalue()
        temporary = self._path.with_suffix(".tmp")
        with suppress(OSError), unfinished(temporary):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(_LAYOUT + _checksum(packed) + packed)
            temporary.replace(self._path)

    def load(self) -> "tuple[int, str, dict[str, npt.NDArray[Any]]] | None":
        """Return the number of samples, their digest, and the states; None if there are none."""
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        start = len(_LAYOUT) + hashlib.blake2b.MAX_DIGEST_SIZE
        packed = content[start:]
        if content[:start] != _LAYOUT + _checksum(packed):
            return None  # of another version, or damaged
        with np.load(io.BytesIO(packed), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return int(arrays.pop("count")), str(arrays.pop("digest")), arrays

    def remove(self) -> None:
        """Remove the file, as there is nothing to resume."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _checksum(packed: bytes) -> bytes:
    return hashlib.blake2b(packed).digest()


def restore(observers: Sequence[Observer], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Give each observer its part of a checkpoint."""
    for index, observer in enumerate(observers):
        prefix = f"{index}{_SEPARATOR}"
        own = {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
        observer.restore(own)
