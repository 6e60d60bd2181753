"""What the pipeline takes for the blocks of a measurement, by LLVM's model of the core."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from edgeml_devices.device import Pipeline
from edgeml_devices.latency.block_costs import priced_blocks
from edgeml_devices.latency.blocks import repeats_itself
from edgeml_devices.latency.llvm import Llvm
from edgeml_devices.latency.mca import BlockCost
from edgeml_devices.latency.work import INSTRUCTION_BYTES, Work
from edgeml_runtime.progress import Progress, silent

# The rest is scaled up: it changes the cycles by 0.1 % and would double the blocks to price.
_PRICED_SHARE = 0.999


class Prices:
    """Cycles of the blocks that matter, and a rate for the others.

    A block that jumps back to its own start costs what a repeated one does. Of any other, an
    out-of-order core has the code before and after it to work on while a result is waited for, so
    that it costs what an overlapped one does; an in-order core waits.

    Args:
        works: All that will be priced.
        pipeline: Of the core.
        llvm: The tools.
        progress: Told the number of blocks analysed.
    """

    def __init__(
        self, works: Iterable[Work], pipeline: Pipeline, llvm: Llvm, progress: Progress = silent
    ) -> None:
        executed = _executed(works)
        chosen = _covering(executed, _PRICED_SHARE)
        costs = priced_blocks(chosen, pipeline.mca_cpu, llvm, progress)
        self._costs = {code: _cycles(code, cost, pipeline) for code, cost in costs.items()}
        priced = sum(executed[code] for code in chosen)
        cycles = sum(
            executed[code] * self._costs[code] * INSTRUCTION_BYTES / len(code) for code in chosen
        )
        self._cycles_per_instruction = cycles / priced if priced else 0.0

    def cycles(self, work: Work) -> float:
        """Return the cycles of *work* on one thread, were every load a hit in L1."""
        total = 0.0
        for code, n in work.executions.items():
            cost = self._costs.get(code)
            if cost is None:
                cost = self._cycles_per_instruction * (len(code) // INSTRUCTION_BYTES)
            total += n * cost
        return total


def _cycles(code: bytes, cost: BlockCost, pipeline: Pipeline) -> float:
    overlaps = pipeline.out_of_order and not repeats_itself(code)
    return cost.overlapped if overlaps else cost.repeated


def main_part(work: Work, share: float) -> Work:
    """Return *work* with the most executed blocks only, which hold *share* of its instructions."""
    chosen = _covering(_executed([work]), share)
    return replace(work, executions={code: work.executions[code] for code in chosen})


def _executed(works: Iterable[Work]) -> dict[bytes, float]:
    """Return code to the instructions that were executed in it."""
    executed: dict[bytes, float] = {}
    for work in works:
        for code, n in work.executions.items():
            executed[code] = executed.get(code, 0.0) + n * (len(code) // INSTRUCTION_BYTES)
    return executed


def _covering(executed: Mapping[bytes, float], share: float) -> list[bytes]:
    """Return the codes that hold *share* of all instructions, the most executed ones first."""
    wanted = share * sum(executed.values())
    covered = 0.0
    chosen = []
    for code in sorted(executed, key=lambda code: (-executed[code], code)):
        if covered >= wanted:
            break
        chosen.append(code)
        covered += executed[code]
    return chosen
