"""Samples in the shape that a model takes, with their labels.

Knows batch axes and labels; must not know where samples come from.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Sample:
    """One sample.

    Args:
        inputs: Model input name to array, batch axis of 1, in the source model's layout.
        label: The class index, or None where the data has no labels.
        raw: The sample before preprocessing: an image is RGB uint8 (height, width, 3).
    """

    inputs: dict[str, np.ndarray]
    label: int | None
    raw: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """A stream of samples that can be read again and again, in the same order.

    Args:
        name: What the user called it, for messages.
        read: Starts a new pass over the samples.
        size: The number of samples, or None when only a pass would tell.
        labelled: Whether the samples have class indices.
        synthetic: Whether the samples are made up, so that no score can be taken from them.
    """

    name: str
    read: Callable[[], Iterator[Sample]]
    size: int | None
    labelled: bool
    synthetic: bool = False

    def __iter__(self) -> Iterator[Sample]:
        return self.read()

    def __len__(self) -> int:
        if self.size is None:
            raise TypeError(
                f"the number of samples of {self.name} is known only after reading them"
            )
        return self.size

    def __bool__(self) -> bool:
        return True  # `if dataset` asks whether there is one, and must not need its length

    @property
    def inputs(self) -> "SampleInputs":
        """What the model is fed, sample by sample; may be read again and again."""
        return SampleInputs(self)

    def take(self, count: int) -> "Dataset":
        """Return the first *count* samples (all of them when there are fewer)."""
        size = None if self.size is None else min(self.size, count)
        return replace(self, read=lambda: itertools.islice(self.read(), count), size=size)


@dataclass(frozen=True)
class SampleInputs:
    """The inputs of a dataset's samples, by name."""

    dataset: Dataset

    def __iter__(self) -> Iterator[Mapping[str, np.ndarray]]:
        return (sample.inputs for sample in self.dataset)
