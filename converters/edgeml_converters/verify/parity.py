"""How far apart two models' outputs are, as numbers.

The signal-to-quantization-noise ratio is 10 log10(sum reference^2 / sum error^2), after Nagel et
al., "A White Paper on Neural Network Quantization" (2021).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OutputParity:
    """The parity of one output over all samples.

    Args:
        name: The output's name in the source model.
        max_abs: The largest absolute difference.
        rel_range: ``max_abs`` over the range (max - min) of the reference. An output that hardly
            varies is measured against 10 % of its magnitude, and a zero one against 1, so that a
            constant output that is wrong never looks right.
        cosine: The cosine similarity of all values.
        sqnr_db: The signal-to-quantization-noise ratio in dB; infinite when there is no difference.
        agreement: The percentage of samples with the same best class, None for an output that does
            not look like class scores.
    """

    name: str
    max_abs: float
    rel_range: float
    cosine: float
    sqnr_db: float
    agreement: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the figures; an infinite one is null (``sqnr_db``: no difference at all)."""
        return {
            "name": self.name,
            "max_abs": _number(self.max_abs),
            "rel_range": _number(self.rel_range),
            "cosine": self.cosine,
            "sqnr_db": _number(self.sqnr_db),
            "agreement": self.agreement,
        }


@dataclass(frozen=True)
class Parity:
    """The parity of two models: per output, and the worst of each figure.

    Args:
        outputs: One entry an output, in the source model's order; never empty.
        samples: How many samples were compared.
        failure: Why the outputs cannot be compared at all (a value that is no number), or None.
    """

    outputs: tuple[OutputParity, ...]
    samples: int
    failure: str | None = None

    @property
    def max_abs(self) -> float:
        """The largest absolute difference of any output."""
        return self._worst(max, lambda output: output.max_abs)

    @property
    def rel_range(self) -> float:
        """The largest difference relative to the range of its output."""
        return self._worst(max, lambda output: output.rel_range)

    @property
    def cosine(self) -> float:
        """The lowest cosine similarity of any output."""
        return self._worst(min, lambda output: output.cosine)

    @property
    def sqnr_db(self) -> float:
        """The lowest signal-to-noise ratio of any output, in dB."""
        return self._worst(min, lambda output: output.sqnr_db)

    @property
    def agreement(self) -> float | None:
        """The lowest agreement in per cent, or None when no output looks like class scores."""
        known = [output.agreement for output in self.outputs if output.agreement is not None]
        return min(known) if known else None

    @property
    def worst(self) -> OutputParity:
        """The output with the largest ``rel_range``."""
        return max(self.outputs, key=lambda output: output.rel_range)

    def _worst(
        self, choose: Callable[..., float], figure: Callable[[OutputParity], float]
    ) -> float:
        return choose(figure(output) for output in self.outputs)

    def to_json(self) -> dict[str, Any]:
        """Return the ``parity`` entry of a conversion or comparison document; null is infinite."""
        return {
            "max_abs": _number(self.max_abs),
            "rel_range": _number(self.rel_range),
            "cosine": self.cosine,
            "sqnr_db": _number(self.sqnr_db),
            "agreement": self.agreement,
            "samples": self.samples,
            "failure": self.failure,
            "outputs": [output.to_json() for output in self.outputs],
        }


def no_parity(output_names: Sequence[str], failure: str) -> Parity:
    """Return the parity of a model that cannot be run: as far from its source as can be."""
    outputs = tuple(
        OutputParity(name, math.inf, math.inf, 0.0, -math.inf, None) for name in output_names
    )
    return Parity(outputs, 0, failure)


def _number(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None  # JSON has no infinity
