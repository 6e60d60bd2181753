"""The figures of a profile that can be gated, and how they are written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

KIB_BYTES: Final = 1024

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Measure:
    """One figure of an entry of ``results``; the larger, the worse.

    Args:
        key: In budgets.
        title: The figure in a sentence.
        unit: Of the figure; empty for a count.
        read: Returns the figure of an entry, or None when the entry has none.
        remedy: What helps when it is too large.
    """

    key: str
    title: str
    unit: str
    read: Callable[[Entry], float | None]
    remedy: str

    def words(self, value: float) -> str:
        """Return *value* with its unit."""
        if not self.unit:
            return f"{value:,.0f}"
        number = f"{value:,.3f}".rstrip("0").rstrip(".")
        return f"{number} {self.unit}"


_SLOW: Final = "See with --ops what takes it, or raise the limit."

# Not every profile has run a program's start: hence `get` for its two figures.
_TABLE: Final = (
    Measure("p50_ms", "the estimate", "ms", lambda entry: entry["latency_ms"]["estimate"], _SLOW),
    Measure(
        "cold_start_ms",
        "the cold start",
        "ms",
        lambda entry: entry.get("cold_start_ms"),
        "Make the model smaller, or raise the limit.",
    ),
    Measure(
        "peak_memory_mib",
        "peak memory",
        "MiB",
        lambda entry: entry.get("peak_memory_mib"),
        "Quantize or shrink the activations, or raise the limit.",
    ),
    Measure(
        "size_kib",
        "the file",
        "KiB",
        lambda entry: entry["bytes"] / KIB_BYTES,
        "Quantize or shrink the model, or raise the limit.",
    ),
    Measure("instructions", "the instruction count", "", lambda e: e["instructions"], _SLOW),
)
MEASURES: Final[Mapping[str, Measure]] = {measure.key: measure for measure in _TABLE}
"""By key, in the order in which they are judged. A budget's ``p50_ms`` is held against the
estimate, which stands for the median of many runs on the board."""
START_MEASURES: Final = (MEASURES["cold_start_ms"], MEASURES["peak_memory_mib"])
"""Those of a program's start, which a profile runs when it is asked to."""
