"""What the tools that edgeml brings along are made of.

Knows the form of ``toolkit.toml``; must not know how the packages are fetched.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from edgeml_devices.toml_table import TomlTable, parse_toml

# Counts up when the way a tool is unpacked changes, so that old ones are not taken for new ones.
_LAYOUT = 1


@dataclass(frozen=True)
class Recipe:
    """One tool.

    Args:
        name: ``qemu`` or ``llvm``.
        title: Its name in messages, which begin with it.
        task: What progress is told while it is fetched.
        version: Beginning of the version that it has to be, whole numbers only.
        suite: The Debian release that has it.
        arch: Debian's name of the host's architecture.
        download_mib: About how much is fetched.
        programs: Paths of the programs inside their package.
        packages: The packages that hold them and all their libraries.
    """

    name: str
    title: str
    task: str
    version: str
    suite: str
    arch: str
    download_mib: int
    programs: tuple[PurePosixPath, ...]
    packages: tuple[str, ...]

    @property
    def key(self) -> str:
        """A name that differs when anything that decides on the contents differs."""
        parts = [str(_LAYOUT), self.suite, self.arch, *map(str, self.programs), *self.packages]
        digest = hashlib.sha256(" ".join(parts).encode()).hexdigest()
        return f"{self.name}-{self.version}-{digest[:8]}"

    def accepts(self, version: str) -> bool:
        """Return whether *version* gives the same results as the tool itself."""
        return f"{version}.".startswith(f"{self.version}.")


@cache
def load_recipe(name: str) -> Recipe:
    """Return the recipe of the tool *name*, ``qemu`` or ``llvm``."""
    file = files("edgeml_devices.toolkit") / "toolkit.toml"
    root = parse_toml(file.read_text(encoding="utf-8"), file.name)
    root.text("schema", allowed=("edgeml.toolkit/1",))
    suite, arch = root.text("suite"), root.text("arch")
    recipes = [_read(entry, suite, arch) for entry in root.tables("tool")]
    root.refuse_unread()
    return next(recipe for recipe in recipes if recipe.name == name)


def _read(entry: TomlTable, suite: str, arch: str) -> Recipe:
    return Recipe(
        name=entry.text("name"),
        title=entry.text("title"),
        task=entry.text("task"),
        version=entry.text("version"),
        suite=suite,
        arch=arch,
        download_mib=entry.integer("download_mib", 1, 1000),
        programs=tuple(PurePosixPath(path) for path in entry.texts("programs")),
        packages=entry.texts("packages"),
    )
