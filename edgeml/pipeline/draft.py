"""A written model that was not looked at yet."""

import hashlib
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

from edgeml.pipeline.formats import Format, Written

WEIGHTS_SUFFIX: Final = ".data"


@dataclass(frozen=True)
class Draft:
    """A model in one format and precision, in a file.

    Args:
        format: The format.
        precision: The precision.
        path: The file, in a folder of files that are not finished.
        split: Whether a second file, beside it, holds the weights.
        size_bytes: The size of all files.
        sha256: The digest of the file, followed by the weights beside it if there are any.
        notes: What the user should know of how it was written; whole sentences.
    """

    format: Format
    precision: str
    path: Path
    split: bool
    size_bytes: int
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return self.path.name

    def mapped(self) -> mmap:
        """Return the bytes of the file, mapped into memory."""
        with self.path.open("rb") as stream:
            return mmap(stream.fileno(), 0, access=ACCESS_READ)


def write_draft(path: Path, format_: Format, precision: str, written: Written) -> Draft:
    """Write a model and return the draft.

    Args:
        path: The file.
        format_: Its format.
        precision: Its precision.
        written: What it holds, and the file beside it where the model takes two.
    """
    digest = hashlib.sha256()
    size_bytes = 0
    for file, content in ((path, written.parts), (weights_file(path), written.weights)):
        if not content:
            continue
        with file.open("wb") as stream:
            for part in content:
                stream.write(part)
                digest.update(part)
                size_bytes += len(part)
    return Draft(
        format=format_,
        precision=precision,
        path=path,
        split=bool(written.weights),
        size_bytes=size_bytes,
        sha256=digest.hexdigest(),
        notes=written.notes,
    )


def weights_file(path: Path) -> Path:
    """Return the file that holds the weights of the model at *path*, where they have their own."""
    return path.with_name(f"{path.name}{WEIGHTS_SUFFIX}")
