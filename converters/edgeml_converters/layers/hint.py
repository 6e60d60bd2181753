"""One thing that does damage, in plain words, with the figures it was measured by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Hint:
    """What damages a quantized model somewhere, and what helps.

    Args:
        kind: Which of the known causes it is, such as ``outliers``.
        tensor: The tensor where it is.
        node: What names the layer to ``--keep-float``.
        damage: The root mean square error that it brings into a layer, as a share of the layer's
            root mean square.
        finding: What was measured, a sentence.
        remedy: What to do, a sentence.
        figures: The numbers in the finding.
        also: Other layers with the same trouble, by ``node``, the worst first.
    """

    kind: str
    tensor: str
    node: str
    damage: float
    finding: str
    remedy: str
    figures: Mapping[str, float]
    also: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return the entry of a comparison document."""
        return {
            "kind": self.kind,
            "tensor": self.tensor,
            "node": self.node,
            "damage": self.damage,
            "finding": self.finding,
            "remedy": self.remedy,
            "figures": dict(self.figures),
            "also": list(self.also),
        }
