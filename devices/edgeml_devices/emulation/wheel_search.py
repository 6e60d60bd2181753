"""Finding the wheel of an engine version that the lock file does not have.

pip looks for it by the tags of the board's Python, architecture and C library. What it found is
noted in the cache folder with its digest, so that later runs need no network and use the same file.
"""

import dataclasses
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml_devices.cache import cache_root, make_folder
from edgeml_devices.device import Device
from edgeml_devices.emulation.package_index import (
    download_command,
    not_fetched,
    offered_versions,
    platform_tags,
)
from edgeml_devices.emulation.wheel_lock import Wheel, WheelLock
from edgeml_devices.process import run
from edgeml_runtime.errors import EdgemlError, InputError
from edgeml_runtime.progress import Progress

_NUMPY_PACKAGE = "python3-numpy"
_NAMED_VERSIONS = 8


def noted_wheel(device: Device, lock: WheelLock, pin: str) -> Wheel | None:
    """Return the wheel that was found for *pin* (``name==version``) before, if it was."""
    note = _note(device, pin)
    if not note.is_file():
        return None
    document = json.loads(note.read_text(encoding="utf-8"))
    names = {field.name for field in dataclasses.fields(Wheel)} - {"drop"}
    values = {name: document[name] for name in names}
    values |= {name: tuple(document[name]) for name in ("needs", "packages")}
    return Wheel(**values, drop=lock.drop[document["distribution"]])


def search_wheel(device: Device, lock: WheelLock, pin: str, progress: Progress) -> Wheel:
    """Return the wheel for *pin*, fetched into the cache folder.

    Raises:
        InputError: The index has no such wheel for the board; names the versions it has.
        MissingToolError: pip or the network is missing.
    """
    progress(f"looking for {pin} on the Python package index", 0, 0)
    downloads = make_folder(cache_root() / "downloads" / "wheels")
    with TemporaryDirectory(prefix=".pip-", dir=downloads) as scratch:
        tags = platform_tags(device)
        left = run(download_command([pin], device.python, tags, Path(scratch)))
        if left.returncode != 0:
            raise _explain(device, pin, left.stdout + left.stderr)
        (found,) = Path(scratch).glob("*.whl")
        wheel = _describe(device, lock, pin, found)
        found.replace(downloads / wheel.file)
    _write_note(_note(device, pin), wheel)
    return wheel


def _describe(device: Device, lock: WheelLock, pin: str, file: Path) -> Wheel:
    distribution, version = pin.split("==")
    needs, packages = _numpy(device, lock, pin, file)
    return Wheel(
        distribution=distribution,
        version=version,
        python=device.python,
        arch=device.arch,
        file=file.name,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        needs=needs,
        packages=packages,
        drop=lock.drop[distribution],
    )


def _numpy(
    device: Device, lock: WheelLock, pin: str, file: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which NumPy goes with a wheel: the pin of a locked one, or the board's package."""
    locked = [w for w in lock.fitting(device).values() if w.distribution == "numpy"]
    if not locked:
        return (), (_NUMPY_PACKAGE,)
    distribution, version = pin.split("==")
    limits = [*_numpy_limits(file)]
    if _key(version) < _key(lock.numpy1_below.get(distribution, "0")):
        limits.append("<2")
    for wheel in sorted(locked, key=lambda wheel: _key(wheel.version), reverse=True):
        if all(allows(limit, wheel.version) for limit in limits):
            return (wheel.pin,), ()
    raise InputError(
        f"{pin} needs NumPy {', '.join(limits)}, and none of those known for {device.title} is it.",
        f"Choose another version; known are NumPy {', '.join(w.version for w in locked)}.",
    )


def _numpy_limits(file: Path) -> Iterable[str]:
    with zipfile.ZipFile(file) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode("utf-8", errors="replace")
    for line in metadata.splitlines():
        found = re.fullmatch(r"Requires-Dist: numpy\s*\(?([^;()]*)\)?\s*(;.*)?", line)
        if found is not None and "extra" not in (found[2] or ""):
            yield from (limit.strip() for limit in found[1].split(",") if limit.strip())


def allows(limit: str, version: str) -> bool:
    """Return whether *version* keeps to a limit such as ``>=1.21`` (PEP 440, release numbers)."""
    found = re.fullmatch(r"(~=|==|!=|<=|>=|<|>)\s*([0-9.]+?)(\.\*)?", limit)
    if found is None:
        return True
    operator, bound, wildcard = found.groups()
    if wildcard:
        same = _key(version)[: len(_key(bound))] == _key(bound)
        return same if operator == "==" else not same
    left, right = _padded(_key(version), _key(bound))
    return {
        "==": left == right,
        "!=": left != right,
        "<=": left <= right,
        ">=": left >= right,
        "<": left < right,
        ">": left > right,
        "~=": left >= right and _key(version)[: len(_key(bound)) - 1] == _key(bound)[:-1],
    }[operator]


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _padded(*versions: tuple[int, ...]) -> list[tuple[int, ...]]:
    length = max(map(len, versions))
    return [version + (0,) * (length - len(version)) for version in versions]


def _explain(device: Device, pin: str, output: str) -> EdgemlError:
    offered = offered_versions(output)
    if offered is None:
        return not_fetched(pin, output)
    board = f"{device.title} (Python {device.python}, {device.arch}, glibc {device.glibc})"
    distribution, _, version = pin.partition("==")
    if not offered:
        return InputError(
            f"There is no wheel of {distribution} for {board}.",
            f"Choose another engine; usual there are {', '.join(device.engines)}.",
        )
    released = [number for number in offered if re.fullmatch("[0-9.]+", number)] or list(offered)
    newest = ", ".join(released[-_NAMED_VERSIONS:])
    all_named = len(released) <= _NAMED_VERSIONS
    first = "" if all_named else f"go from {released[0]} on; the newest "
    return InputError(
        f"There is no {distribution} {version} for {board}.",
        f"The versions for it {first}are {newest}.",
    )


def _note(device: Device, pin: str) -> Path:
    target = f"python{device.python}-{device.arch}-glibc{device.glibc}"
    return cache_root() / "wheels" / f"{pin.replace('==', '-')}-{target}.json"


def _write_note(note: Path, wheel: Wheel) -> None:
    document = {name: value for name, value in vars(wheel).items() if name != "drop"}
    partial = make_folder(note.parent) / f".{note.name}.{os.getpid()}"
    try:
        partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        partial.replace(note)
    finally:
        partial.unlink(missing_ok=True)
