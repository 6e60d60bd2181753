"""The QEMU plugin, compiled on first use by the host's C compiler and kept by its sources' digest.

Knows how the plugin is built and addressed; must not know what its counts mean.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from edgeml_devices.cache import cache_root, make_folder
from edgeml_devices.emulation.plugin.counts import CacheShape
from edgeml_runtime.errors import InputError, InternalError, MissingToolError

# Chosen so that newer compilers ask for no newer C library than the emulator has: _GNU_SOURCE, the
# fortified functions and the stack protector would.
_FLAGS = (
    *("-std=c11", "-O2", "-D_DEFAULT_SOURCE", "-U_FORTIFY_SOURCE", "-fno-stack-protector"),
    *("-fPIC", "-shared", "-fvisibility=hidden"),
)
_LIBRARY = "edgeml_count.so"


@dataclass(frozen=True)
class Plugin:
    """The compiled plugin.

    Args:
        path: The shared object.
        digest: SHA-256 of its sources and compiler flags, hexadecimal.
    """

    path: Path
    digest: str

    def argument(
        self, report: Path, caches: Sequence[CacheShape], *, from_start: bool = False
    ) -> str:
        """Return the value of QEMU's ``-plugin`` option.

        Args:
            report: Where the counts go; it appears whole when the guest has passed the last marker.
            caches: Data caches from the core outwards; none to count blocks only, which is faster.
            from_start: Count everything from the first instruction on, not only a marked run.
        """
        fields = [str(self.path), f"out={report}"]
        if from_start:
            fields.append("from_start=1")
        if caches:
            fields.append(f"line={caches[0].line_bytes}")
        fields += [f"{shape.name}={shape.size_bytes}:{shape.ways}" for shape in caches]
        for field in fields:
            if "," in field:
                raise InputError(
                    f"'{field}' has a comma, which QEMU takes for the end of an option.",
                    "Set EDGEML_CACHE to a folder without a comma in its path.",
                )
        return ",".join(fields)


def build_plugin() -> Plugin:
    """Return the plugin, compiled now when this version of its sources was not before.

    Safe when several processes do it at once: each compiles for itself, and the last one's
    identical result stays.

    Raises:
        MissingToolError: There is no C compiler.
        InternalError: The compiler refused the sources.
    """
    sources = _sources()
    digest = plugin_digest()
    library = cache_root() / "plugin" / digest / _LIBRARY
    if not library.is_file():
        make_folder(library.parent)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=library.parent) as folder:
            built = Path(folder) / _LIBRARY
            _compile([source for source in sources if source.name.endswith(".c")], built)
            built.replace(library)
    return Plugin(library, digest)


def plugin_digest() -> str:
    """Return the digest that ``build_plugin`` gives, without building."""
    digest = hashlib.sha256(" ".join(_FLAGS).encode())
    for source in _sources():
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> list[Traversable]:
    folder = files("edgeml_devices.emulation.plugin")
    found = (entry for entry in folder.iterdir() if entry.name.endswith((".c", ".h")))
    return sorted(found, key=lambda entry: entry.name)


def _compile(sources: Sequence[Traversable], target: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        raise MissingToolError(
            "There is no C compiler, and the counter for the emulator has to be compiled.",
            "Install one: apt-get install gcc libc6-dev",
        )
    with as_file(files("edgeml_devices.emulation.plugin")) as folder:
        paths = [str(folder / source.name) for source in sources]
        command = [compiler, *_FLAGS, "-o", str(target), *paths, "-lpthread"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.splitlines() or [f"exit code {result.returncode}"]
        raise InternalError(
            f"{compiler} cannot compile the counter for the emulator: {lines[-1]}.",
            "Check that the C library's headers are there: apt-get install gcc libc6-dev",
        )
