"""A tool of our own in the cache folder, fetched and unpacked when it is first asked for.

It lies in ``toolkit/NAME-VERSION-KEY/``::

    bin/PROGRAM     what to run; a script of few lines
    libexec/, lib/  the program, the libraries and the C library that it was built with
    toolkit.json    where it came from, with the digest of every package

Everything is found relative to ``bin/``, so the cache folder can be copied.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml_devices.cache import building, cache_root, exclusive, make_folder
from edgeml_devices.debian.apt import Apt
from edgeml_devices.debian.mirror import mirror_uris, package_folder
from edgeml_devices.process import run
from edgeml_devices.toolkit.package_files import choose_packages, unpack_needed
from edgeml_devices.toolkit.recipe import Recipe
from edgeml_devices.toolkit.wrapper import drop_others, needed_libraries, write_wrapper
from edgeml_runtime.errors import MissingToolError
from edgeml_runtime.progress import Progress, silent


@dataclass(frozen=True)
class Tool:
    """A tool that is there.

    Args:
        folder: Where it lies.
        version: What its first program says.
    """

    folder: Path
    version: str

    def program(self, name: str) -> Path:
        """Return the path of one of its programs."""
        return self.folder / "bin" / name


def find_tool(recipe: Recipe) -> Tool | None:
    """Return the tool when it is in the cache folder already."""
    folder = cache_root() / "toolkit" / recipe.key
    record = folder / "toolkit.json"
    if not record.is_file():
        return None
    return Tool(folder, str(json.loads(record.read_text(encoding="utf-8"))["version"]))


@cache
def program_version(program: str) -> str:
    """Return the version that *program* tells of itself, such as ``7.2.22``; empty if none."""
    words = run([program, "--version"], timeout_s=60).stdout.split()
    return words[words.index("version") + 1] if "version" in words[:-1] else ""


def ensure_tool(recipe: Recipe, progress: Progress = silent) -> Tool:
    """Return the tool, fetched first when it is not in the cache folder.

    Raises:
        InputError: A folder of packages was named that does not have those that are needed.
        MissingToolError: apt, the network or room on the disk is missing; nothing half-made is
            left.
    """
    if found := find_tool(recipe):
        return found
    root = make_folder(cache_root() / "toolkit")
    try:
        with exclusive(root, progress):
            return find_tool(recipe) or _make(recipe, root, progress)
    except OSError as error:
        raise MissingToolError(
            f"{recipe.title} cannot be unpacked in {root}: {error.strerror or error}.",
            "Make room there, or set EDGEML_CACHE to a folder on another disk.",
        ) from error


def _make(recipe: Recipe, root: Path, progress: Progress) -> Tool:
    folder = root / recipe.key
    with TemporaryDirectory(prefix=".packages-", dir=root) as scratch, building(folder) as new:
        debs, source = _packages(recipe, Path(scratch), progress)
        for done, deb in enumerate(debs):
            progress("unpacking it", done, len(debs))
            unpack_needed(deb, new, recipe.programs)
        names = [path.name for path in recipe.programs]
        drop_others(new / "lib", set().union(*(needed_libraries(new, name) for name in names)))
        for name in names:
            write_wrapper(new, name)
        version = _version(recipe, new / "bin" / names[0], source)
        _write_record(recipe, new, version, debs, source)
    progress("unpacking it", 1, 1)
    return Tool(folder, version)


def _packages(recipe: Recipe, scratch: Path, progress: Progress) -> tuple[Sequence[Path], str]:
    if loose := package_folder():
        return choose_packages(loose, recipe.packages, recipe.arch), mirror_uris()[0]
    lists = cache_root() / "downloads" / f"apt-{recipe.suite}-{recipe.arch}-toolkit"
    apt = Apt(lists, recipe.suite, recipe.arch, recipe.title)
    apt.update(progress)
    task = f"{recipe.task}, {recipe.download_mib} MiB"
    return apt.download(recipe.packages, scratch, task, progress), apt.source


def _version(recipe: Recipe, program: Path, source: str) -> str:
    version = program_version(str(program))
    if not recipe.accepts(version):
        raise MissingToolError(
            f"{source} has {program.name} {version or 'of unknown version'}, and "
            f"{recipe.version} is needed.",
            "Name a mirror of Debian 12 in EDGEML_DEBIAN_MIRROR.",
        )
    return version


def _write_record(
    recipe: Recipe, folder: Path, version: str, debs: Sequence[Path], source: str
) -> None:
    record = {
        "schema": "edgeml.toolkit/1",
        "name": recipe.name,
        "version": version,
        "source": source,
        "suite": recipe.suite,
        "sha256": {deb.name: hashlib.sha256(deb.read_bytes()).hexdigest() for deb in debs},
    }
    (folder / "toolkit.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
