"""The Python package index, asked by pip on behalf of a board.

Knows pip's command line and what its complaints mean. Must not know which files are wanted, nor
what becomes of them.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgeml_devices.cache import COPY_A_CACHE
from edgeml_devices.device import Device
from edgeml_runtime.errors import MissingToolError

_MACHINES = {"aarch64": "aarch64", "armv7": "armv7l"}
_OLDEST_GLIBC = 17  # the minor version of manylinux2014, below which nothing for Arm was built


def platform_tags(device: Device) -> tuple[str, ...]:
    """Return the platform tags of wheels that the board can use, the best first (PEP 600)."""
    machine = _MACHINES[device.arch]
    newest = int(device.glibc.split(".")[1])
    numbered = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
    return (*numbered, f"manylinux2014_{machine}", f"linux_{machine}")


def download_command(
    requirements: Sequence[str], python: str, platforms: Iterable[str], folder: Path
) -> list[str]:
    """Return the command that fetches wheels, and nothing that they depend on.

    Args:
        requirements: What is wanted, as arguments of pip.
        python: The board's Python, such as ``3.11``.
        platforms: Platform tags.
        folder: Where the files go.
    """
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"]
    exact = ["--no-deps", "--only-binary=:all:", "--implementation", "cp"]
    tags = [part for tag in platforms for part in ("--platform", tag)]
    target = ["--python-version", python.replace(".", ""), *tags, "--dest", str(folder)]
    return [*pip, *exact, *target, *requirements]


def offered_versions(output: str) -> tuple[str, ...] | None:
    """Return the versions that the index offers, when pip says that the wanted one is not there.

    ``None`` when pip failed for another reason, such as no connection.
    """
    found = re.search(r"Could not find a version .*\(from versions: (.*)\)", output)
    if found is None or "Retrying (" in output:
        return None
    return () if found[1] == "none" else tuple(found[1].split(", "))


def not_fetched(names: str, output: str) -> MissingToolError:
    """Return the error for files called *names* that pip could not fetch, saying *output*."""
    if "No module named pip" in output:
        return MissingToolError(
            f"pip is not installed in {sys.prefix}, which fetches the engines ({names}).",
            "Install it: python -m ensurepip",
        )
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    reason = errors[0].removeprefix("ERROR:").strip(" .") if errors else "pip failed"
    return MissingToolError(
        f"The engines for the board ({names}) could not be fetched: {reason}.",
        f"Connect to the Python package index, or {COPY_A_CACHE}",
    )
