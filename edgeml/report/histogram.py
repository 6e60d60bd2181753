"""A histogram as inline SVG: bars of a tensor's values, and the range that its integers reach.

Places along x are percentages, as in `svg`, so that it fits any width. Heights are logarithmic:
what matters in a range are the few values far out, which no linear bar shows. Knows numbers and
labels; must not know where they come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Final

from markupsafe import Markup

from edgeml.report.svg import chart, placed

HEIGHT: Final = 120
TOP: Final = 6
BOTTOM: Final = 96
FAINTEST: Final = 1e-6
"""The share of the values that a bar of no height stands for."""


@dataclass(frozen=True)
class Bars:
    """A tensor's values.

    Args:
        title: What it is, in a few words.
        low: Where the first bar starts.
        high: Where the last one ends.
        shares: The share of the values in each bar, all of one width.
        grid: The smallest and the largest value that the integers hold.
        spoken: All of it in words.
    """

    title: str
    low: float
    high: float
    shares: Sequence[float]
    grid: tuple[float, float]
    spoken: str


def histogram(bars: Bars) -> Markup:
    """Return the chart; bars beyond the integers' range are marked."""
    start, end = (_place(bars, edge) for edge in bars.grid)
    back = Markup(
        '<rect class="track" x="{start}%" y="{top}" width="{width}%" height="{height}"/>'
    ).format(
        start=placed(start),
        top=TOP,
        width=placed(end - start),
        height=BOTTOM - TOP,
    )
    drawn = Markup("").join(_bar(bars, at, share) for at, share in enumerate(bars.shares))
    return chart(bars.title, bars.spoken, back + drawn + _ends(start, end) + _ticks(bars), HEIGHT)


def _place(bars: Bars, value: float) -> float:
    span = bars.high - bars.low
    return 100 * min(max((value - bars.low) / span, 0.0), 1.0) if span > 0 else 0.0


def _bar(bars: Bars, at: int, share: float) -> Markup:
    if share <= FAINTEST:
        return Markup("")
    width = 100 / len(bars.shares)
    height = (BOTTOM - TOP) * (1 - log10(min(share, 1.0)) / log10(FAINTEST))
    middle = bars.low + (at + 0.5) * (bars.high - bars.low) / len(bars.shares)
    inside = bars.grid[0] <= middle <= bars.grid[1]
    return Markup(
        '<rect class="bar {kind}" x="{x}%" y="{y}" width="{width}%" height="{height}"/>'
    ).format(
        kind="float32" if inside else "beyond",
        x=placed(at * width),
        y=placed(BOTTOM - height),
        width=placed(width * 0.86),
        height=placed(height),
    )


def _ends(start: float, end: float) -> Markup:
    return Markup("").join(
        Markup('<line class="band" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>').format(
            x=placed(x), top=TOP, bottom=BOTTOM + 4
        )
        for x in (start, end)
    )


def _ticks(bars: Bars) -> Markup:
    return Markup(
        '<text class="tick" x="0" y="{y}">{low}</text>'
        '<text class="tick" x="100%" y="{y}" text-anchor="end">{high}</text>'
    ).format(y=HEIGHT - 6, low=f"{bars.low:.3g}", high=f"{bars.high:.3g}")
