"""The integer weights of a product, as sums over its channels.

Knows arrays; must not know in which file they were.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

_INT8_END = 127


@dataclass(frozen=True, eq=False)
class Weights:
    """What decides how roundings pass through a product with integer weights.

    Args:
        magnitudes: The largest magnitude of each output channel.
        scales: The step of each output channel.
        squares: For each output channel and each channel of the input that it reads, the sum of
            the squared weights: errors of variance v come out as v times it.
        taps: Weights between one channel of the input and one of the output.
        groups: The groups of channels that do not mix.
        per_channel: Whether each output channel has a scale of its own.
    """

    magnitudes: Numbers
    scales: Numbers
    squares: Numbers
    taps: int
    groups: int
    per_channel: bool

    @property
    def inputs(self) -> int:
        """The number of channels of the input."""
        return self.groups * len(self.squares[0])

    @property
    def is_depthwise(self) -> bool:
        """Whether every channel of the input has its own outputs."""
        return self.groups > 1 and self.squares.shape[1] == 1

    @property
    def power(self) -> Numbers:
        """What each channel of the input brings to the mean over the output channels."""
        outputs = len(self.squares)
        by_group = self.squares.reshape(self.groups, -1, self.squares.shape[1]).sum(axis=1)
        return np.asarray(by_group.reshape(-1) / outputs)

    @property
    def span(self) -> float:
        """The largest of the channels' magnitudes over the smallest that is not 0."""
        return span(self.magnitudes)

    @property
    def fewest_steps(self) -> int:
        """The largest integer of the channel that has the smallest."""
        steps = np.rint(self.magnitudes / self.scales)
        return int(steps[steps > 0].min(initial=_INT8_END))

    def passed_on(self, noise: Numbers) -> Numbers:
        """Return the mean square in each output channel of what errors of the input come to.

        Args:
            noise: The mean square of the errors in each channel of the input, or in all; they are
                taken for independent.
        """
        return self._passed(noise, self.squares)

    def own_noise(self, power: Numbers) -> Numbers:
        """Return the mean square in each output channel of what the weights' rounding comes to.

        Channels that meet no weight but 0 are left out: nobody knows how far from it they were.

        Args:
            power: The mean square of each channel of the input, or of all.
        """
        met = self._passed(power, np.where(self.squares > 0, np.float64(self.taps), 0.0))
        return np.asarray(met * np.square(self.scales) / 12)

    def _passed(self, numbers: Numbers, factors: Numbers) -> Numbers:
        """Return the sums over the channels of the input, each times its factor."""
        each = np.broadcast_to(numbers, (self.inputs,)).reshape(self.groups, -1)
        by_group = factors.reshape(self.groups, -1, factors.shape[1])
        return np.asarray(np.einsum("gi,goi->go", each, by_group)).reshape(-1)


def span(magnitudes: Numbers) -> float:
    """Return the largest over the smallest that is not 0; 1 where there is none."""
    used = magnitudes[magnitudes > 0]
    return float(used.max() / used.min()) if used.size else 1.0


def weights_of(
    integers: npt.NDArray[np.integer], scales: npt.NDArray[np.floating], groups: int
) -> Weights | None:
    """Return the sums of integer weights; None where the numbers do not go together.

    Args:
        integers: With the zero point taken off, as (output channels, channels of a group, taps).
        scales: One for all, or one for each output channel.
        groups: The groups of channels.
    """
    outputs, _, taps = integers.shape
    scales = np.asarray(scales, np.float64).reshape(-1)
    if scales.size not in (1, outputs) or outputs % groups or not integers.size:
        return None
    steps = np.broadcast_to(scales, (outputs,))
    largest = np.abs(integers.astype(np.int32)).max(axis=(1, 2))
    squares = np.square(integers.astype(np.float32)).sum(axis=2) * np.square(steps)[:, None]
    return Weights(
        magnitudes=largest * steps,
        scales=steps,
        squares=squares,
        taps=taps,
        groups=groups,
        per_channel=scales.size > 1 or outputs == 1,
    )
