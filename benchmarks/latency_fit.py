"""Fits the latency model to published latencies: `python -m benchmarks.latency_fit`.

Prints the `[latency]` and `[band]` values of each calibrated board, as they stand in its profile.
The formula is that of `edgeml_devices.latency.model`, over arrays (a test holds them equal).

Robust least squares on the logarithm of predicted over published: a factor is a factor at 2 ms and
at 1 s, and one odd row must not pull the others. A weak prior on each constant, from what is known
of such cores, keeps constants that few rows can tell apart at sensible values.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from scipy.optimize import least_squares

from benchmarks.command import worded
from benchmarks.latency_rows import Array, Observation, observations
from edgeml_devices.device import Calibration
from edgeml_devices.latency.model import SYNC_THREADS
from edgeml_devices.profile import load_device

ROW_SPREAD = 0.06
"""Typical scatter of published rows around any model, as a logarithm: one engine's versions and one
board's samples differ by that much."""
TARGETS = ("rpi3bplus", "rpi4", "rpi5")


# Rates of copying by tinymembench, published with the boards' other benchmarks (sbc-bench results).
COPY_GB_PER_S = MappingProxyType({"rpi3bplus": 1.1, "rpi4": 2.4, "rpi5": 5.6})


@dataclass(frozen=True)
class Prior:
    """What is believed of the constants before a row is seen.

    Args:
        center: The most likely values.
        spread: By how much the logarithm of each may differ, one standard deviation.
    """

    center: Calibration
    spread: Mapping[str, float]


_SPREAD = MappingProxyType(
    {
        "compute_factor": 0.15,
        "block_entry_cycles": 0.5,
        "l2_line_cycles": 0.5,
        "l3_line_ns": 0.5,
        "dram_gb_per_s": 0.4,
        "exposed_share": 0.4,
        "operator_sync_us": 0.5,
    }
)
# Pipelines refill in 5 to 10 cycles; L2 answers after 10 to 15, and L3 after about 15 ns, of which
# prefetching hides most. An out-of-order core computes while it waits for memory, an in-order one
# hardly does. To wake threads and to join them takes some ten thousand cycles.
_BLOCK_ENTRY_CYCLES, _L2_LINE_CYCLES, _L3_LINE_NS = 5.0, 5.0, 3.5
_EXPOSED_SHARE = MappingProxyType({True: 0.6, False: 0.9})  # by whether out of order
_SYNC_CYCLES = 25_000.0


def prior(board: str) -> Prior:
    """Return what the data sheet and the rate of copying say of *board*: no row is used."""
    device = load_device(board)
    center = Calibration(
        compute_factor=1.0,
        block_entry_cycles=_BLOCK_ENTRY_CYCLES,
        l2_line_cycles=_L2_LINE_CYCLES,
        l3_line_ns=_L3_LINE_NS if device.cache(3) else None,
        dram_gb_per_s=2.0 * COPY_GB_PER_S[board],  # a copied byte is read and written
        exposed_share=_EXPOSED_SHARE[device.out_of_order],
        operator_sync_us=_SYNC_CYCLES / device.clock_mhz,
    )
    return Prior(center, _SPREAD)


def predicted_ms(observed: Observation, constants: Calibration) -> float:
    """Return the model's latency for a row."""
    loads, case = observed.operators, observed.case
    sharing: Array = np.where(loads.parallel, case.threads, 1)
    cycles_per_ms = case.clock_mhz * 1e3
    compute = constants.compute_factor * loads.cycles / cycles_per_ms / sharing
    memory = (
        constants.l2_line_cycles * loads.l2_lines / cycles_per_ms
        + (constants.l3_line_ns or 0.0) * loads.l3_lines * 1e-6
        + loads.dram_bytes / constants.dram_gb_per_s * 1e-6
    )
    branches = constants.block_entry_cycles * loads.block_entries / cycles_per_ms / sharing
    sync = constants.operator_sync_us * 1e-3 * (sharing - 1) / (SYNC_THREADS - 1)
    shorter, longer = np.minimum(compute, memory), np.maximum(compute, memory)
    return float(np.sum(longer + constants.exposed_share * shorter + branches + sync))


def fit(observed: Sequence[Observation], belief: Prior) -> Calibration:
    """Return the constants that explain *observed*, rows of one board, best."""
    names = [name for name in belief.spread if getattr(belief.center, name) is not None]
    center = np.log([getattr(belief.center, name) for name in names])
    spread = np.array([belief.spread[name] for name in names])

    def constants(logarithms: Array) -> Calibration:
        values = {n: math.exp(v) for n, v in zip(names, logarithms, strict=True)}
        # The whole of the shorter part is the most that can show.
        values["exposed_share"] = min(1.0, values["exposed_share"])
        return replace(belief.center, **values)

    def residuals(logarithms: Array) -> Array:
        guess = constants(logarithms)
        data = [
            math.sqrt(o.weight) * _robust(math.log(predicted_ms(o, guess) / o.row.latency_ms))
            for o in observed
        ]
        return np.concatenate([data, (logarithms - center) / spread])

    solution = least_squares(residuals, center)
    return constants(solution.x)


def _robust(error: float) -> float:
    """Return a residual that grows with the root of the error once that is a large one."""
    scaled = error / ROW_SPREAD
    return math.copysign(math.sqrt(2.0 * (math.sqrt(1.0 + scaled * scaled) - 1.0)), scaled)


def main() -> int:
    """Print the constants of each calibrated board."""
    found = observations(lambda task, done, total: print(task, done, total, file=sys.stderr))
    for target in TARGETS:
        rows = [o for o in found if o.case.target == target]
        constants = fit(rows, prior(target))
        print(f"# {target}: {len(rows)} rows")
        for name, value in vars(constants).items():
            if value is not None:
                print(f"{name} = {value:.3g}")
    return 0


if __name__ == "__main__":
    sys.exit(worded(main))
