"""How numbers are written on the page."""

from collections.abc import Mapping
from typing import Any

NONE = "\N{EN DASH}"


def size(size_bytes: int) -> str:
    """Return a file size in the unit that suits it."""
    for unit, unit_bytes in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= unit_bytes:
            return f"{significant(size_bytes / unit_bytes)} {unit}"
    return f"{size_bytes} B"


def significant(value: float) -> str:
    """Return three significant digits, without an exponent where people would not use one."""
    if value == 0.0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        digits = max(0, 2 - int(f"{value:.2e}".partition("e")[2]))
        return f"{value:,.{digits}f}"
    return f"{value:.1e}"


def error(value: float) -> str:
    """Return an error, which nobody needs digits of once it is tiny."""
    return "below 0.001" if 0.0 < value < 1e-3 else f"{value:.3g}"


def share(value: float) -> str:
    """Return a share of 1 as a percentage."""
    return "below 0.01 %" if 0.0 < value < 1e-4 else f"{100 * value:.2f} %"


def percent(value: float | None) -> str:
    """Return a percentage with two decimals."""
    return NONE if value is None else f"{value:.2f} %"


def drop(value: float) -> str:
    """Return a change of accuracy in points, as readers expect it: minus is worse."""
    return "±0.00" if abs(value) < 0.005 else f"{-value:+.2f}".replace("-", "\N{MINUS SIGN}")


def band(latency_ms: Mapping[str, Any]) -> str:
    """Return a band of milliseconds."""
    return f"{significant(latency_ms['low'])} to {significant(latency_ms['high'])}"


def count(value: float) -> str:
    """Return a large count in words."""
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{significant(value / unit)} {name}"
    return f"{value:,.0f}"
