"""What a form of DATA gives before any preprocessing: raw samples that can be read again and again.

Knows nothing of models. The forms build sources; ``dataset`` turns them into model inputs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edgeml_runtime.tensors import TensorSpec


@dataclass(frozen=True)
class RawSample:
    """One sample as the data has it.

    Args:
        value: The array, or one array for each model input by name.
        label: The class index, or None where the data has no labels.
        origin: Where it comes from, for error messages: a file, or a row of a file.
        rate_hz: Of a sound file, its samples in a second.
    """

    value: np.ndarray | Mapping[str, np.ndarray]
    label: int | None
    origin: str
    rate_hz: int | None = None


@dataclass(frozen=True)
class Source:
    """A re-iterable stream of raw samples.

    Args:
        name: What the user called the data.
        read: Starts a new pass over the samples, in the same order each time.
        size: How many there are, or None when only a pass would tell.
        images: Whether the values are decoded files: RGB uint8 (height, width, 3), or sound.
    """

    name: str
    read: Callable[[], Iterator[RawSample]]
    size: int | None
    images: bool = False


class Form(Protocol):
    """One way to hold data; a Protocol, so that each form is one plain function in its module."""

    def __call__(self, spec: str, inputs: tuple[TensorSpec, ...]) -> Source:
        """Return the source that *spec* names, checked as far as can be without reading it all.

        Args:
            spec: The DATA argument, as typed.
            inputs: The model's inputs, of which only the names matter here.

        Raises:
            InputError: The data is missing, empty or inconsistent.
        """
