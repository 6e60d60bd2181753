"""A written model that was not looked at yet."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edgeml.pipeline.formats import Format

WEIGHTS_SUFFIX: Final = ".data"


@dataclass(frozen=True)
class Draft:
    """A model in one format and precision.

    Args:
        format: The format.
        precision: The precision.
        data: The file.
        weights: Where the model is too large for one file, the second one; else empty.
        staged: Where the files were written already, as models in two files must be to be opened.
        notes: What the user should know of how it was written; whole sentences.
    """

    format: Format
    precision: str
    data: bytes
    weights: bytes = b""
    staged: Path | None = None
    notes: tuple[str, ...] = ()

    def file_name(self, name: str) -> str:
        """Return the file's name for the model *name*."""
        return f"{name}.{self.precision}.{self.format.name}"

    @property
    def split(self) -> bool:
        """Whether the model takes two files."""
        return bool(self.weights)

    @property
    def model(self) -> bytes | Path:
        """What an engine opens."""
        return self.data if self.staged is None else self.staged

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return len(self.data) + len(self.weights)

    def sha256(self) -> str:
        """Return the digest of the file, followed by the weights beside it if there are any."""
        digest = hashlib.sha256(self.data)
        digest.update(self.weights)
        return digest.hexdigest()

    def stage(self, folder: Path, name: str) -> "Draft":
        """Write the weights, if they have a file, with the file itself to *folder*."""
        if not self.split:
            return self
        path = folder / self.file_name(name)
        path.write_bytes(self.data)
        weights_file(path).write_bytes(self.weights)
        return replace(self, staged=path)


def weights_file(path: Path) -> Path:
    """Return the file that holds the weights of the model at *path*, where they have their own."""
    return path.with_name(f"{path.name}{WEIGHTS_SUFFIX}")
