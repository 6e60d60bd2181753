"""Where the packages of a Debian release come from, and by which key they are checked.

Knows apt's two forms of source lists (``sources.list(5)``). Must not know which packages are
wanted.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeml_runtime.errors import MissingToolError

DEFAULT_URI = "http://ftp.debian.org/debian"

_KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)


@dataclass(frozen=True)
class Source:
    """One line of a source list: where, which releases, which components."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


def mirror_uri(etc: Path = Path("/etc")) -> str:
    """Return the address of a Debian archive.

    ``EDGEML_DEBIAN_MIRROR`` comes first, then the archive that this machine itself uses when it is
    a Debian, then the project's own.

    Args:
        etc: Where the machine's configuration lies.
    """
    if chosen := os.environ.get("EDGEML_DEBIAN_MIRROR"):
        return chosen
    if not _is_debian(etc / "os-release"):
        return DEFAULT_URI
    for source in read_sources(etc / "apt"):
        path = source.uri.rstrip("/")
        if path.startswith(("http://", "https://")) and path.endswith("/debian"):
            return path
    return DEFAULT_URI


def find_keyring() -> Path:
    """Return the file with the keys of the Debian archive.

    Raises:
        MissingToolError: It is not installed.
    """
    for file in _KEYRINGS:
        if file.is_file():
            return file
    raise MissingToolError(
        f"The keys of the Debian archive ({_KEYRINGS[0]}) are not installed.",
        "Install them: sudo apt-get install debian-archive-keyring",
    )


def read_sources(apt: Path) -> Iterator[Source]:
    """Yield the enabled binary sources of *apt* (``/etc/apt``) that have the component ``main``."""
    parts = apt / "sources.list.d"
    for file in (apt / "sources.list", *sorted(parts.glob("*"))):
        if file.is_file() and file.suffix in {".sources", ".list"}:
            text = file.read_text(encoding="utf-8", errors="replace")
            read = _deb822 if file.suffix == ".sources" else _one_line
            yield from (source for source in read(text) if "main" in source.components)


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
