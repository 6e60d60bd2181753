"""A set of output files that appears whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgeml_converters.isolation import unfinished
from edgeml_runtime.errors import InputError


@dataclass(frozen=True)
class Stage:
    """Files on their way to a folder.

    Args:
        output: The folder that they are for.
        folder: Where they are written for now.
        obsolete: Names in *output* that disappear when the new files appear.
    """

    output: Path
    folder: Path
    obsolete: list[str] = field(default_factory=list)


@contextmanager
def staged_output(output: Path) -> Iterator[Stage]:
    """Yield a stage whose files move into *output* when the block ends well.

    The temporary folder lies inside *output*, so that each move is one atomic rename. When the
    block fails or is interrupted, it is removed, with every folder that was made for it.

    Raises:
        InputError: *output* cannot be made or written to.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"The output folder {output} is a file.", "Give a folder with -o.")
    made = _missing_folders(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        stage = Stage(output, Path(tempfile.mkdtemp(prefix=".edgeml-", dir=output)))
    except OSError as error:
        _remove_empty(made)
        raise InputError(
            f"The output folder {output} cannot be written: {error.strerror}.",
            "Give a folder that you may write to with -o.",
        ) from error
    try:
        with unfinished(stage.folder, tuple(made)):
            yield stage
            _publish(stage)
    finally:
        shutil.rmtree(stage.folder, ignore_errors=True)
        _remove_empty(made)


def _publish(stage: Stage) -> None:
    names = sorted(path.name for path in stage.folder.iterdir())
    try:
        _move(names, stage)
    except KeyboardInterrupt:
        # The set is complete: finish it rather than leave a mix of two conversions.
        _move(names, stage)
        raise


def _move(names: list[str], stage: Stage) -> None:
    for name in names:
        if (stage.folder / name).exists():
            (stage.folder / name).replace(stage.output / name)
    for name in stage.obsolete:
        (stage.output / name).unlink(missing_ok=True)


def _missing_folders(folder: Path) -> list[Path]:
    """Return the folders that have to be made for *folder*, innermost first."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
