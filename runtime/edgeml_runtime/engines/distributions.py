"""Versions of installed distributions, read off the names of their folders.

`importlib.metadata` says the same, but its import alone takes a fifth of the start of a program on
a board: it brings the parsers of mail and of zip archives.
"""

import os
import re
import sys
from collections.abc import Iterable

# `ai_edge_litert-2.3.0.dist-info`; Debian's packages may have `name-1.0-py3.11.egg-info`.
# https://packaging.python.org/en/latest/specifications/recording-installed-packages/
_FOLDER = re.compile(r"(.+?)-(\d[^-]*)(-py[\d.]+)?\.(dist|egg)-info")


def distribution_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those of *names* that are on the import path; the first one counts."""
    wanted = {_normalized(name): name for name in names}
    versions: dict[str, str] = {}
    for folder in sys.path:
        try:
            entries = sorted(os.listdir(folder or "."))
        except OSError:
            continue  # not there, or an archive, which no engine is imported from
        for entry in entries:
            found = _FOLDER.fullmatch(entry) if entry.endswith("-info") else None
            name = wanted.get(_normalized(found[1])) if found is not None else None
            if found is not None and name is not None:
                versions.setdefault(name, found[2])
    return versions


def _normalized(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
