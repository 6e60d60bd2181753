"""The section on what `--quantize auto` tried: the trials, the front, what was chosen and why."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from edgeml.report.figures import NONE, drop, significant, size
from edgeml.report.pareto import Axes, Mark, pareto_plot

Document = Mapping[str, Any]

EQUAL: Final = 0.1
"""Drops that span no more points say nothing; the noise is drawn in their place."""
WINDOW: Final = 4
"""The axis of drops ends at so many times the limit."""
LEAST_WINDOW: Final = 1.0
"""But not before this many points."""
HEADROOM_DB: Final = 10.0
"""What lies further above the best quantized trial than this is drawn at the edge."""


def content(conversion: Document | None) -> dict[str, Any]:
    """Return what the template shows of a search; nothing without one."""
    search = None if conversion is None else conversion.get("search")
    if search is None:
        return {"search": None}
    trials, boards = search["trials"], search["targets"]
    axes, marks = _marks(search)
    outside = [mark for mark in marks if not axes.low <= mark.y <= axes.high]
    chosen = next(trial for trial in trials if trial["chosen"])
    return {
        "search": {
            "limit": f"{search['max_drop']:g}",
            "met": search["met"],
            "reasons": search["reasons"],
            "boards": boards,
            "rows": [_row(number, trial, boards) for number, trial in enumerate(trials, 1)],
            "kept_float": chosen["kept_float"],
            "plot": pareto_plot("What was tried", axes, marks) if len(marks) > 1 else Markup(""),
            "by_noise": axes.limit is None,
            "outside": len(outside),
            "untimed": len(trials) - len(marks),
            "left": f"faster on {boards[0]}" if boards else "smaller",
        }
    }


def _row(number: int, trial: Document, boards: Sequence[str]) -> dict[str, Any]:
    latency = trial["latency_ms"]
    return {
        "number": number,
        "name": trial["name"],
        "kind": trial["scheme"],
        "drop": drop(trial["drop"]),
        "sqnr": _decibels(trial["sqnr_db"]),
        "size": size(trial["bytes"]),
        "latencies": [
            f"{significant(latency[board])} ms" if board in latency else NONE for board in boards
        ],
        "float_nodes": trial["float_nodes"] if trial["int8_nodes"] else "all",
        "chosen": trial["chosen"],
        "front": trial["pareto"],
    }


def _marks(search: Document) -> tuple[Axes, list[Mark]]:
    """Return the axes, and a mark for each trial that has a place on them."""
    trials, boards = search["trials"], search["targets"]
    drops = [trial["drop"] for trial in trials]
    by_noise = max(drops) - min(drops) <= EQUAL
    axes = _axes(search, by_noise=by_noise)
    marks = []
    for number, trial in enumerate(trials, 1):
        x = trial["latency_ms"].get(boards[0]) if boards else trial["bytes"] / 1000
        noise = trial["sqnr_db"]
        y = (float("inf") if noise is None else noise) if by_noise else -trial["drop"]
        if x is not None:
            spoken = _spoken(number, trial, boards)
            front, chosen = trial["pareto"], trial["chosen"]
            marks.append(Mark(number, x, y, trial["scheme"], front, chosen, spoken))
    return axes, marks


def _axes(search: Document, *, by_noise: bool) -> Axes:
    boards = search["targets"]
    x_name = f"ms on {boards[0]}, emulated" if boards else "size in kB"
    if by_noise:
        heard = [t["sqnr_db"] for t in search["trials"][1:] if t["sqnr_db"] is not None]
        high = max(heard, default=0.0) + HEADROOM_DB
        return Axes(x_name, "signal to error in dB", None, "", float("-inf"), high)
    limit = search["max_drop"]
    chosen = next(trial["drop"] for trial in search["trials"] if trial["chosen"])
    low = -max(WINDOW * limit, LEAST_WINDOW, 1.25 * chosen)
    name = f"at most {limit:g} points may be lost"
    return Axes(x_name, "accuracy in points, against the original", -limit, name, low, float("inf"))


def _spoken(number: int, trial: Document, boards: Sequence[str]) -> str:
    """Return a trial in words, for those who do not see the chart."""
    latency = trial["latency_ms"]
    words = [
        f"{number}, {trial['name']}: {drop(trial['drop'])} points",
        _decibels(trial["sqnr_db"]),
        size(trial["bytes"]),
        *(f"{significant(latency[board])} ms on {board}" for board in boards if board in latency),
        *(["chosen"] if trial["chosen"] else []),
    ]
    return ", ".join(words)


def _decibels(value: float | None) -> str:
    return "no error" if value is None else f"{value:.1f} dB"
