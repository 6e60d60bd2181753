"""The emulated profile of a model: counted once, priced by block, summed up by the latency model.

The only module of `edgeml_devices.latency` that knows all of its parts.
"""

import hashlib
from pathlib import Path

from edgeml_devices.device import Device
from edgeml_devices.emulation.plugin import CacheCounts, plugin_digest
from edgeml_devices.emulation.qemu import find_qemu, qemu_version
from edgeml_devices.emulation.sysroot import Sysroot
from edgeml_devices.latency.block_costs import priced_blocks
from edgeml_devices.latency.blocks import covering_blocks
from edgeml_devices.latency.counting import measure
from edgeml_devices.latency.llvm import Llvm, find_llvm
from edgeml_devices.latency.measurement import Measurement
from edgeml_devices.latency.model import Workload, latency_terms
from edgeml_devices.latency.operators import parallel_operators
from edgeml_devices.latency.result import ProfileResult
from edgeml_runtime.engines import ENGINE_FORMATS
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.progress import Progress, silent

# The rest is scaled up: it changes the cycles by 0.1 % and would double the blocks to price.
_PRICED_SHARE = 0.999


def profile_model(
    device: Device,
    sysroot: Sysroot,
    engine: str,
    model: Path,
    *,
    threads: int = 1,
    inputs: Path | None = None,
    use_cache: bool = True,
    progress: Progress = silent,
) -> ProfileResult:
    """Return the estimated latency of *model* on *device*, and what it is made of.

    The model runs in the real engine under emulation on one thread; the work of *threads* threads
    is modelled from that.

    Args:
        device: The board.
        sysroot: Its user space, with the engine in it.
        engine: Name of the engine.
        model: A model file in the engine's format.
        threads: Threads of the engine on the board.
        inputs: An ``.npz`` with an array for each input; seeded ones without it.
        use_cache: Whether counts from an earlier emulation will do; prices of blocks always do.
        progress: Told of emulating and pricing.

    Raises:
        InputError: Threads beyond the board's cores, an engine that is not in *sysroot*, or a
            model or inputs that the engine cannot read.
        UnsupportedError: The board is not a 64-bit one.
        EngineCrashError: The engine died in the guest.
        MissingToolError: No emulator that loads plugins, no LLVM, or no C compiler.
    """
    _check(device, sysroot, engine, model, threads)
    llvm = find_llvm()
    measurement = measure(
        device, sysroot, engine, model, inputs=inputs, use_cache=use_cache, progress=progress
    )
    content = model.read_bytes()
    operators = parallel_operators(content, ENGINE_FORMATS[engine])
    cycles = pipeline_cycles(measurement, device.mca_cpu, llvm, progress)
    workload = _workload(measurement, cycles, operators)
    terms = latency_terms(workload, device.calibration, device.clock_mhz, threads)
    return ProfileResult(
        target=device.name,
        engine=engine,
        engine_version=measurement.engine_version,
        threads=threads,
        terms=terms,
        low_ms=terms.total_ms * device.band.low_factor,
        high_ms=terms.total_ms * device.band.high_factor,
        instructions=measurement.instructions,
        runtime_instructions=measurement.runtime_instructions,
        cycles=round(cycles),
        caches=measurement.caches,
        provenance=_provenance(device, sysroot, llvm, content),
    )


def pipeline_cycles(
    measurement: Measurement, cpu: str, llvm: Llvm, progress: Progress = silent
) -> float:
    """Return the cycles of one inference by the scheduling model of *cpu*, on one thread."""
    priced = covering_blocks(measurement.blocks, _PRICED_SHARE)
    costs = priced_blocks((block.code for block in priced), cpu, llvm, progress)
    cycles = sum(block.executions * costs[block.code] for block in priced)
    covered = sum(block.executed_instructions for block in priced)
    return cycles * measurement.instructions / covered if covered else 0.0


def _check(device: Device, sysroot: Sysroot, engine: str, model: Path, threads: int) -> None:
    if device.arch != "aarch64":
        raise UnsupportedError(
            f"{device.title} runs 32-bit code ({device.arch}), and only 64-bit code can be timed.",
            "Choose a 64-bit target, or measure on it: edgeml bench BUNDLE --host user@board",
        )
    if engine not in sysroot.engines or engine not in ENGINE_FORMATS:
        raise InputError(
            f"The engine '{engine}' is not set up for {device.title}.",
            f"Use one of: {', '.join(sorted(sysroot.engines))}.",
        )
    if not 1 <= threads <= device.cores:
        raise InputError(
            f"threads is {threads}, and {device.title} has {device.cores} cores.",
            f"Give a number from 1 to {device.cores}.",
        )
    if not model.is_file():
        raise InputError(f"{model}: there is no such file.", "Give the path of a model file.")


def _workload(measurement: Measurement, cycles: float, operators: int) -> Workload:
    levels: list[CacheCounts] = list(measurement.caches.values())
    last = levels[-1]
    fetched = [level.misses for level in levels]
    return Workload(
        cycles=cycles,
        block_entries=measurement.block_entries,
        l2_lines=fetched[0] - fetched[1] if len(fetched) > 1 else 0,
        l3_lines=fetched[1] - fetched[2] if len(fetched) > 2 else 0,
        dram_lines=last.misses + last.write_backs,
        line_bytes=measurement.line_bytes,
        parallel_operators=operators,
    )


def _provenance(device: Device, sysroot: Sysroot, llvm: Llvm, model: bytes) -> dict[str, str]:
    latency = device.provenance["latency"]
    return {
        "qemu": qemu_version(str(find_qemu(device))),
        "plugin_sha256": plugin_digest(),
        "sysroot_sha256": sysroot.digest,
        "llvm": llvm.version,
        "llvm_cpu": device.mca_cpu,
        "constants": latency.source,
        "model_sha256": hashlib.sha256(model).hexdigest(),
    }
