"""The engine wheels that are known beforehand: the lock file ``wheels.toml``.

Every file is pinned by its digest, so a mirror cannot change what runs. Must not know how files are
fetched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from edgeml_devices.device import Device
from edgeml_devices.toml_table import TomlTable, parse_toml


@dataclass(frozen=True)
class Wheel:
    """One file.

    Args:
        distribution: Its name on the Python package index.
        version: Its version.
        python: The Python it is for, such as ``3.11``.
        arch: The architecture it is for.
        file: Its file name.
        sha256: Digest of the file.
        needs: Wheels it cannot be imported without, as ``name==version``.
        packages: Packages of the board's distribution it cannot be imported without.
        drop: Patterns of the names inside it that are not unpacked.
    """

    distribution: str
    version: str
    python: str
    arch: str
    file: str
    sha256: str
    needs: tuple[str, ...]
    packages: tuple[str, ...]
    drop: tuple[str, ...]

    @property
    def pin(self) -> str:
        """``name==version``."""
        return f"{self.distribution}=={self.version}"

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags in the file's name."""
        return tuple(self.file.removesuffix(".whl").rsplit("-", 1)[1].split("."))


@dataclass(frozen=True)
class WheelLock:
    """The lock file.

    Args:
        distributions: Engine to its distribution on the Python package index.
        numpy1_below: Distribution to the first version that was built for NumPy 2.
        drop: Distribution to the parts of it that no engine reads, as patterns of names.
        wheels: The files.
    """

    distributions: Mapping[str, str]
    numpy1_below: Mapping[str, str]
    drop: Mapping[str, tuple[str, ...]]
    wheels: tuple[Wheel, ...]

    def fitting(self, device: Device) -> dict[str, Wheel]:
        """Return the wheels for the board's Python and architecture, by ``name==version``."""
        wanted = (device.python, device.arch)
        return {wheel.pin: wheel for wheel in self.wheels if (wheel.python, wheel.arch) == wanted}


@cache
def read_lock() -> WheelLock:
    """Return the lock file that comes with edgeml."""
    file = files("edgeml_devices.emulation") / "wheels.toml"
    root = parse_toml(file.read_text(encoding="utf-8"), file.name)
    root.text("schema", allowed=("edgeml.wheels/1",))
    unused = root.table("drop")
    distributions = root.table("distributions").all_texts()
    drop = {name: unused.texts(name) for name in ("numpy", *dict.fromkeys(distributions.values()))}
    lock = WheelLock(
        distributions=distributions,
        numpy1_below=root.table("numpy1_below").all_versions(),
        drop=drop,
        wheels=tuple(_read_wheel(entry, drop) for entry in root.tables("wheel")),
    )
    root.refuse_unread()
    return lock


def _read_wheel(entry: TomlTable, drop: Mapping[str, tuple[str, ...]]) -> Wheel:
    distribution = entry.text("distribution", allowed=tuple(drop))
    return Wheel(
        distribution=distribution,
        version=entry.text("version"),
        python=entry.text("python"),
        arch=entry.text("arch"),
        file=entry.text("file"),
        sha256=entry.text("sha256"),
        needs=entry.texts("needs"),
        packages=entry.texts("packages") if "packages" in entry else (),
        drop=drop[distribution],
    )
