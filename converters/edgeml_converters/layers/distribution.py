"""A tensor's values as bars over a range, and where the integers end."""

from dataclasses import dataclass
from typing import Any

from edgeml_converters.layers.network import Grid
from edgeml_converters.layers.statistics import Values

BARS = 64


@dataclass(frozen=True)
class Distribution:
    """The values of one tensor of the reference, over all samples.

    Args:
        tensor: Its name.
        node: What names its layer to ``--keep-float``.
        low: Where the first bar starts.
        high: Where the last one ends.
        shares: The share of the values in each bar, all of one width.
        grid: The smallest and the largest value that the candidate can hold.
        below: The share of the values below the first of them.
        above: The share above the second.
    """

    tensor: str
    node: str
    low: float
    high: float
    shares: tuple[float, ...]
    grid: tuple[float, float]
    below: float
    above: float

    def to_json(self) -> dict[str, Any]:
        """Return the entry of a comparison document."""
        return {
            "tensor": self.tensor,
            "node": self.node,
            "low": self.low,
            "high": self.high,
            "shares": [round(share, 9) for share in self.shares],
            "grid": list(self.grid),
            "below": self.below,
            "above": self.above,
        }


def distribution_of(tensor: str, node: str, values: Values, grid: Grid) -> Distribution:
    """Return the bars over all that the values or the integers reach."""
    low, high = values.range
    ends = grid.ends
    start, end = min(low, ends[0]), max(high, ends[1])
    return Distribution(
        tensor=tensor,
        node=node,
        low=start,
        high=end,
        shares=values.histogram.shares(start, end, BARS),
        grid=ends,
        below=values.below,
        above=values.above,
    )
