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
        power: For each channel of the input, the sum of the squared weights that it meets, over
            the number of output channels: rounding errors of variance v come out as v times it.
        taps: Weights between one channel of the input and one of the output.
        groups: The groups of channels that do not mix.
        per_channel: Whether each output channel has a scale of its own.
    """

    magnitudes: Numbers
    scales: Numbers
    power: Numbers
    taps: int
    groups: int
    per_channel: bool

    @property
    def is_depthwise(self) -> bool:
        """Whether every channel of the input has its own outputs."""
        return self.groups > 1 and self.groups == len(self.power)

    @property
    def span(self) -> float:
        """The largest of the channels' magnitudes over the smallest that is not 0."""
        return span(self.magnitudes)

    @property
    def fewest_steps(self) -> int:
        """The largest integer of the channel that has the smallest."""
        steps = np.rint(self.magnitudes / self.scales)
        return int(steps[steps > 0].min(initial=_INT8_END))

    def input_noise(self, noise: Numbers) -> float:
        """Return the mean square of what roundings of the input come to in the output.

        Args:
            noise: The mean square of the rounding errors in each channel of the input, or in all.
        """
        return float((self.power * noise).sum())

    def own_noise(self, power: Numbers) -> float:
        """Return the mean square of what the rounding of the weights comes to in the output.

        Args:
            power: The mean square of each channel of the input, or of all.
        """
        each = np.broadcast_to(power, self.power.shape).reshape(self.groups, -1).sum(axis=1)
        variances = np.square(self.scales) / 12
        of_groups = variances.reshape(self.groups, -1).mean(axis=1)
        return float((of_groups * each).mean() * self.taps)


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
    outputs, inputs, taps = integers.shape
    scales = np.asarray(scales, np.float64).reshape(-1)
    if scales.size not in (1, outputs) or outputs % groups or not integers.size:
        return None
    steps = np.broadcast_to(scales, (outputs,))
    largest = np.abs(integers.astype(np.int32)).max(axis=(1, 2))
    squares = np.square(integers.astype(np.float32)).sum(axis=2) * np.square(steps)[:, None]
    by_group = squares.reshape(groups, outputs // groups, inputs).sum(axis=1)
    return Weights(
        magnitudes=largest * steps,
        scales=steps,
        power=by_group.reshape(-1) / outputs,
        taps=taps,
        groups=groups,
        per_channel=scales.size > 1 or outputs == 1,
    )
