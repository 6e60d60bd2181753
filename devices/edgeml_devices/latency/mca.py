"""Cycles of code blocks by LLVM's scheduling models, in few processes for many blocks.

Knows the text formats of llvm-mc and llvm-mca; must not know where blocks come from.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeml_devices.latency.llvm import Llvm
from edgeml_runtime.errors import InternalError
from edgeml_runtime.progress import Progress, silent


@dataclass(frozen=True)
class BlockCost:
    """Cycles of one execution of a block, were every load a hit in L1.

    Args:
        repeated: When it runs again and again: each pass waits for what it needs of the last one.
        overlapped: When other code runs before and after it, and nothing is waited for: the cycles
            in which it holds the busiest unit, or the dispatch.
    """

    repeated: float
    overlapped: float


ITERATIONS = 100
"""How often llvm-mca repeats a block; its cycles are the total divided by this."""

_TRIPLE = "aarch64"
_BATCH_BLOCKS = 256
# A hint that no compiler emits, between blocks, so that they can be told apart in one listing.
_SEPARATOR_BYTES = bytes.fromhex("ff2f03d5")
_SEPARATOR_TEXT = "hint\t#127"


def block_cycles(
    codes: Sequence[bytes], cpu: str, llvm: Llvm, progress: Progress = silent
) -> dict[bytes, BlockCost]:
    """Return the cycles of one execution of each block.

    Args:
        codes: Little-endian AArch64 code of each block.
        cpu: ``-mcpu`` of the scheduling model.
        llvm: The tools.
        progress: Told the number of blocks done.

    Raises:
        InternalError: A tool failed, or its answer is not whole.
    """
    costs: dict[bytes, BlockCost] = {}
    for start in range(0, len(codes), _BATCH_BLOCKS):
        progress("pricing blocks", start, len(codes))
        batch = codes[start : start + _BATCH_BLOCKS]
        listings = disassemble(batch, llvm)
        costs.update(zip(batch, analyse(listings, cpu, llvm), strict=True))
    progress("pricing blocks", len(codes), len(codes))
    return costs


def disassemble(codes: Sequence[bytes], llvm: Llvm) -> list[str]:
    """Return the assembly of each block, one instruction a line; undefined ones are left out."""
    data = _SEPARATOR_BYTES.join(codes)
    text = "\n".join(" ".join(f"{byte:#04x}" for byte in data[i : i + 4]) for i in _words(data))
    output = _run([str(llvm.assembler), "--disassemble", f"-triple={_TRIPLE}", "-mattr=+all"], text)
    lines = [line.strip() for line in output.splitlines()]
    listings: list[list[str]] = [[]]
    for line in lines:
        if line == _SEPARATOR_TEXT:
            listings.append([])
        elif line and not line.startswith("."):
            listings[-1].append(line)
    if len(listings) != len(codes):
        raise _unexpected(llvm.assembler, f"{len(listings)} blocks for {len(codes)}")
    return ["\n".join(listing) for listing in listings]


def analyse(listings: Sequence[str], cpu: str, llvm: Llvm) -> list[BlockCost]:
    """Return the cycles of one execution of each listing.

    An instruction that has no schedule in the model (some atomic ones) is left out of its listing;
    a listing of such ones only takes a cycle for each.
    """
    named = {f"b{i}": text for i, text in enumerate(listings) if text}
    # The last one is always answered, so that its absence tells a failure.
    regions = (
        f"# LLVM-MCA-BEGIN {n}\n{t}\n# LLVM-MCA-END {n}" for n, t in {**named, "end": "nop"}.items()
    )
    source = "\n".join(regions)
    command = [
        str(llvm.analyser),
        f"-mtriple={_TRIPLE}",
        f"-mcpu={cpu}",
        "-mattr=+all",
        f"-iterations={ITERATIONS}",
        "-call-latency=1",  # the callee is a block of its own; the default is 100 cycles
        "-skip-unsupported-instructions=any",
        "-instruction-info=0",
        "-resource-pressure=0",
        "-json",
    ]
    cycles = parse_regions(_run(command, source + "\n"))
    if "end" not in cycles:
        raise _unexpected(llvm.analyser, f"only {len(cycles)} of {len(named) + 1} blocks")
    return [cycles.get(f"b{i}", _one_each(text)) for i, text in enumerate(listings)]


def _one_each(listing: str) -> BlockCost:
    count = float(len(listing.splitlines()))
    return BlockCost(count, count)


def parse_regions(output: str) -> dict[str, BlockCost]:
    """Return region name to the cycles of one iteration, from llvm-mca's ``-json`` output."""
    regions = json.loads(output)["CodeRegions"]
    summaries = {region["Name"]: region["SummaryView"] for region in regions}
    return {name: _cost(summary) for name, summary in summaries.items()}


def _cost(summary: Mapping[str, float]) -> BlockCost:
    repeated = summary["TotalCycles"] / summary["Iterations"]
    return BlockCost(repeated, min(repeated, float(summary["BlockRThroughput"])))


def _words(data: bytes) -> Iterator[int]:
    return iter(range(0, len(data), 4))


def _run(command: Sequence[str], text: str) -> str:
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.splitlines() or [f"exit code {result.returncode}"]
        raise _unexpected(Path(command[0]), lines[-1])
    return result.stdout


def _unexpected(tool: Path, fact: str) -> InternalError:
    return InternalError(
        f"{tool} gave an unexpected answer: {fact}.",
        "Install the LLVM that edgeml is tested with: apt-get install llvm-19",
    )
