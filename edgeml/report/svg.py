"""Two small charts as inline SVG that fit any width.

Places along x are percentages and sizes along y pixels, so that a chart fills a phone or a wide
screen while its text keeps one size. Colours are classes of the page's style sheet. Knows numbers
and labels; must not know where they come from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Final

from markupsafe import Markup

BAR_HEIGHT: Final = 16
ROW_HEIGHT: Final = 52
SCATTER_HEIGHT: Final = 280
NARROW: Final = 320
"""Pixels of the narrowest screen on which no label may cover another."""
LETTER: Final = 7.5
"""Pixels of a letter, on the safe side."""
PLOT: Final = (14.0, 90.0)
"""First and last percentage of the width that a point of the scatter may take."""


@dataclass(frozen=True)
class Bar:
    """One bar of a bar chart.

    Args:
        label: What it stands for.
        value: Its length.
        low: Start of its error band.
        high: End of its error band.
        kind: The style's class, such as ``int8``.
        caption: The value in words.
    """

    label: str
    value: float
    low: float
    high: float
    kind: str
    caption: str


@dataclass(frozen=True)
class Point:
    """One point of a scatter: *x* to the right, *y* upwards."""

    label: str
    x: float
    y: float
    kind: str


def bar_chart(title: str, bars: Sequence[Bar]) -> Markup:
    """Return a chart with one row a bar: its label above, its error band drawn over it."""
    longest = max(max(bar.value, bar.high) for bar in bars) or 1.0
    rows = Markup("").join(_bar_row(bar, index, longest) for index, bar in enumerate(bars))
    return chart(
        title, "; ".join(f"{b.label}: {b.caption}" for b in bars), rows, len(bars) * ROW_HEIGHT
    )


def _bar_row(bar: Bar, index: int, longest: float) -> Markup:
    top = index * ROW_HEIGHT
    y = top + 24
    middle = y + BAR_HEIGHT / 2
    low, high = (_percent(100 * edge / longest) for edge in (bar.low, bar.high))
    return Markup(
        "<g><title>{label}: {caption}</title>"
        '<text class="label" x="0" y="{text_y}">{label}</text>'
        '<text class="value" x="100%" y="{text_y}" text-anchor="end">{caption}</text>'
        '<rect class="track" x="0" y="{y}" width="100%" height="{height}" rx="4"/>'
        '<rect class="bar {kind}" x="0" y="{y}" width="{width}%" height="{height}" rx="4"/>'
        '<line class="band" x1="{low}%" x2="{high}%" y1="{middle}" y2="{middle}"/>'
        '<line class="band" x1="{low}%" x2="{low}%" y1="{cap_top}" y2="{cap_end}"/>'
        '<line class="band" x1="{high}%" x2="{high}%" y1="{cap_top}" y2="{cap_end}"/></g>'
    ).format(
        label=bar.label,
        caption=bar.caption,
        kind=bar.kind,
        text_y=top + 16,
        y=y,
        height=BAR_HEIGHT,
        width=_percent(100 * bar.value / longest),
        low=low,
        high=high,
        middle=placed(middle),
        cap_top=placed(middle - 5),
        cap_end=placed(middle + 5),
    )


def scatter(title: str, x_name: str, y_name: str, points: Sequence[Point]) -> Markup:
    """Return a scatter whose points carry their labels; grid lines stand at round values of *y*."""
    x_low, x_high = padded([point.x for point in points])
    y_low, y_high = padded([point.y for point in points])
    bottom = SCATTER_HEIGHT - 34
    top = 30

    def place_x(x: float) -> float:
        return PLOT[0] + (PLOT[1] - PLOT[0]) * (x - x_low) / (x_high - x_low)

    def place_y(y: float) -> float:
        return bottom - (bottom - top) * (y - y_low) / (y_high - y_low)

    grid = Markup("").join(
        Markup(
            '<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
            '<text class="tick" x="0" y="{text_y}">{text}</text>'
        ).format(y=placed(place_y(tick)), text_y=placed(place_y(tick) - 4), text=f"{tick:g}")
        for tick in ticks(y_low, y_high)
    )
    names = Markup(
        '<text class="tick" x="0" y="12">{y_name}</text>'
        '<text class="tick" x="100%" y="{foot}" text-anchor="end">{x_name}</text>'
    ).format(y_name=y_name, x_name=x_name, foot=SCATTER_HEIGHT - 6)
    places = [(place_x(point.x), place_y(point.y)) for point in points]
    sides = label_sides(points, places)
    dots = Markup("").join(
        _dot(point, place, side, x_name, y_name)
        for point, place, side in zip(points, places, sides, strict=True)
    )
    spoken = "; ".join(f"{p.label}: {p.y:g} {y_name}, {p.x:g} {x_name}" for p in points)
    return chart(title, spoken, grid + names + dots, SCATTER_HEIGHT)


@dataclass(frozen=True)
class Side:
    """Where a label stands beside its point: offset in pixels, and which end is anchored."""

    dx: int
    dy: int
    anchor: str

    def box(self, place: tuple[float, float], label: str) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom in pixels on a screen of ``NARROW`` pixels."""
        width = LETTER * len(label)
        left = place[0] * NARROW / 100 + self.dx
        left -= {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        baseline = place[1] + self.dy
        return left, baseline - 12, left + width, baseline + 4


SIDES: Final = (
    Side(13, 5, "start"),
    Side(-13, 5, "end"),
    Side(0, -13, "middle"),
    Side(0, 24, "middle"),
)


def label_sides(points: Sequence[Point], places: Sequence[tuple[float, float]]) -> list[Side]:
    """Return for each point the first side on which its label meets no other label or point."""
    dots = [(x * NARROW / 100 - 8, y - 8, x * NARROW / 100 + 8, y + 8) for x, y in places]
    taken: list[tuple[float, float, float, float]] = []
    chosen = []
    for index, (point, place) in enumerate(zip(points, places, strict=True)):
        others = taken + dots[:index] + dots[index + 1 :]

        def clashes(side: Side) -> float:
            box = side.box(place, point.label)  # noqa: B023 - used before the loop goes on
            outside = max(0.0, -box[0], box[2] - NARROW)
            return outside + sum(_meet(box, other) for other in others)  # noqa: B023 - as above

        best = min(SIDES, key=clashes)
        taken.append(best.box(place, point.label))
        chosen.append(best)
    return chosen


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return how much two boxes overlap, in square pixels."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _dot(point: Point, place: tuple[float, float], side: Side, x_name: str, y_name: str) -> Markup:
    return Markup(
        "<g><title>{label}: {y_value} {y_name}, {x_value} {x_name}</title>"
        '<circle class="bar {kind}" cx="{x}%" cy="{y}" r="7"/>'
        '<text class="label" x="{x}%" y="{text_y}" dx="{dx}" text-anchor="{anchor}">{label}</text>'
        "</g>"
    ).format(
        label=point.label,
        y_value=f"{point.y:g}",
        x_value=f"{point.x:g}",
        x_name=x_name,
        y_name=y_name,
        kind=point.kind,
        x=_percent(place[0]),
        y=placed(place[1]),
        text_y=placed(place[1] + side.dy),
        dx=side.dx,
        anchor=side.anchor,
    )


def chart(title: str, spoken: str, content: Markup, height: int) -> Markup:
    """Return a whole chart.

    Args:
        title: What it shows.
        spoken: All that it shows in words, for those who do not see it.
        content: Its elements.
        height: In pixels.
    """
    return Markup(
        '<svg class="chart" role="img" aria-label="{title}" width="100%" height="{height}">'
        "<title>{title}</title><desc>{spoken}</desc>{content}</svg>"
    ).format(title=title, spoken=spoken, content=content, height=height)


def padded(values: Sequence[float]) -> tuple[float, float]:
    """Return a range that holds *values*; one that is never empty, and wider by a fifth."""
    low, high = min(values), max(values)
    margin = (high - low) * 0.1 or abs(high) * 0.01 or 1.0
    return low - margin, high + margin


def ticks(low: float, high: float) -> Iterator[float]:
    """Yield three to six round values between *low* and *high*."""
    rough = (high - low) / 4
    magnitude = 10.0 ** floor(log10(rough))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough)
    first = -floor(-low / step)
    for index in range(int((high - first * step) / step) + 1):
        yield round((first + index) * step, 12)


def _percent(value: float) -> str:
    return placed(min(max(value, 0.0), 100.0))


def placed(value: float) -> str:
    """Return a place or size with no more digits than can be seen."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
