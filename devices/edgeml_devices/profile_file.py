"""The layout of a board's TOML file, ``edgeml.device/1``.

A file is refused, naming key, value and what is allowed, when anything in it is missing, unknown or
out of range, or when a number stands in a table that does not say its ``source``, ``method`` and
``date``. Must not know where files are kept, nor what the numbers are used for.
"""

from typing import get_args

from edgeml_devices.device import (
    Arch,
    Band,
    Cache,
    CacheKind,
    Calibration,
    Device,
    KnownBad,
    Method,
    Provenance,
    Timing,
)
from edgeml_devices.toml_table import TomlTable, parse_toml
from edgeml_runtime.engines import ENGINE_FORMATS

SCHEMA = "edgeml.device/1"

_CACHES: dict[str, tuple[int, CacheKind]] = {
    "l1i": (1, "Instruction"),
    "l1d": (1, "Data"),
    "l2": (2, "Unified"),
    "l3": (3, "Unified"),
}

# Debian release -> its C library and its Python (the release notes of each).
_RELEASES = {"bookworm": ("2.36", "3.11"), "trixie": ("2.41", "3.13")}

_TIMED: tuple[Arch, ...] = ("aarch64",)  # LLVM has no scheduling model of a Cortex-A7


def read_device(text: str, file: str, *, named: str | None = None, own: bool = False) -> Device:
    """Return the board that a TOML text describes.

    Args:
        text: The content of the file.
        file: Its name, for messages.
        named: The name that the board must have; ``None`` for any that is well-formed.
        own: Whether the file is the user's own.

    Raises:
        InputError: The text is not a valid profile; names the file, key, value and what is allowed.
    """
    root = parse_toml(text, file)
    root.text("schema", allowed=(SCHEMA,))
    arch = root.choice("arch", get_args(Arch))
    board, cpu, caches = root.table("board"), root.table("cpu"), root.table("caches")
    software, emulation = root.table("software"), root.table("emulation")
    glibc, python = _RELEASES[software.text("suite", allowed=tuple(_RELEASES))]
    timed = (root.table("latency"), root.table("band")) if arch in _TIMED else ()
    device = Device(
        name=root.text("name", allowed=(named,)) if named else root.name("name"),
        title=root.text("title"),
        notes=root.texts("notes") if "notes" in root else (),
        arch=arch,
        soc=board.text("soc"),
        ram_mib=board.integers("ram_mib", 1, 1 << 20),
        core=cpu.text("core"),
        out_of_order=cpu.boolean("out_of_order"),
        cores=cpu.integer("cores", 1, 64),
        clock_mhz=cpu.integer("clock_mhz", 100, 10_000),
        midr=cpu.integer("midr", 0, 0xFFFF_FFFF),
        features=cpu.texts("features"),
        bogomips=cpu.number("bogomips", 1.0, 10_000.0),
        caches=tuple(_cache(caches, key) for key in _CACHES if key in caches),
        os=software.text("os"),
        suite=software.text("suite"),
        glibc=software.text("glibc", allowed=(glibc,)),
        python=software.text("python", allowed=(python,)),
        engines=_engines(root.table("engines")),
        known_bad=tuple(_known_bad(entry) for entry in root.tables("known_bad")),
        qemu_cpu=emulation.text("qemu_cpu"),
        timing=_timing(emulation, *timed) if timed else None,
        provenance={
            table.key: _provenance(table) for table in (board, cpu, caches, emulation, *timed)
        },
        own=own,
    )
    root.refuse_unread()
    return device


def _provenance(table: TomlTable) -> Provenance:
    return Provenance(
        source=table.text("source"),
        method=table.choice("method", get_args(Method)),
        date=table.date("date"),
    )


def _cache(caches: TomlTable, key: str) -> Cache:
    level, kind = _CACHES[key]
    entry = caches.table(key)
    line_bytes = entry.integer("line_bytes", 16, 256)
    if line_bytes & (line_bytes - 1):
        entry.refuse("line_bytes", line_bytes, "a power of two")
    cache = Cache(
        level=level,
        kind=kind,
        size_kib=entry.integer("size_kib", 1, 1 << 20),
        ways=entry.integer("ways", 1, 64),
        line_bytes=line_bytes,
        shared=entry.boolean("shared"),
    )
    if cache.sets * cache.ways * line_bytes != cache.size_kib * 1024:
        entry.refuse("size_kib", cache.size_kib, "a whole number of sets: ways * line_bytes each")
    return cache


def _engines(table: TomlTable) -> dict[str, str]:
    versions = table.all_versions()
    known = ", ".join(ENGINE_FORMATS)
    for name in versions:
        if name not in ENGINE_FORMATS:
            table.refuse(name, versions[name], f"no such key; engines are {known}")
    if not versions:
        table.refuse("", versions, f"at least one of {known}")
    return versions


def _known_bad(entry: TomlTable) -> KnownBad:
    return KnownBad(
        engine=entry.text("engine", allowed=tuple(ENGINE_FORMATS)),
        version=entry.text("version"),
        reason=entry.text("reason"),
        provenance=_provenance(entry),
    )


def _timing(emulation: TomlTable, latency: TomlTable, band: TomlTable) -> Timing:
    return Timing(
        mca_cpu=emulation.text("mca_cpu"),
        calibration=_calibration(latency),
        band=Band(
            low_factor=band.number("low_factor", 0.1, 1.0),
            high_factor=band.number("high_factor", 1.0, 10.0),
        ),
    )


def _calibration(latency: TomlTable) -> Calibration:
    return Calibration(
        compute_factor=latency.number("compute_factor", 0.1, 10.0),
        block_entry_cycles=latency.number("block_entry_cycles", 0.0, 100.0),
        l2_line_cycles=latency.number("l2_line_cycles", 0.0, 1000.0),
        l3_line_ns=latency.number("l3_line_ns", 0.0, 1000.0) if "l3_line_ns" in latency else None,
        dram_gb_per_s=latency.number("dram_gb_per_s", 0.1, 1000.0),
        exposed_share=latency.number("exposed_share", 0.0, 1.0),
        operator_sync_us=latency.number("operator_sync_us", 0.0, 10_000.0),
    )
