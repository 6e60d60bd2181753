"""The emulated profile of a model: counted once, priced by block, summed up by the latency model.

The only module of `edgeml_devices.latency` that knows all of its parts.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeml_devices.device import Device
from edgeml_devices.emulation.plugin import CacheCounts, plugin_digest
from edgeml_devices.emulation.qemu import find_qemu, qemu_version
from edgeml_devices.emulation.sysroot import Sysroot
from edgeml_devices.latency.cold_start import MEMORY_METHOD, time_cold_start
from edgeml_devices.latency.count_store import file_sha256
from edgeml_devices.latency.counting import measure
from edgeml_devices.latency.llvm import Llvm, find_llvm
from edgeml_devices.latency.measurement import Measurement
from edgeml_devices.latency.model import LatencyTerms, Load, latency_terms
from edgeml_devices.latency.operators import is_parallel
from edgeml_devices.latency.pricing import Prices
from edgeml_devices.latency.result import REST, OperatorLatency, ProfileResult
from edgeml_devices.latency.start_counting import measure_cold_start
from edgeml_devices.latency.work import Work
from edgeml_runtime.engines import ENGINE_FORMATS
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.progress import Progress, silent


def profile_model(
    device: Device,
    sysroot: Sysroot,
    engine: str,
    model: Path,
    *,
    threads: int = 1,
    inputs: Path | None = None,
    use_cache: bool = True,
    cold_start: bool = False,
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
        cold_start: Whether to run a program's start too, and to look at its memory.
        progress: Told of emulating and pricing.

    Raises:
        InputError: Threads beyond the board's cores, an engine that is not in *sysroot*, or a
            model or inputs that the engine cannot read.
        UnsupportedError: The board is not a 64-bit one.
        EngineCrashError: The engine died in the guest.
        MissingToolError: No emulator that loads plugins, no LLVM, or no C compiler.
    """
    _check(device, sysroot, engine, threads)
    _check_file(model, "a model file")
    if inputs is not None:
        _check_file(inputs, "an .npz file")
    llvm = find_llvm(progress)
    measurement = measure(
        device, sysroot, engine, model, inputs=inputs, use_cache=use_cache, progress=progress
    )
    prices = Prices(measurement.works, device.pipeline, llvm, progress)
    start = None
    if cold_start:
        counted = measure_cold_start(
            device, sysroot, engine, model, use_cache=use_cache, progress=progress
        )
        start = time_cold_start(device, counted, llvm, progress)
    return replace(
        _warm_result(device, engine, measurement, prices, threads),
        provenance={
            **_provenance(device, sysroot, llvm),
            "model_sha256": file_sha256(model),
            "inputs_sha256": "" if inputs is None else file_sha256(inputs),
            **({} if start is None else {"peak_memory": MEMORY_METHOD}),
        },
        cold_start=start,
    )


def _warm_result(
    device: Device, engine: str, measurement: Measurement, prices: Prices, threads: int
) -> ProfileResult:
    """Return what a measurement says of inferences after the first; the provenance is open."""
    by_threads = {
        count: operator_latencies(device, engine, measurement, prices, count)
        for count in range(1, device.cores + 1)
    }
    operators = by_threads[threads]
    terms = LatencyTerms.sum(operator.terms for operator in operators)
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
        cycles=round(sum(prices.cycles(work) for work in measurement.works)),
        caches=_caches(measurement.works),
        operators=operators,
        by_threads_ms={
            count: sum(operator.terms.total_ms for operator in found)
            for count, found in by_threads.items()
        },
        ops_unknown_because=measurement.unknown_because,
        provenance={},
    )


def operator_latencies(
    device: Device, engine: str, measurement: Measurement, prices: Prices, threads: int
) -> tuple[OperatorLatency, ...]:
    """Return the latency of each operator in its order, then that of the engine's own work."""
    names = [*((o.name, o.kind) for o in measurement.operators), (REST, REST)]
    loads = operator_loads(engine, measurement, prices)
    return tuple(
        OperatorLatency(
            name,
            kind,
            round(work.instructions),
            latency_terms(load, device.calibration, device.clock_mhz, threads),
        )
        for (name, kind), work, load in zip(names, measurement.works, loads, strict=True)
    )


def operator_loads(engine: str, measurement: Measurement, prices: Prices) -> tuple[Load, ...]:
    """Return the load of each operator in its order, then that of the engine's own work."""
    parallel = [is_parallel(engine, operator.kind) for operator in measurement.operators]
    # Without a profile of the operators, the engine is taken to share out all of its work.
    parallel.append(not measurement.operators)
    return tuple(
        operator_load(work, prices.cycles(work), measurement.line_bytes, parallel=shared)
        for work, shared in zip(measurement.works, parallel, strict=True)
    )


def operator_load(work: Work, cycles: float, line_bytes: int, *, parallel: bool) -> Load:
    """Return the events of *work* that cost time."""
    levels = list(work.caches.values())
    fetched = [level.misses for level in levels]
    return Load(
        cycles=cycles,
        block_entries=work.entries,
        l2_lines=max(0.0, fetched[0] - fetched[1]) if len(fetched) > 1 else 0,
        l3_lines=max(0.0, fetched[1] - fetched[2]) if len(fetched) > 2 else 0,
        dram_lines=levels[-1].misses + levels[-1].write_backs if levels else 0,
        line_bytes=line_bytes,
        parallel=parallel,
    )


def _caches(works: Sequence[Work]) -> dict[str, CacheCounts]:
    return {
        name: CacheCounts(
            *(
                round(sum(getattr(work.caches[name], kind) for work in works))
                for kind in ("accesses", "misses", "write_backs")
            )
        )
        for name in works[-1].caches
    }


def _check(device: Device, sysroot: Sysroot, engine: str, threads: int) -> None:
    if device.arch != "aarch64":
        raise UnsupportedError(
            f"{device.title} runs 32-bit code ({device.arch}), and only 64-bit code can be timed.",
            "Choose a 64-bit target, or measure on the board: edgeml-runtime bench BUNDLE",
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


def _check_file(path: Path, wanted: str) -> None:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.", f"Give the path of {wanted}.")


def _provenance(device: Device, sysroot: Sysroot, llvm: Llvm) -> dict[str, str]:
    latency = device.provenance["latency"]
    return {
        "qemu": qemu_version(str(find_qemu(device))),
        "plugin_sha256": plugin_digest(),
        "sysroot_sha256": sysroot.digest,
        "llvm": llvm.version,
        "llvm_cpu": device.mca_cpu,
        "constants": latency.source,
    }
