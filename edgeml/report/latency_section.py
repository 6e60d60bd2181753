"""The section on how fast the model will run."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from markupsafe import Markup

from edgeml.hotspots import LIMITS, advice_in_order, advice_on
from edgeml.report.figures import NONE, band, count, significant
from edgeml.report.svg import Bar, bar_chart

SHOWN_OPERATORS: Final = 15
"""Of an entry; what the others take is one row together."""


def content(profile: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the template shows of a profile; empty without one."""
    if profile is None or not profile["results"]:
        return {"latencies": [], "bars": Markup(""), "starts": [], "operators": []}
    return {
        "latencies": [_row(result) for result in profile["results"]],
        "bars": bar_chart(
            "Latency by board, engine and variant", [_bar(r) for r in profile["results"]]
        ),
        "starts": [_start(result) for result in profile["results"] if "cold_start" in result],
        "operators": [_operators(result) for result in profile["results"]],
    }


def provenance(profile: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where the estimates of each board come from."""
    seen = set()
    for result in profile["results"]:
        words = "; ".join(
            f"{key.replace('_', ' ')} {value}"
            for key, value in result["provenance"].items()
            if isinstance(value, str | int | float) and not _is_digest(value)
        )
        if (result["target"], words) not in seen:
            seen.add((result["target"], words))
            yield f"Estimate, {result['target']}", words


def _row(result: Mapping[str, Any]) -> dict[str, Any]:
    latency_ms = result["latency_ms"]
    return {
        "target": result["target"],
        "engine": f"{result['engine']['name']} {result['engine']['version']}",
        "variant": result["variant"],
        "threads": result["threads"],
        "estimate": significant(latency_ms["estimate"]),
        "band": band(latency_ms),
        "instructions": count(result["instructions"]),
        "method": result["method"],
    }


def _start(result: Mapping[str, Any]) -> dict[str, Any]:
    start = result["cold_start"]
    return {
        "target": result["target"],
        "engine": f"{result['engine']['name']} {result['engine']['version']}",
        "variant": result["variant"],
        "total": significant(result["cold_start_ms"]),
        "stages": [significant(ms) for ms in start["stages_ms"].values()],
        "memory": significant(result["peak_memory_mib"]),
        "not_included": ", ".join(start["not_included"]),
    }


def _operators(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of operators of a result, what takes longest first."""
    slowest = sorted(result["ops"], key=lambda op: (-op["latency_ms"], op["index"]))
    shown, others = slowest[:SHOWN_OPERATORS], slowest[SHOWN_OPERATORS:]
    rows = [_operator_row(op, quantized=result["quantized"]) for op in shown]
    if others:
        rows.append(_others_row(others))
    longest = max((row["share"] for row in rows), default=0.0) or 1.0
    threads = f"{result['threads']} thread{'s' if result['threads'] > 1 else ''}"
    return {
        "title": f"{result['variant']} in {result['engine']['name']} on {result['target']}",
        "threads": threads,
        "unknown_because": result["ops_unknown_because"],
        "advice": [
            f"{LIMITS[a.limit]} limits {100 * a.share:.0f} % of the time; would help: {a.remedy}"
            for a in advice_in_order(result["ops"], quantized=result["quantized"])
        ],
        "by_threads": ", ".join(
            f"{count}: {significant(ms)} ms" for count, ms in result["by_threads_ms"].items()
        ),
        "rows": [{**row, "width": f"{100 * row['share'] / longest:.1f}"} for row in rows],
    }


def _operator_row(op: Mapping[str, Any], *, quantized: bool) -> dict[str, Any]:
    own_work = op["type"].startswith("(")
    return {
        "operator": "the engine's own work" if own_work else op["type"],
        "name": op["layer"] or ("" if op["name"] == op["type"] else op["name"]),
        "latency": significant(op["latency_ms"]),
        "share": op["share"],
        "percent": f"{100 * op['share']:.1f}",
        "rate": f"{op['gflop_per_s']:.1f}" if op["gflop_per_s"] else NONE,
        "limit": LIMITS[op["limit"]],
        "advice": advice_on(op, quantized=quantized) or NONE,
    }


def _others_row(others: list[Mapping[str, Any]]) -> dict[str, Any]:
    share = sum(op["share"] for op in others)
    return {
        "operator": f"{len(others)} more",
        "name": "",
        "latency": significant(sum(op["latency_ms"] for op in others)),
        "share": share,
        "percent": f"{100 * share:.1f}",
        "rate": NONE,
        "limit": NONE,
        "advice": NONE,
    }


def _bar(result: Mapping[str, Any]) -> Bar:
    latency_ms = result["latency_ms"]
    return Bar(
        label=f"{result['target']} · {result['engine']['name']} · {result['variant']}",
        value=latency_ms["estimate"],
        low=latency_ms["low"],
        high=latency_ms["high"],
        kind="int8" if "int8" in result["variant"] else "float32",
        caption=f"{significant(latency_ms['estimate'])} ms",
    )


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64
