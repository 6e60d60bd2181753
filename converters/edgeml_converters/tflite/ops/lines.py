"""Lets operators over images work on lines: (N, L, C) is an image (N, 1, L, C)."""

from collections.abc import Iterator
from contextlib import contextmanager

from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.program import Tensor


def lifted(emit: Emitter, source: Tensor) -> Tensor:
    """Return an image: the tensor itself, or the line as an image one row high."""
    if len(source.shape) != 3:
        return source
    batch, length, channels = source.shape
    image = emit.like(source, "image", (batch, 1, length, channels))
    emit.reshape(source, image)
    return image


@contextmanager
def lowered(emit: Emitter, target: Tensor) -> Iterator[Tensor]:
    """Give an image to write; afterwards it is made the line that is wanted."""
    image = target
    if len(target.shape) == 3:
        batch, length, channels = target.shape
        image = emit.like(target, "image", (batch, 1, length, channels))
    yield image
    if image is not target:
        emit.reshape(image, target)
