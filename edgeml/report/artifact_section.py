"""The section on the files that a conversion made."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from markupsafe import Markup

from edgeml.report.figures import NONE, drop, percent, share, size
from edgeml.report.svg import Point, scatter


def content(conversion: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the template shows of a conversion; empty without one."""
    if conversion is None:
        return {"artifacts": [], "scatter": "", "verified_on": ""}
    return {
        "artifacts": [_row(item) for item in conversion["artifacts"]],
        "scatter": _scatter(conversion["artifacts"]),
        "verified_on": conversion["verified_on"],
    }


def quantizations(conversion: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return how each precision was quantized; documents of old have one at most."""
    single = [] if conversion["quantization"] is None else [conversion["quantization"]]
    return list(conversion.get("quantizations", single))


def quantization(entry: Mapping[str, Any]) -> str:
    """Return in a sentence how the files of one precision were quantized."""
    floats = [excluded["node"] for excluded in entry["excluded"]]
    left = f"; left in float: {', '.join(floats)}" if floats else "; nothing left in float"
    made_up = "made-up " if entry.get("synthetic") else ""
    counted = f"calibrated on {entry['samples']} {made_up}samples"
    data = counted if entry["samples"] else "needs no samples"
    return f"{entry['scheme']}, {data}{left}"


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    accuracy, parity = item["accuracy"], item["parity"]
    return {
        "file": PurePath(item["path"]).name,
        "precision": item["precision"],
        "size": size(item["bytes"]),
        "accuracy": NONE if accuracy is None else percent(accuracy["value"]),
        "drop": NONE if accuracy is None else drop(accuracy["drop"]),
        "agreement": percent(parity["agreement"]),
        "error": share(parity["rel_range"]),
        "rejected": item["rejected"],
    }


def _scatter(items: list[Mapping[str, Any]]) -> Markup:
    points = [
        Point(
            f"{item['precision']}.{item['format']}",
            item["bytes"] / 1000,
            round(item["accuracy"]["value"], 2),
            item["precision"],
        )
        for item in items
        if item["accuracy"] is not None
    ]
    if len(points) < 2:
        return Markup("")
    metric = next(item["accuracy"]["metric"] for item in items if item["accuracy"] is not None)
    return scatter("Accuracy against size", "size in kB", f"{metric} in %", points)
