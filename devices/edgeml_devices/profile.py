"""Profiles of boards: one TOML file in ``profiles/`` is one board.

Knows the layout of such a file (``edgeml.device/1``). A file is refused, naming key, value and what
is allowed, when anything in it is missing, unknown or out of range, or when a number stands in a
table that does not say its ``source``, ``method`` and ``date``. Must not know what the numbers are
used for.
"""

import difflib
from functools import cache
from importlib.resources import files
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
)
from edgeml_devices.toml_table import TomlTable, parse_toml
from edgeml_runtime.errors import InputError

__all__ = ["Device", "list_devices", "load_device", "read_device"]

SCHEMA = "edgeml.device/1"

_CACHES: dict[str, tuple[int, CacheKind]] = {
    "l1i": (1, "Instruction"),
    "l1d": (1, "Data"),
    "l2": (2, "Unified"),
    "l3": (3, "Unified"),
}


def list_devices() -> tuple[Device, ...]:
    """Return every board there is a profile of, by name."""
    return tuple(load_device(name) for name in _names())


@cache
def load_device(name: str) -> Device:
    """Return the board called *name*.

    Raises:
        InputError: There is no such board (the nearest names are given), or its file is faulty.
    """
    names = _names()
    if name not in names:
        near = difflib.get_close_matches(name.lower(), names, n=2, cutoff=0.4) or list(names)
        raise InputError(
            f"There is no board called '{name}'.",
            f"Did you mean {' or '.join(near)}? 'edgeml devices list' shows all.",
        )
    file = files("edgeml_devices") / "profiles" / f"{name}.toml"
    return read_device(file.read_text(encoding="utf-8"), file.name)


def read_device(text: str, file: str) -> Device:
    """Return the board that the TOML *text* of *file* describes.

    Raises:
        InputError: The text is not a valid profile; names the file, key, value and what is allowed.
    """
    root = parse_toml(text, file)
    root.text("schema", allowed=(SCHEMA,))
    board = root.table("board")
    cpu = root.table("cpu")
    software = root.table("software")
    emulation = root.table("emulation")
    caches = root.table("caches")
    latency = root.table("latency")
    band = root.table("band")
    provenance = {
        table.key: _provenance(table) for table in (board, cpu, caches, emulation, latency, band)
    }
    device = Device(
        name=root.text("name", allowed=(file.removesuffix(".toml"),)),
        title=root.text("title"),
        arch=root.choice("arch", get_args(Arch)),
        soc=board.text("soc"),
        ram_mib=board.integers("ram_mib", 1, 1 << 20),
        core=cpu.text("core"),
        cores=cpu.integer("cores", 1, 64),
        clock_mhz=cpu.integer("clock_mhz", 100, 10_000),
        midr=cpu.integer("midr", 0, 0xFFFF_FFFF),
        features=cpu.texts("features"),
        bogomips=cpu.number("bogomips", 1.0, 10_000.0),
        caches=tuple(_cache(caches, key) for key in _CACHES if key in caches),
        os=software.text("os"),
        suite=software.text("suite"),
        glibc=software.text("glibc"),
        python=software.text("python"),
        engines=root.table("engines").all_texts(),
        known_bad=tuple(_known_bad(entry) for entry in root.tables("known_bad")),
        qemu_cpu=emulation.text("qemu_cpu"),
        mca_cpu=emulation.text("mca_cpu"),
        calibration=_calibration(latency),
        band=Band(
            low_factor=band.number("low_factor", 0.1, 1.0),
            high_factor=band.number("high_factor", 1.0, 10.0),
        ),
        provenance=provenance,
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
    return Cache(
        level=level,
        kind=kind,
        size_kib=entry.integer("size_kib", 1, 1 << 20),
        ways=entry.integer("ways", 1, 64),
        line_bytes=entry.integer("line_bytes", 16, 256),
        shared=entry.boolean("shared"),
    )


def _known_bad(entry: TomlTable) -> KnownBad:
    return KnownBad(
        engine=entry.text("engine"),
        version=entry.text("version"),
        reason=entry.text("reason"),
        provenance=_provenance(entry),
    )


def _calibration(latency: TomlTable) -> Calibration:
    return Calibration(
        compute_factor=latency.number("compute_factor", 0.1, 10.0),
        block_entry_cycles=latency.number("block_entry_cycles", 0.0, 100.0),
        l2_line_ns=latency.number("l2_line_ns", 0.0, 1000.0),
        l3_line_ns=latency.number("l3_line_ns", 0.0, 1000.0) if "l3_line_ns" in latency else None,
        dram_gb_per_s=latency.number("dram_gb_per_s", 0.1, 1000.0),
        operator_sync_us=latency.number("operator_sync_us", 0.0, 10_000.0),
    )


@cache
def _names() -> tuple[str, ...]:
    folder = files("edgeml_devices") / "profiles"
    found = (entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return tuple(sorted(name.removesuffix(".toml") for name in found))
