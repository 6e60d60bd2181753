"""Data that ships in a package of Debian: fetched and unpacked into the cache, not installed."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml_devices.debian.apt import Apt
from edgeml_runtime.cache_folder import cache_root, exclusive, make_folder
from edgeml_runtime.errors import MissingToolError

SUITE = "bookworm"


def debian_package(name: str) -> Path:
    """Return the folder below which the files of the package *name* are.

    Raises:
        MissingToolError: It cannot be fetched or unpacked.
    """
    root = make_folder(cache_root() / "benchmarks" / "debian_packages")
    folder = root / name
    with exclusive(root):
        if not folder.exists():
            with TemporaryDirectory(prefix=".apt-", dir=root) as scratch:
                _unpack(name, Path(scratch)).replace(folder)
    return folder


def _unpack(name: str, scratch: Path) -> Path:
    lists, files = make_folder(scratch / "lists"), make_folder(scratch / "files")
    apt = Apt(lists, SUITE, "all", name)
    apt.update()
    (deb,) = apt.download((name,), files, f"fetching {name}")
    unpacked = scratch / "unpacked"
    done = subprocess.run(
        ["dpkg-deb", "--extract", deb, unpacked], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise MissingToolError(
            f"{deb.name} cannot be unpacked: {done.stderr.strip()}", "Repeat the command."
        )
    return unpacked
