"""What is known of a board, and where each number comes from.

Values only. Must not know the files they are read from, nor how a board is emulated or timed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from edgeml_runtime.errors import UnsupportedError

Arch = Literal["aarch64", "armv7"]
CacheKind = Literal["Instruction", "Data", "Unified"]
Method = Literal["measured", "datasheet", "estimated"]


@dataclass(frozen=True)
class Provenance:
    """Where a group of numbers comes from."""

    source: str
    method: Method
    date: date

    def to_json(self) -> dict[str, str]:
        """Return the entry that stands beside the numbers in ``--json`` documents."""
        return {"source": self.source, "method": self.method, "date": self.date.isoformat()}


@dataclass(frozen=True)
class Cache:
    """One cache as one core sees it.

    Args:
        level: 1 is nearest to the core.
        kind: ``Instruction``, ``Data`` or ``Unified``: the words of Linux's sysfs.
        size_kib: Capacity.
        ways: Associativity.
        line_bytes: Length of a line.
        shared: Whether all cores of the board share it.
    """

    level: int
    kind: CacheKind
    size_kib: int
    ways: int
    line_bytes: int
    shared: bool

    @property
    def sets(self) -> int:
        """The number of sets."""
        return self.size_kib * 1024 // (self.ways * self.line_bytes)


@dataclass(frozen=True)
class Calibration:
    """The constants that turn simulated events into time, for one core type at its own clock.

    Args:
        compute_factor: Factor on the cycles of the scheduling model.
        block_entry_cycles: Cycles for each entry into a block that is not a loop iteration.
        l2_line_cycles: Cycles for a line moved from L2 to L1, at the core's clock.
        l3_line_ns: Time for a line moved from L3 to L2; ``None`` on boards without L3.
        dram_gb_per_s: Bandwidth of memory, all traffic, any number of threads (1e9 bytes).
        exposed_share: How much of the shorter of an operator's two parts, computing and memory, is
            not hidden behind the longer one: 1 when they do not overlap at all, 0 when wholly.
        operator_sync_us: Cost of sharing one operator out to 4 threads and joining them; it grows
            with the number of threads that have to be woken.
    """

    compute_factor: float
    block_entry_cycles: float
    l2_line_cycles: float
    l3_line_ns: float | None
    dram_gb_per_s: float
    exposed_share: float
    operator_sync_us: float


@dataclass(frozen=True)
class Band:
    """How far the true latency may lie from the estimate, as factors on the estimate."""

    low_factor: float
    high_factor: float


@dataclass(frozen=True)
class Timing:
    """How emulated work becomes time on a board.

    Args:
        mca_cpu: ``-mcpu`` of llvm-mca; not always the core's own name, see the profile.
        calibration: Constants of the latency model.
        band: Error band of an estimate.
    """

    mca_cpu: str
    calibration: Calibration
    band: Band


@dataclass(frozen=True)
class KnownBad:
    """A version of an engine that is known to fail on a board."""

    engine: str
    version: str
    reason: str
    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Return the entry that stands in the board's ``--json`` document."""
        return {**vars(self), "provenance": self.provenance.to_json()}


@dataclass(frozen=True)
class Pipeline:
    """How a core works through its instructions.

    Args:
        mca_cpu: ``-mcpu`` of llvm-mca that stands for it.
        out_of_order: Whether later instructions start while earlier ones wait.
    """

    mca_cpu: str
    out_of_order: bool


@dataclass(frozen=True)
class Device:
    """One board.

    Args:
        name: How the command line calls it; the stem of its file.
        title: Its name as the maker writes it.
        notes: What one should know before one believes the rest, in whole sentences.
        arch: ``aarch64`` or ``armv7``.
        soc: System on chip.
        core: Core type, such as ``Cortex-A72``.
        out_of_order: Whether a core starts later instructions while earlier ones wait.
        cores: Number of cores.
        clock_mhz: Highest sustained clock.
        midr: Main ID register of the cores, by which engines choose kernels.
        features: Linux's names of the instruction-set features, as in ``/proc/cpuinfo``.
        bogomips: The figure in ``/proc/cpuinfo``; two ticks of the system counter per count.
        caches: From the core outwards, instruction before data.
        ram_mib: Memory of each variant that is sold.
        os: Operating system, such as ``Debian 12``.
        suite: Name of that release in the distribution's archive.
        glibc: Version of the C library there.
        python: Its Python, such as ``3.11``.
        engines: Engine to the version that is used unless another is asked for.
        known_bad: Engine versions that fail on this board.
        qemu_cpu: ``-cpu`` of QEMU.
        timing: What turns counts into time; ``None`` for a board whose latency cannot be estimated.
        provenance: Group of numbers (table of the TOML file) to where it comes from.
        own: Whether the profile is the user's own, rather than one that comes with edgeml.
    """

    name: str
    title: str
    notes: tuple[str, ...]
    arch: Arch
    soc: str
    core: str
    out_of_order: bool
    cores: int
    clock_mhz: int
    midr: int
    features: tuple[str, ...]
    bogomips: float
    caches: tuple[Cache, ...]
    ram_mib: tuple[int, ...]
    os: str
    suite: str
    glibc: str
    python: str
    engines: Mapping[str, str]
    known_bad: tuple[KnownBad, ...]
    qemu_cpu: str
    timing: Timing | None
    provenance: Mapping[str, Provenance]
    own: bool = False

    @property
    def mca_cpu(self) -> str:
        """``-mcpu`` of llvm-mca; `UnsupportedError` without `timing`."""
        return self.require_timing().mca_cpu

    @property
    def pipeline(self) -> Pipeline:
        """What prices blocks of code; `UnsupportedError` without `timing`."""
        return Pipeline(self.mca_cpu, self.out_of_order)

    @property
    def calibration(self) -> Calibration:
        """Constants of the latency model; `UnsupportedError` without `timing`."""
        return self.require_timing().calibration

    @property
    def band(self) -> Band:
        """Error band of an estimate; `UnsupportedError` without `timing`."""
        return self.require_timing().band

    def require_timing(self) -> Timing:
        """Return `timing`.

        Raises:
            UnsupportedError: The latency of this board cannot be estimated.
        """
        if self.timing is None:
            raise UnsupportedError(
                f"{self.title} runs 32-bit code ({self.arch}), and only 64-bit code can be timed.",
                "Choose a 64-bit target, or measure on the board: edgeml-runtime bench BUNDLE",
            )
        return self.timing

    def cache(self, level: int) -> Cache | None:
        """Return the data or unified cache of *level*, or ``None`` when there is none."""
        found = (c for c in self.caches if c.level == level and c.kind != "Instruction")
        return next(found, None)

    def to_json(self) -> dict[str, Any]:
        """Return this board's entry of the ``edgeml.devices/1`` document."""
        plain = dict(vars(self))
        plain |= dict.fromkeys(("mca_cpu", "calibration", "band"))
        if (timing := plain.pop("timing")) is not None:
            plain["mca_cpu"] = timing.mca_cpu
            plain["calibration"] = dict(vars(timing.calibration))
            plain["band"] = dict(vars(timing.band))
        plain["notes"] = list(self.notes)
        plain["midr"] = f"{self.midr:#x}"
        plain["features"] = list(self.features)
        plain["ram_mib"] = list(self.ram_mib)
        plain["engines"] = dict(self.engines)
        plain["caches"] = [dict(vars(entry)) for entry in self.caches]
        plain["known_bad"] = [entry.to_json() for entry in self.known_bad]
        plain["provenance"] = {group: p.to_json() for group, p in self.provenance.items()}
        return plain
