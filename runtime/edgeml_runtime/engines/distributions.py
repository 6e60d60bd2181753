"""Versions of installed distributions, read off the names of their folders.

`importlib.metadata` says the same, but its import alone takes a fifth of the start of a program on
a board: it brings the parsers of mail and of zip archives.
"""

import re
import sys
from pathlib import Path
from typing import Optional

# `ai_edge_litert-2.3.0.dist-info`; Debian's packages may have `name-1.0-py3.11.egg-info`.
# https://packaging.python.org/en/latest/specifications/recording-installed-packages/
_FOLDER = re.compile(r"(?P<name>.+?)-(?P<version>\d[^-]*)(-py[\d.]+)?\.(dist|egg)-info")
_SEPARATORS = re.compile(r"[-_.]+")


def distribution_version(name: str) -> Optional[str]:
    """Return the version of the first distribution called *name* on the import path, or None."""
    wanted = _normalized(name)
    for folder in sys.path:
        try:
            entries = sorted(path.name for path in Path(folder or ".").iterdir())
        except OSError:
            continue  # not there, or an archive, which no engine is imported from
        for entry in entries:
            found = _FOLDER.fullmatch(entry)
            if found is not None and _normalized(found["name"]) == wanted:
                return found["version"]
    return None


def _normalized(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()
