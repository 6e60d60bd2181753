"""The wheels that bring engines to a board, their download and their contents.

Must not know what a sysroot is.
"""

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from edgeml_devices.cache import make_folder
from edgeml_devices.device import Device
from edgeml_devices.emulation.package_index import download_command, not_fetched
from edgeml_devices.emulation.wheel_lock import Wheel, read_lock
from edgeml_devices.emulation.wheel_search import noted_wheel, search_wheel
from edgeml_devices.process import Job
from edgeml_runtime.errors import InputError
from edgeml_runtime.progress import Progress


def select_wheels(
    device: Device, engines: Mapping[str, str], progress: Progress | None = None
) -> tuple[Wheel, ...]:
    """Return the wheels, by file name, that bring *engines* (name to version) to the board.

    Args:
        device: The board.
        engines: Engine to version.
        progress: Told when a version that the lock does not have is looked for on the Python
            package index; without it, it is not looked for.

    Raises:
        InputError: There is no wheel of an engine, version, Python and architecture, or two of them
            cannot be installed together.
        MissingToolError: pip or the network is missing.
    """
    chosen: dict[str, Wheel] = {}
    for engine, version in engines.items():
        for wheel in _wheels_of(device, engine, version, progress):
            other = chosen.setdefault(wheel.distribution, wheel)
            if other != wheel:
                raise InputError(
                    f"{engine} {version} needs {wheel.pin}, and another engine {other.pin}.",
                    "Ask for them one after the other.",
                )
    return tuple(sorted(chosen.values(), key=lambda wheel: wheel.file))


def compatible_sets(
    device: Device, engines: Mapping[str, str], progress: Progress | None = None
) -> tuple[dict[str, str], ...]:
    """Return *engines* in groups that can be installed together, in their order.

    An engine joins the first group whose wheels agree with its own; tflite-runtime, built for
    NumPy 1, gets a group apart from those that were built for NumPy 2.

    Raises:
        InputError, MissingToolError: As `select_wheels`.
    """
    groups: list[tuple[dict[str, str], dict[str, Wheel]]] = []
    for engine, version in engines.items():
        wheels = {w.distribution: w for w in _wheels_of(device, engine, version, progress)}
        for names, installed in groups:
            if all(installed.get(name, wheel) == wheel for name, wheel in wheels.items()):
                names[engine] = version
                installed.update(wheels)
                break
        else:
            groups.append(({engine: version}, wheels))
    return tuple(names for names, _ in groups)


def _wheels_of(
    device: Device, engine: str, version: str, progress: Progress | None
) -> tuple[Wheel, ...]:
    lock = read_lock()
    if engine not in lock.distributions:
        raise InputError(
            f"There is no engine called '{engine}'.",
            f"Engines are {', '.join(lock.distributions)}.",
        )
    fitting = lock.fitting(device)
    pin = f"{lock.distributions[engine]}=={version}"
    wheel = fitting.get(pin) or noted_wheel(device, lock, pin)
    if wheel is None and progress is not None:
        wheel = search_wheel(device, lock, pin, progress)
    if wheel is None:
        known = [
            w.version for w in fitting.values() if w.distribution == lock.distributions[engine]
        ]
        raise InputError(
            f"There is no {engine} {version} for {device.title} (Python {device.python}).",
            f"Known versions: {', '.join(sorted(known)) or 'none'}.",
        )
    return (wheel, *(fitting[pin] for pin in wheel.needs))


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
            names = ", ".join(wheel.pin for wheel in self._missing)
            raise not_fetched(names, left.stdout)
        for wheel in self._missing:
            (Path(self._scratch.name) / wheel.file).replace(self._folder / wheel.file)

    def _command(self) -> list[str]:
        requirements = Path(self._scratch.name) / "requirements.txt"
        requirements.write_text(
            "".join(f"{wheel.pin} --hash=sha256:{wheel.sha256}\n" for wheel in self._missing)
        )
        tags = sorted({tag for wheel in self._missing for tag in wheel.platforms})
        wanted = ["--require-hashes", "--requirement", str(requirements)]
        python = self._missing[0].python
        return download_command(wanted, python, tags, Path(self._scratch.name))

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
