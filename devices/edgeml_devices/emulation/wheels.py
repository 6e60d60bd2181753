"""The engine wheels of a board: which, from where, and their contents.

Knows the lock file ``wheels.toml`` and pip. Every file is pinned by its digest, so a mirror cannot
change what runs. Must not know what a sysroot is.
"""

import hashlib
import sys
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from edgeml_devices.cache import COPY_A_CACHE, make_folder
from edgeml_devices.device import Device
from edgeml_devices.process import Job
from edgeml_devices.toml_table import TomlTable, parse_toml
from edgeml_runtime.errors import InputError, MissingToolError


@dataclass(frozen=True)
class Wheel:
    """One file of the lock.

    Args:
        distribution: Its name on the Python package index.
        version: Its version.
        python: The Python it is for, such as ``3.11``.
        arch: The architecture it is for.
        file: Its file name.
        sha256: Digest of the file.
        needs: Wheels it cannot be imported without, as ``name==version``.
        drop: Patterns of the names inside it that are not unpacked.
    """

    distribution: str
    version: str
    python: str
    arch: str
    file: str
    sha256: str
    needs: tuple[str, ...]
    drop: tuple[str, ...]

    @property
    def pin(self) -> str:
        """``name==version``."""
        return f"{self.distribution}=={self.version}"

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags in the file's name."""
        return tuple(self.file.removesuffix(".whl").rsplit("-", 1)[1].split("."))


def select_wheels(device: Device, engines: Mapping[str, str]) -> tuple[Wheel, ...]:
    """Return the wheels, by file name, that bring *engines* (name to version) to the board.

    Raises:
        InputError: The lock has no wheel of that engine, version, Python and architecture.
    """
    distributions, lock = _read_lock()
    fitting = {w.pin: w for w in lock if (w.python, w.arch) == (device.python, device.arch)}
    chosen: dict[str, Wheel] = {}
    for engine, version in engines.items():
        pin = f"{distributions.get(engine, engine)}=={version}"
        if pin not in fitting:
            known = sorted(w.version for w in fitting.values() if pin.startswith(w.distribution))
            raise InputError(
                f"There is no {engine} {version} for {device.title} (Python {device.python}).",
                f"Known versions: {', '.join(known) or 'none'}.",
            )
        for wanted in (pin, *fitting[pin].needs):
            chosen[wanted] = fitting[wanted]
    return tuple(sorted(chosen.values(), key=lambda wheel: wheel.file))


class WheelDownload(AbstractContextManager["WheelDownload"]):
    """Fetches the wheels that *folder* does not hold yet, while other work goes on.

    Args:
        wheels: What is wanted.
        folder: Where the files are kept, under their own names.
    """

    def __init__(self, wheels: Iterable[Wheel], folder: Path) -> None:
        self._folder = make_folder(folder)
        self._missing = [wheel for wheel in wheels if not _is_whole(folder / wheel.file, wheel)]
        self._scratch = TemporaryDirectory(prefix=".pip-", dir=self._folder)
        self._job: Job | None = None
        if self._missing:
            self._job = Job(self._command(), merge_errors=True)

    def finish(self) -> None:
        """Wait until every file is in the folder.

        Raises:
            MissingToolError: pip could not fetch one.
        """
        if self._job is None:
            return
        left = self._job.wait()
        if left.returncode != 0:
            raise _not_fetched(self._missing, left.stdout)
        for wheel in self._missing:
            (Path(self._scratch.name) / wheel.file).replace(self._folder / wheel.file)

    def _command(self) -> list[str]:
        requirements = Path(self._scratch.name) / "requirements.txt"
        requirements.write_text(
            "".join(f"{wheel.pin} --hash=sha256:{wheel.sha256}\n" for wheel in self._missing)
        )
        tags = sorted({tag for wheel in self._missing for tag in wheel.platforms})
        platforms = [part for tag in tags for part in ("--platform", tag)]
        python = self._missing[0].python.replace(".", "")
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"]
        exact = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--implementation", "cp"]
        target = ["--python-version", python, *platforms, "--dest", self._scratch.name]
        return [*pip, *exact, *target, "--requirement", str(requirements)]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop pip if it still runs, and remove what it left."""
        if self._job is not None:
            self._job.__exit__(kind, error, trace)
        self._scratch.cleanup()


def unpack_wheel(wheel: Wheel, file: Path, folder: Path) -> None:
    """Unpack *file* into *folder*, less what the lock says to drop."""
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if not any(fnmatch(name, pattern) for pattern in wheel.drop):
                archive.extract(name, folder)


def _is_whole(file: Path, wheel: Wheel) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == wheel.sha256


def _not_fetched(wheels: Iterable[Wheel], output: str) -> MissingToolError:
    names = ", ".join(wheel.pin for wheel in wheels)
    if "No module named pip" in output:
        return MissingToolError(
            f"pip is not installed in {sys.prefix}, which fetches the engines ({names}).",
            "Install it: python -m ensurepip",
        )
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    reason = errors[0].removeprefix("ERROR:").strip(" .") if errors else "pip failed"
    return MissingToolError(
        f"The engines for the board ({names}) could not be fetched: {reason}.",
        f"Connect to the Python package index, or {COPY_A_CACHE}",
    )


@cache
def _read_lock() -> tuple[dict[str, str], tuple[Wheel, ...]]:
    file = files("edgeml_devices.emulation") / "wheels.toml"
    root = parse_toml(file.read_text(encoding="utf-8"), file.name)
    root.text("schema", allowed=("edgeml.wheels/1",))
    distributions = root.table("distributions").all_texts()
    wheels = tuple(_read_wheel(entry) for entry in root.tables("wheel"))
    root.refuse_unread()
    return distributions, wheels


def _read_wheel(entry: TomlTable) -> Wheel:
    return Wheel(
        distribution=entry.text("distribution"),
        version=entry.text("version"),
        python=entry.text("python"),
        arch=entry.text("arch"),
        file=entry.text("file"),
        sha256=entry.text("sha256"),
        needs=entry.texts("needs"),
        drop=entry.texts("drop"),
    )
