"""The frameworks that sources can come from, read from ``frameworks.toml``.

To add one: a worker script in ``workers/`` and a table in the file.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

WORKERS = Path(__file__).parents[1] / "workers"
_CALLABLE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, kw_only=True)
class Framework:
    """One framework; the fields are those of ``frameworks.toml``, which describes them.

    Args:
        name: The name of the table.
        worker: The worker script.
    """

    name: str
    title: str
    worker: Path
    modules: tuple[str, ...]
    requirements: tuple[str, ...]
    pythons: tuple[str, ...]
    download_mib: int
    suffixes: tuple[str, ...] = ()
    pickle_suffixes: tuple[str, ...] = ()
    pickle_remedy: str = ""
    folder_marker: str = ""
    callables: bool = False

    @property
    def python_variable(self) -> str:
        """The environment variable that names an interpreter which has the framework."""
        return f"EDGEML_{self.name.upper()}_PYTHON"

    @property
    def install_line(self) -> str:
        """The pip command that brings it."""
        return f"pip install {' '.join(self.requirements)}"

    def key(self, python_version: str) -> str:
        """Return the name of its environment: other requirements make another one."""
        content = "\n".join((*self.requirements, python_version))
        return f"{self.name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


@cache
def load_frameworks() -> Mapping[str, Framework]:
    """Return every framework by its name, in the order of the file."""
    text = resources.files(__package__).joinpath("frameworks.toml").read_text(encoding="utf-8")
    return {name: _framework(name, table) for name, table in tomllib.loads(text).items()}


def find_framework(spec: str) -> Framework | None:
    """Return the framework that reads *spec*, or None: a path, or ``module:factory``."""
    path = Path(spec)
    suffix = path.suffix.lower()
    for framework in load_frameworks().values():
        if path.is_dir():
            marker = framework.folder_marker
            if marker and (path / marker).is_file():
                return framework
        elif suffix in (*framework.suffixes, *framework.pickle_suffixes) or (
            framework.callables and not path.exists() and is_callable_spec(spec)
        ):
            return framework
    return None


def is_callable_spec(spec: str) -> bool:
    """Return whether *spec* has the form ``package.module:name``."""
    return _CALLABLE.fullmatch(spec) is not None


def _framework(name: str, table: Mapping[str, object]) -> Framework:
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
    worker = WORKERS / str(values.pop("worker"))
    return Framework(name=name, worker=worker, **values)  # type: ignore[arg-type]  # of the file
