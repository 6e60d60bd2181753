"""The distribution's packages of a board, fetched and unpacked without root.

apt resolves what depends on what and checks the archive's signature. Must not know which board it
is for.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeml_devices.debian.apt import Apt
from edgeml_devices.process import run
from edgeml_runtime.errors import InternalError
from edgeml_runtime.progress import Progress, silent


@dataclass(frozen=True)
class Fetched:
    """Packages that are there: the ``.deb`` files, by name, and the archive they came from."""

    debs: tuple[Path, ...]
    source: str


@dataclass(frozen=True)
class PackageSet:
    """Packages of one release: *suite* (``bookworm``), Debian architecture and names."""

    suite: str
    arch: str
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        """A name that differs when anything differs."""
        digest = hashlib.sha256(" ".join(self.names).encode()).hexdigest()
        return f"{self.suite}-{self.arch}-{digest[:8]}"


def fetch_packages(wanted: PackageSet, folder: Path, progress: Progress = silent) -> Fetched:
    """Fetch *wanted* and all that they depend on.

    Args:
        wanted: What is wanted.
        folder: apt's lists and the files are kept here.
        progress: Told of each file.

    Raises:
        MissingToolError: apt, the keys of the archive or the network are missing.
    """
    apt = Apt(folder, wanted.suite, wanted.arch, "The file system of the board")
    apt.update(progress)
    debs = apt.download_all(wanted.names, "fetching packages", progress)
    return Fetched(debs, apt.source)


def unpack_packages(debs: Sequence[Path], root: Path, progress: Progress = silent) -> None:
    """Unpack *debs* below *root*.

    Raises:
        InternalError: dpkg-deb refused a file, although apt had checked it.
    """
    for done, deb in enumerate(debs):
        progress("unpacking packages", done, len(debs))
        left = run(["dpkg-deb", "--extract", deb, root])
        if left.returncode != 0:
            raise InternalError(
                f"dpkg-deb could not unpack {deb.name}: {left.stderr.strip()}",
                "Make room on the disk and repeat the command.",
            )
    _keep_links_inside(root)
    for name in ("bin", "lib", "sbin"):  # links that newer releases make at installation only
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")


def _keep_links_inside(root: Path) -> None:
    # The kernel follows an absolute link to the host's file of that name, not to the board's.
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            link = Path(folder, name)
            if link.is_symlink() and link.readlink().is_absolute():
                target = root / link.readlink().relative_to("/")
                link.unlink()
                link.symlink_to(os.path.relpath(target, link.parent))
