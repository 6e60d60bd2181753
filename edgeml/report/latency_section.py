"""The section on how fast the model will run."""

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from edgeml.report.figures import band, count, significant
from edgeml.report.svg import Bar, bar_chart


def content(profile: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the template shows of a profile; empty without one."""
    if profile is None or not profile["results"]:
        return {"latencies": [], "bars": Markup("")}
    return {
        "latencies": [_row(result) for result in profile["results"]],
        "bars": bar_chart(
            "Latency by board, engine and variant", [_bar(r) for r in profile["results"]]
        ),
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
