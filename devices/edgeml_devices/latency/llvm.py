"""Where LLVM's scheduling models are: llvm-mc and llvm-mca of the one version that is used.

Knows how the tools are named; must not know what they are used for.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from edgeml_devices.toolkit import Tool, ensure_tool, find_tool, load_recipe, program_version
from edgeml_runtime.progress import Progress, silent


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


def find_llvm(progress: Progress = silent) -> Llvm:
    """Return the LLVM whose models the latency model was fitted with.

    It is this machine's own when it is of that very version, else the toolkit's, fetched when it
    is not there.

    Args:
        progress: Told of fetching.

    Raises:
        MissingToolError: There is none, and it cannot be fetched.
    """
    return locate_llvm() or _in_toolkit(ensure_tool(load_recipe("llvm"), progress))


def locate_llvm() -> Llvm | None:
    """Return what `find_llvm` returns, or ``None`` where that would fetch it."""
    if own := _system_llvm():
        return own
    tool = find_tool(load_recipe("llvm"))
    return None if tool is None else _in_toolkit(tool)


def _system_llvm() -> Llvm | None:
    recipe = load_recipe("llvm")
    for suffix in (f"-{recipe.version.partition('.')[0]}", ""):
        assembler, analyser = (shutil.which(f"llvm-{tool}{suffix}") for tool in ("mc", "mca"))
        if assembler is None or analyser is None:
            continue
        version = program_version(analyser)
        if recipe.accepts(version) and program_version(assembler) == version:
            return Llvm(Path(assembler), Path(analyser), version)
    return None


def _in_toolkit(tool: Tool) -> Llvm:
    return Llvm(tool.program("llvm-mc"), tool.program("llvm-mca"), tool.version)
