"""Where LLVM's scheduling models are: llvm-mc and llvm-mca of one version.

Knows how the tools are named and how old they may be; must not know what they are used for.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgeml_runtime.errors import MissingToolError

OLDEST_MAJOR = 19
_NEWEST_MAJOR = 40
_VERSION = re.compile(r"LLVM version (\d+)(\.\d+\.\d+)")


@dataclass(frozen=True)
class Llvm:
    """The two tools.

    Args:
        assembler: llvm-mc, used to disassemble.
        analyser: llvm-mca.
        version: Such as ``19.1.7``.
    """

    assembler: Path
    analyser: Path
    version: str


@cache
def find_llvm() -> Llvm:
    """Return the oldest LLVM on PATH that is recent enough, so that machines with several agree.

    The plain name ``llvm-mca`` is looked at last, and only its ``--version`` is believed: it is
    often an older LLVM, whose models of these cores differ.

    Raises:
        MissingToolError: There is none of version 19 or newer.
    """
    suffixes = [f"-{major}" for major in range(OLDEST_MAJOR, _NEWEST_MAJOR)]
    too_old = ""
    for suffix in [*suffixes, ""]:
        assembler = shutil.which(f"llvm-mc{suffix}")
        analyser = shutil.which(f"llvm-mca{suffix}")
        if assembler is None or analyser is None:
            continue
        version = _version(analyser)
        if version == _version(assembler) and _major(version) >= OLDEST_MAJOR:
            return Llvm(Path(assembler), Path(analyser), version)
        too_old = f" ({analyser} is version {version or 'unknown'})"
    raise MissingToolError(
        f"llvm-mc and llvm-mca of LLVM {OLDEST_MAJOR} or newer are not on PATH{too_old}.",
        f"Install them: apt-get install llvm-{OLDEST_MAJOR}",
    )


def _version(tool: str) -> str:
    result = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
    found = _VERSION.search(result.stdout)
    return "".join(found.groups()) if found else ""


def _major(version: str) -> int:
    return int(version.partition(".")[0] or 0)
