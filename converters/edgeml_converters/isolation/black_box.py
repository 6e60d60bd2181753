"""What a process was doing, kept where another process can read it after its death."""

import json
import mmap
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgeml_runtime.errors import EdgemlError, EngineCrashError, InputError, InternalError

SIZE_BYTES = 1 << 16
_LENGTH_BYTES = 4
_KINDS = {kind.__name__: kind for kind in (EngineCrashError, InputError, InternalError)}


@dataclass(frozen=True)
class Risk:
    """Something that may bring the process down.

    Args:
        doing: What is done, as it follows 'while'; the innermost of several is told.
        kind: The name of the error that a crash amounts to.
        remedy: What the user can do then.
    """

    doing: str
    kind: str
    remedy: str


@dataclass
class Notes:
    """What the process noted.

    Args:
        risks: What it is doing, innermost last.
        trees: Files and folders that are half-made.
        folders: Folders that were made for what is not there yet.
        result: The exit code, once the work is done.
    """

    risks: list[Risk] = field(default_factory=list)
    trees: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    result: int | None = None

    def error(self, cause: str) -> EdgemlError:
        """Return the error to tell, where *cause* ended the process."""
        if not self.risks:
            return InternalError(
                f"edgeml was ended by {cause}.",
                "Run again with --debug; if it happens again, report it with the model.",
            )
        innermost = self.risks[-1]
        return _KINDS[innermost.kind](
            f"edgeml was ended by {cause} while {innermost.doing}.", innermost.remedy
        )

    def clean_up(self) -> None:
        """Remove what is half-made."""
        for tree in self.trees:
            shutil.rmtree(tree, ignore_errors=True)
            with suppress(OSError):
                Path(tree).unlink(missing_ok=True)
        for folder in self.folders:
            with suppress(OSError):
                Path(folder).rmdir()  # which fails, as it should, when something is in it


class BlackBox:
    """Notes in memory that is shared with the processes forked from this one."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SIZE_BYTES)
        self.notes = Notes()

    def save(self) -> None:
        """Write the notes down; called whenever they change."""
        content = json.dumps(asdict(self.notes)).encode()
        if len(content) <= SIZE_BYTES - _LENGTH_BYTES:
            self._memory.seek(0)
            self._memory.write(len(content).to_bytes(_LENGTH_BYTES, "little") + content)

    def read(self) -> Notes:
        """Return what was written last; empty notes when the process died as it wrote."""
        length = int.from_bytes(self._memory[:_LENGTH_BYTES], "little")
        try:
            fields = json.loads(self._memory[_LENGTH_BYTES : _LENGTH_BYTES + length] or b"{}")
        except ValueError:
            return Notes()
        fields["risks"] = [Risk(**risk) for risk in fields.get("risks", ())]
        return Notes(**fields)


_boxes: list[BlackBox] = []
"""The box of this process, once it is a supervised one."""


def carry(box: BlackBox) -> None:
    """Let this process note in *box* from now on."""
    _boxes[:] = [box]


@contextmanager
def risk(doing: str, *, kind: type[EdgemlError], remedy: str) -> Iterator[None]:
    """Note what is done in this block, in case that it brings the process down.

    Args:
        doing: As it follows 'while', such as ``loading 'net.onnx' in onnxruntime 1.32.0``.
        kind: `InputError` where a file of the user's is to blame, `EngineCrashError` for an engine.
        remedy: What the user can do then.
    """
    for box in _boxes:
        box.notes.risks.append(Risk(doing, kind.__name__, remedy))
        box.save()
    try:
        yield
    finally:
        for box in _boxes:
            box.notes.risks.pop()
            box.save()


def reading(name: object) -> AbstractContextManager[None]:
    """Note that the model file *name* is read in this block."""
    return risk(
        f"reading '{name}'",
        kind=InputError,
        remedy="The file is damaged, or made to do this: export it again, and check its origin.",
    )


@contextmanager
def unfinished(tree: Path, folders: tuple[Path, ...] = ()) -> Iterator[None]:
    """Note what has to disappear if the process dies in this block.

    Args:
        tree: A file or folder that is half-made.
        folders: Folders that were made for it, innermost first; removed where they are empty.
    """
    added = [str(folder.absolute()) for folder in folders]
    for box in _boxes:
        box.notes.trees.append(str(tree.absolute()))
        box.notes.folders.extend(added)
        box.save()
    try:
        yield
    finally:
        for box in _boxes:
            box.notes.trees.pop()
            del box.notes.folders[len(box.notes.folders) - len(added) :]
            box.save()
