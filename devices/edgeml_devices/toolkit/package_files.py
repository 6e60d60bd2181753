"""The files of Debian packages that a tool needs, out of all that the packages hold.

Knows ``dpkg-deb`` and where Debian puts libraries; must not know which tool it is for.
"""

import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from edgeml_runtime.errors import InputError

_LIBRARIES = {PurePosixPath("lib/x86_64-linux-gnu"), PurePosixPath("usr/lib/x86_64-linux-gnu")}


def choose_packages(folder: Path, names: Sequence[str], arch: str) -> tuple[Path, ...]:
    """Return the ``.deb`` files of the packages *names* that lie anywhere below *folder*.

    Raises:
        InputError: One is not there, or in two versions.
    """
    found = []
    for name in names:
        files = sorted(folder.rglob(f"{name}_*_{arch}.deb"))
        if len(files) != 1:
            fact = f"has {len(files)} versions of it" if files else "does not have it"
            raise InputError(
                f"The package {name} of Debian 12 ({arch}) is needed, and {folder} {fact}.",
                f"Put there {name}_VERSION_{arch}.deb, as 'apt-get download {name}' fetches it.",
            )
        found.append(files[0])
    return tuple(found)


def unpack_needed(deb: Path, folder: Path, programs: Sequence[PurePosixPath]) -> None:
    """Unpack of *deb* the *programs* into ``libexec/`` and the libraries into ``lib/``.

    Raises:
        InputError: The file is no package, or a damaged one.
    """
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as unpacking:
        try:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
                for member in archive:
                    _unpack_member(archive, member, folder, programs)
            unpacking.communicate()  # what follows the end of the archive
        except tarfile.ReadError as error:
            raise _damaged(deb) from error
    if unpacking.returncode != 0:
        raise _damaged(deb)


def _unpack_member(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    folder: Path,
    programs: Sequence[PurePosixPath],
) -> None:
    path = PurePosixPath(member.name)
    if path in programs:
        target = folder / "libexec" / path.name
    elif path.parent in _LIBRARIES and ".so" in path.name:
        target = folder / "lib" / path.name
    else:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        # All libraries lie in one folder now, whichever it was.
        target.unlink(missing_ok=True)
        target.symlink_to(PurePosixPath(member.linkname).name)
    elif member.isfile():
        content = archive.extractfile(member)
        assert content is not None
        with content, target.open("wb") as file:
            while block := content.read(1 << 20):
                file.write(block)
        target.chmod(member.mode & 0o755)


def _damaged(deb: Path) -> InputError:
    return InputError(f"{deb} is not a Debian package, or it is damaged.", "Fetch the file again.")
