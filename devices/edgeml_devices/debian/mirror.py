"""Where the packages of a Debian release come from, and by which keys they are checked.

Knows apt's two forms of source lists (``sources.list(5)``). Must not know which packages are
wanted.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgeml_runtime.errors import InputError

DEFAULT_URI = "http://ftp.debian.org/debian"

# The keys that sign Debian 12 and 13, taken from the package debian-archive-keyring 2025.1 without
# the signatures of third parties (its keys "don't fall under any copyright"). Their fingerprints
# are those that Debian publishes, https://ftp-master.debian.org/keys.html:
#   B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8  archive, Debian 12
#   4D64FEC119C2029067D6E791F8D2585B8783D481  stable release, Debian 12
#   04B54C3CDCA79751B16BC6B5225629DF75B188BD  archive, Debian 13
#   41587F7DB8C774BCCF131416762F67A0B2C39DE4  stable release, Debian 13
# They come with us because an Ubuntu has none of them, or only those of older releases.
_KEYS = "archive_keys.asc"


@dataclass(frozen=True)
class Source:
    """One line of a source list: where, which releases, which components."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


def mirror_uris(etc: Path = Path("/etc")) -> tuple[str, ...]:
    """Return addresses of Debian archives; the next is for releases that one does not have.

    ``EDGEML_DEBIAN_MIRROR``, an address or a folder, stands alone. Without it the archive that this
    machine itself uses, when it is a Debian, comes before the project's own.

    Args:
        etc: Where the machine's configuration lies.

    Raises:
        InputError: ``EDGEML_DEBIAN_MIRROR`` is neither an address nor a folder.
    """
    if chosen := os.environ.get("EDGEML_DEBIAN_MIRROR"):
        return (chosen if "://" in chosen else _folder(chosen).as_uri(),)
    if not _is_debian(etc / "os-release"):
        return (DEFAULT_URI,)
    used = (source.uri.rstrip("/") for source in read_sources(etc / "apt"))
    near = (u for u in used if u.startswith(("http://", "https://")) and u.endswith("/debian"))
    return tuple(dict.fromkeys((*islice(near, 1), DEFAULT_URI)))


def package_folder() -> Path | None:
    """Return the folder of loose ``.deb`` files that ``EDGEML_DEBIAN_MIRROR`` names, if it does.

    A folder with ``dists/`` is a mirror, which apt reads and whose signature it checks.
    """
    uri = urlsplit(mirror_uris()[0])
    folder = Path(unquote(uri.path))
    loose = uri.scheme == "file" and folder.is_dir() and not (folder / "dists").is_dir()
    return folder if loose else None


def find_keyring() -> Path:
    """Return the file with the keys of the Debian archive, which comes with edgeml."""
    return Path(str(files("edgeml_devices.debian") / _KEYS))


def read_sources(apt: Path) -> Iterator[Source]:
    """Yield the enabled binary sources of *apt* (``/etc/apt``) that have the component ``main``."""
    parts = apt / "sources.list.d"
    for file in (apt / "sources.list", *sorted(parts.glob("*"))):
        if file.is_file() and file.suffix in {".sources", ".list"}:
            text = file.read_text(encoding="utf-8", errors="replace")
            read = _deb822 if file.suffix == ".sources" else _one_line
            yield from (source for source in read(text) if "main" in source.components)


def _folder(path: str) -> Path:
    folder = Path(path).expanduser().absolute()
    if not folder.is_dir():
        raise InputError(
            f"EDGEML_DEBIAN_MIRROR is '{path}', where there is no folder.",
            "Set it to the address of a Debian mirror, or to a folder with one or with packages.",
        )
    return folder


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] != "deb":
            continue
        if len(words) > 1 and words[1].startswith("["):
            closing = next((i for i, word in enumerate(words) if word.endswith("]")), len(words))
            words[1 : closing + 1] = []
        if len(words) >= 4:
            yield Source(words[1], (words[2],), tuple(words[3:]))


def _deb822(text: str) -> Iterator[Source]:
    for paragraph in text.split("\n\n"):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if not line[:1].isspace() and ":" in line:
                name, _, line = line.partition(":")  # noqa: PLW2901 - the rest of the line is the value
                name = name.lower()
            fields.setdefault(name, []).extend(line.split())
        if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"]) != ["no"]:
            suites = tuple(fields.get("suites", ()))
            components = tuple(fields.get("components", ()))
            yield from (Source(uri, suites, components) for uri in fields.get("uris", ()))


def _is_debian(os_release: Path) -> bool:
    if not os_release.is_file():
        return False
    lines = os_release.read_text(encoding="utf-8").splitlines()
    return any(line.replace('"', "") == "ID=debian" for line in lines)
