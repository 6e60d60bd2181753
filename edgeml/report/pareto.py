"""What was tried as inline SVG: cost to the right, quality upwards, and the front joined by a line.

Points carry the numbers of their rows in a table, as their names would not fit beside them. Places
along x are percentages, as in `svg`. Knows numbers and labels; must not know where they come from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from edgeml.report.svg import NARROW, PLOT, Point, chart, label_sides, padded, placed, ticks

HEIGHT: Final = 300
TOP: Final = 34
BOTTOM: Final = 246
NEAR: Final = 12
"""Points that are fewer pixels apart share a label."""


@dataclass(frozen=True)
class Mark:
    """One thing that was tried.

    Args:
        number: Of its row in the table.
        x: What it costs: less is better.
        y: How good it is: more is better; beyond the ends of the axis it is drawn at the edge.
        kind: The style's class, such as ``int8``.
        front: Whether no other is better in one respect and worse in none.
        chosen: Whether it was taken.
        spoken: All of it in words.
    """

    number: int
    x: float
    y: float
    kind: str
    front: bool
    chosen: bool
    spoken: str


@dataclass(frozen=True)
class Axes:
    """What the directions mean.

    Args:
        x_name: With its unit.
        y_name: With its unit.
        limit: The least *y* that is good enough; None where it is of another kind.
        limit_name: In words.
        low: Where the axis of y ends below, whatever lies beyond.
        high: Where it ends above.
    """

    x_name: str
    y_name: str
    limit: float | None
    limit_name: str
    low: float
    high: float


@dataclass(frozen=True)
class _Plane:
    """From values to places: per cent of the width, pixels of the height."""

    axes: Axes
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return PLOT[0] + (PLOT[1] - PLOT[0]) * (value - low) / (high - low)

    def y(self, value: float) -> float:
        low, high = self.y_range
        inside = min(max(value, self.axes.low), self.axes.high)
        return BOTTOM - (BOTTOM - TOP) * (inside - low) / (high - low)

    def place(self, mark: Mark) -> tuple[float, float]:
        return self.x(mark.x), self.y(mark.y)


def pareto_plot(title: str, axes: Axes, marks: Sequence[Mark]) -> Markup:
    """Return the chart; it has one *mark* at least."""
    values = [min(max(mark.y, axes.low), axes.high) for mark in marks]
    limits = [] if axes.limit is None else [axes.limit]
    plane = _Plane(axes, padded([mark.x for mark in marks]), padded([*values, *limits]))
    content = (
        _grid(plane)
        + _limit(plane)
        + Markup("").join(_steps(plane, front_line(marks)))
        + Markup("").join(_dot(plane, mark) for mark in marks)
        + Markup("").join(_labels(plane, marks))
    )
    return chart(title, "; ".join(mark.spoken for mark in marks), content, HEIGHT)


def front_line(marks: Sequence[Mark]) -> list[Mark]:
    """Return the marks that the line joins: of the front, from cheap to dear, none worse."""
    line: list[Mark] = []
    for mark in sorted((m for m in marks if m.front), key=lambda m: (m.x, -m.y, m.number)):
        if not line or mark.y >= line[-1].y:
            line.append(mark)
    return line


def _grid(plane: _Plane) -> Markup:
    lines = Markup("").join(
        Markup(
            '<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
            '<text class="tick" x="0" y="{text_y}">{text}</text>'
        ).format(y=placed(plane.y(tick)), text_y=placed(plane.y(tick) - 4), text=_number(tick))
        for tick in ticks(*plane.y_range)
        if plane.axes.low <= tick <= plane.axes.high
    )
    across = Markup("").join(
        Markup('<text class="tick" x="{x}%" y="{y}" text-anchor="middle">{text}</text>').format(
            x=placed(plane.x(tick)), y=BOTTOM + 28, text=_number(tick)
        )
        for tick in ticks(*plane.x_range)
        if tick >= 0
    )
    names = Markup(
        '<text class="tick" x="0" y="12">{y_name}</text>'
        '<text class="tick" x="100%" y="{foot}" text-anchor="end">{x_name}</text>'
    ).format(y_name=plane.axes.y_name, x_name=plane.axes.x_name, foot=HEIGHT - 6)
    return lines + across + names


def _limit(plane: _Plane) -> Markup:
    if plane.axes.limit is None:
        return Markup("")
    y = plane.y(plane.axes.limit)  # its name stands in the middle: float32 is at the right
    return Markup(
        '<line class="limit" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        '<text class="tick" x="60%" y="{text_y}" text-anchor="middle">{text}</text>'
    ).format(y=placed(y), text_y=placed(y + 14), text=plane.axes.limit_name)


def _steps(plane: _Plane, line: Sequence[Mark]) -> Iterator[Markup]:
    for start, end in pairwise(line):
        (x1, y1), (x2, y2) = plane.place(start), plane.place(end)
        yield Markup('<line class="front" x1="{x1}%" x2="{x2}%" y1="{y1}" y2="{y2}"/>').format(
            x1=placed(x1), x2=placed(x2), y1=placed(y1), y2=placed(y2)
        )


def _dot(plane: _Plane, mark: Mark) -> Markup:
    x, y = (placed(value) for value in plane.place(mark))
    ring = Markup('<circle class="ring" cx="{x}%" cy="{y}" r="11"/>').format(x=x, y=y)
    return Markup(
        '<g><title>{spoken}</title><circle class="bar {kind}" cx="{x}%" cy="{y}" r="{r}"/>'
        "{ring}</g>"
    ).format(
        spoken=mark.spoken,
        kind=mark.kind,
        x=x,
        y=y,
        r=7 if mark.front or mark.chosen else 5,
        ring=ring if mark.chosen else "",
    )


def _labels(plane: _Plane, marks: Sequence[Mark]) -> Iterator[Markup]:
    """Yield one label for each crowd of points."""
    crowds = list(_crowds(plane, marks))
    places = [plane.place(crowd[0]) for crowd in crowds]
    names = [_name(plane.axes, crowd) for crowd in crowds]
    points = [Point(name, 0.0, 0.0, "") for name in names]
    for name, (x, y), side in zip(names, places, label_sides(points, places), strict=True):
        yield Markup(
            '<text class="label" x="{x}%" y="{y}" dx="{dx}" text-anchor="{anchor}">{name}</text>'
        ).format(x=placed(x), y=placed(y + side.dy), dx=side.dx, anchor=side.anchor, name=name)


def _crowds(plane: _Plane, marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    left = list(marks)
    while left:
        x, y = plane.place(left[0])
        crowd = [
            mark
            for mark in left
            if abs(plane.x(mark.x) - x) * NARROW / 100 < NEAR and abs(plane.y(mark.y) - y) < NEAR
        ]
        left = [mark for mark in left if mark not in crowd]
        yield crowd


def _name(axes: Axes, crowd: Sequence[Mark]) -> str:
    """Return the numbers of a crowd, an arrow where it lies further out, and what is chosen."""
    numbers = ", ".join(_runs([mark.number for mark in crowd]))
    arrow = " ↓" if crowd[0].y < axes.low else " ↑" if crowd[0].y > axes.high else ""
    chosen = [mark.number for mark in crowd if mark.chosen]
    if not chosen:
        return f"{numbers}{arrow}"
    which = f"{chosen[0]} " if len(crowd) > 1 else ""
    return f"{numbers}{arrow} ({which}chosen)"


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    """Yield rising *numbers* as text, three or more that follow each other as one."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    for run in runs:
        if len(run) > 2:
            yield f"{run[0]} to {run[-1]}"
        else:
            yield from map(str, run)


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")
