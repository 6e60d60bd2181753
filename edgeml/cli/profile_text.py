"""A profile as text."""

from collections.abc import Iterator, Mapping
from typing import Any

from edgeml.api.profile_result import Profile
from edgeml.cli.console import print_lines, print_table
from edgeml.gates import Verdict
from edgeml.gates.measures import MEASURES
from edgeml.hotspots import LIMITS, advice_in_order

COLUMNS = ("target", "engine", "model", ">threads", ">estimate ms", ">band ms", ">instructions")
START_COLUMNS = (
    "target",
    "engine",
    "model",
    ">cold start ms",
    ">interpreter",
    ">imports",
    ">load",
    ">first inference",
    ">peak MiB",
)
OP_COLUMNS = (">#", "operator", "name", ">ms", ">share %", "limited by", ">MMAC", ">GFLOP/s")
GATE_COLUMNS = ("gate", "target", "engine", "model", "measure", ">found", ">allowed", "verdict")

NAME_LETTERS = 40
"""Of a name in a table; the end of a longer one is shown, where names of layers differ."""

Entry = Mapping[str, Any]


def print_profile(profile: Profile, *, ops: bool) -> None:
    """Print what was found, by board, engine and variant; with *ops* by operator too."""
    entries = [entry.to_json() for entry in profile.entries]
    print_table(COLUMNS, [_row(entry) for entry in entries])
    print_lines("emulated, not measured; the band is where the board's own time is expected")
    started = [entry for entry in entries if "cold_start" in entry]
    if started:
        print_lines("")
        print_table(START_COLUMNS, [_start_row(entry) for entry in started])
        missing = ", ".join(started[0]["cold_start"]["not_included"])
        print_lines(f"of the program's own instructions; a board adds {missing}")
    if profile.verdicts:
        print_lines("")
        print_table(GATE_COLUMNS, [_gate_row(verdict) for verdict in profile.verdicts])
    for entry in entries if ops else ():
        _print_operators(entry)


def _print_operators(entry: Entry) -> None:
    engine = entry["engine"]
    print_lines(
        "", f"{entry['variant']} in {engine['name']} {engine['version']} on {entry['target']}:"
    )
    print_table(OP_COLUMNS, [_op_row(op) for op in entry["ops"]])
    if entry["ops_unknown_because"]:
        print_lines(f"no operators: {entry['ops_unknown_because']}")
    print_lines(*_help_lines(entry))


def _help_lines(entry: Entry) -> Iterator[str]:
    """Yield what would help, and what threads would do."""
    for advice in advice_in_order(entry["ops"], quantized=entry["quantized"]):
        limit = LIMITS[advice.limit]
        yield f"{limit} limits {100 * advice.share:.0f} % of the time; would help: {advice.remedy}"
    times = ", ".join(f"{n}: {ms:.2f} ms" for n, ms in entry["by_threads_ms"].items())
    yield f"by number of threads: {times}"


def _gate_row(verdict: Verdict) -> tuple[str, ...]:
    measure = MEASURES.get(verdict.measure)
    key = verdict.key
    found, allowed = (
        "" if measure is None or value is None else measure.words(value)
        for value in (verdict.value, verdict.limit)
    )
    passed = "passed" if verdict.failure is None else "failed"
    name = verdict.measure
    return (verdict.gate, key.target, key.engine, key.variant, name, found, allowed, passed)


def _op_row(op: Mapping[str, Any]) -> tuple[str, ...]:
    name = op["layer"] or ("" if op["name"] == op["type"] else op["name"])
    macs, rate = op["macs"], op["gflop_per_s"]
    return (
        str(op["index"]),
        op["type"],
        name if len(name) <= NAME_LETTERS else f"…{name[1 - NAME_LETTERS :]}",
        f"{op['latency_ms']:.3f}",
        f"{op['share'] * 100:.1f}",
        op["limit"],
        f"{macs / 1e6:.2f}" if macs else "",
        f"{rate:.1f}" if rate else "",
    )


def _row(entry: Entry) -> tuple[str, ...]:
    latency = entry["latency_ms"]
    return (
        entry["target"],
        f"{entry['engine']['name']} {entry['engine']['version']}",
        entry["variant"],
        str(entry["threads"]),
        f"{latency['estimate']:.2f}",
        f"{latency['low']:.2f} to {latency['high']:.2f}",
        f"{entry['instructions']:,}",
    )


def _start_row(entry: Entry) -> tuple[str, ...]:
    stages = entry["cold_start"]["stages_ms"]
    return (
        entry["target"],
        f"{entry['engine']['name']} {entry['engine']['version']}",
        entry["variant"],
        f"{entry['cold_start_ms']:.0f}",
        *(f"{ms:.0f}" for ms in stages.values()),
        f"{entry['peak_memory_mib']:.1f}",
    )
