"""The section on where an artifact loses accuracy: hints, layers, the values of the worst."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

from edgeml.report.figures import NONE, share, significant
from edgeml.report.histogram import Bars, histogram

Document = Mapping[str, Any]

SHOWN: Final = 30
"""Layers in the table, the worst first."""
_ALSO: Final = 3


def content(comparison: Document | None) -> dict[str, Any]:
    """Return what the template shows of a comparison; empty without one."""
    if comparison is None:
        return {"compared": None, "hints": [], "layers": [], "histograms": [], "more_layers": 0}
    layers = comparison.get("layers", {})
    tensors = sorted(layers.get("tensors", ()), key=_damage, reverse=True)
    errors = {tensor["name"]: tensor.get("own_error") for tensor in tensors}
    return {
        "compared": _compared(comparison),
        "hints": [_hint(hint) for hint in layers.get("hints", ())],
        "layers": [_row(tensor) for tensor in tensors[:SHOWN]],
        "more_layers": max(0, len(tensors) - SHOWN),
        "histograms": [
            _histogram(entry, errors.get(entry["tensor"])) for entry in layers.get("histograms", ())
        ],
    }


def sentence(comparison: Document) -> str:
    """Return in a sentence how far the two artifacts are apart."""
    parity = comparison["parity"]
    return (
        f"{_name(comparison, 'candidate')} was held against {_name(comparison, 'reference')} on "
        f"{parity['samples']:,} samples: its signal stands {_decibels(parity['sqnr_db'])} above "
        "the error."
    )


def cards(comparison: Document) -> list[dict[str, str]]:
    """Return the figures for the top of the page."""
    parity = comparison["parity"]
    found = [
        {
            "what": "Signal to error, outputs",
            "figure": _decibels(parity["sqnr_db"]).removesuffix(" dB"),
            "unit": "" if parity["sqnr_db"] is None else "dB",
            "detail": "20 dB is an error of 10 %, 40 dB of 1 %",
        }
    ]
    if parity["agreement"] is not None:
        found.append(
            {
                "what": "Same answer",
                "figure": f"{parity['agreement']:.2f}",
                "unit": "%",
                "detail": f"of {parity['samples']:,} samples",
            }
        )
    return found


def title(comparison: Document) -> str:
    """Return the name of the page."""
    return f"{_name(comparison, 'candidate')} against {_name(comparison, 'reference')}"


def _name(comparison: Document, which: str) -> str:
    return PurePath(comparison[which]).name


def _compared(comparison: Document) -> dict[str, Any]:
    parity = comparison["parity"]
    return {
        "reference": _name(comparison, "reference"),
        "candidate": _name(comparison, "candidate"),
        "samples": parity["samples"],
        "inputs": PurePath(comparison["inputs"]).name,
        "error": "infinite" if parity["rel_range"] is None else share(parity["rel_range"]),
        "first": comparison.get("layers", {}).get("first_divergence"),
    }


def _damage(tensor: Document) -> float:
    """Return what layers are ranked by; of documents without it, the error that they add."""
    found = tensor.get("damage", tensor["error_added"])
    return float("inf") if found is None else float(found)


def _hint(hint: Document) -> dict[str, Any]:
    also = hint["also"]
    more = len(also) - _ALSO
    return {
        "finding": hint["finding"],
        "remedy": hint["remedy"],
        "damage": share(hint["damage"]),
        "also": ", ".join(also[:_ALSO]) + (f" and {more} more" if more > 0 else ""),
    }


def _row(tensor: Document) -> dict[str, str]:
    saturated = tensor.get("saturation_percent")
    own = tensor.get("own_error")
    return {
        "layer": tensor["node"] or tensor["name"],
        "tensor": tensor["name"] if tensor["node"] else "",
        "op": tensor["op"],
        "sqnr": _decibels(tensor["sqnr_db"]),
        "saturated": NONE
        if saturated is None
        else _part((saturated["below"] + saturated["above"]) / 100),
        "added": "infinite" if tensor["error_added"] is None else share(tensor["error_added"]),
        "own": NONE if own is None else share(own),
        "passed": share(tensor.get("passed_error") or 0.0),
    }


def _histogram(entry: Document, own_error: float | None) -> dict[str, Any]:
    low, high = entry["grid"]
    spoken = (
        f"The bars span {significant(entry['low'])} to {significant(entry['high'])}. The integers "
        f"reach {significant(low)} to {significant(high)}; {_part(entry['below'])} of the values "
        f"lie below and {_part(entry['above'])} above."
    )
    name = entry["node"] or entry["tensor"]
    bars = Bars(
        title=f"Values of {entry['tensor']}",
        low=entry["low"],
        high=entry["high"],
        shares=entry["shares"],
        grid=(low, high),
        spoken=spoken,
    )
    return {
        "layer": name,
        "tensor": entry["tensor"],
        "chart": histogram(bars),
        "integers": f"{significant(low)} to {significant(high)}",
        "saturated": ", ".join(
            f"{_part(entry[side])} {side}" for side in ("below", "above") if entry[side] > 0
        ),
        "own": NONE if own_error is None else share(own_error),
    }


def _part(value: float) -> str:
    """Return a share of saturated values, of which one in a million may count."""
    return f"{100 * value:.2g} %" if value else "none"


def _decibels(value: float | None) -> str:
    return "no error" if value is None else f"{value:.1f} dB"
