"""The end of a chain, which treats each pixel by itself, in one pass.

A uint8 image has 256 levels: the steps themselves are run on each level once, so that what is then
looked up is theirs to the bit. Border, order of the channels and layout are done in the same pass.
"""

import sys
from typing import Any, Callable, NamedTuple, Optional

import numpy as np

from edgeml_runtime.preprocess.color import Color
from edgeml_runtime.preprocess.layout import Layout
from edgeml_runtime.preprocess.pad import Amounts, color_of
from edgeml_runtime.preprocess.step import Step

Encode = Callable[[np.ndarray], np.ndarray]

_LEVELS = np.arange(256, dtype=np.uint8)
_CV2_DTYPES = ("float32", "int8", "uint8")


class _Table(NamedTuple):
    """What each level becomes.

    ``values``: (256, channels of the result); ``columns``: the same by channel; ``order``: the
    channels of the image that they are of; ``flip``: the bits of a level to flip where that is all
    that is done, else -1.
    """

    values: np.ndarray
    columns: tuple[np.ndarray, ...]
    order: tuple[int, ...]
    flip: int


class Tail:
    """The steps at the end of a chain, for uint8 images.

    Args:
        steps: Of ``color`` (not to gray), ``normalize``, ``cast`` and ``layout``.
        encode: What is done to each value after them.
        reuse: Whether results of one form share their memory, so that each is valid until the next.
    """

    def __init__(self, steps: tuple[Step, ...], encode: Optional[Encode], *, reuse: bool) -> None:
        self._steps = steps
        self._encode = encode
        self._planar = any(isinstance(step, Layout) and step.to == "NCHW" for step in steps)
        self._tables: dict[int, _Table] = {}
        self._reuse = reuse
        self._kept: dict[tuple[int, ...], np.ndarray] = {}

    def __call__(
        self, image: np.ndarray, amounts: Amounts = (0, 0, 0, 0), fill: tuple[float, ...] = (0.0,)
    ) -> np.ndarray:
        """Return the model input for *image* (h,w,c) with *amounts* of *fill* around it."""
        height, width, channels = image.shape
        if channels not in self._tables:
            self._tables[channels] = self._made(channels)
        table = self._tables[channels]
        key = (height, width, channels, *amounts)
        whole = self._kept.get(key)
        if whole is None:
            whole = self._framed(table, key, fill)
            if self._reuse:
                self._kept = {key: whole}
        top, _, left, _ = amounts
        rows, columns = slice(top, top + height), slice(left, left + width)
        if self._planar:
            _look_up(image, table, list(whole[0, :, rows, columns]))
        elif len(table.order) == 1:
            _look_up(image, table, [whole[0, rows, columns, 0]])
        else:
            _look_up_pixels(image, table, whole[0, rows, columns])
        return whole

    def _made(self, channels: int) -> _Table:
        levels = np.repeat(_LEVELS, channels).reshape(256, 1, channels)
        order = np.arange(channels, dtype=np.uint8).reshape(1, 1, channels)
        for step in self._steps:
            levels = levels if isinstance(step, Layout) else step(levels)
            order = step(order) if isinstance(step, Color) else order
        values = (levels if self._encode is None else self._encode(levels)).reshape(256, -1)
        values = np.ascontiguousarray(values)
        flip = -1
        if values.dtype.itemsize == 1:
            first = values.view(np.uint8)[0, 0]
            flips = (values.view(np.uint8) == (_LEVELS ^ first)[:, np.newaxis]).all()
            flip = int(first) if flips else -1
        columns = tuple(np.ascontiguousarray(column) for column in values.T)
        return _Table(values, columns, tuple(int(at) for at in order.ravel()), flip)

    def _framed(self, table: _Table, key: tuple[int, ...], fill: tuple[float, ...]) -> np.ndarray:
        """Return the memory of a result, with the border in it."""
        height, width, channels, top, bottom, left, right = key
        shape = (top + height + bottom, left + width + right)
        count = len(table.order)
        whole = np.empty(
            (1, count, *shape) if self._planar else (1, *shape, count), table.values.dtype
        )
        color = color_of(fill, _LEVELS.dtype, channels)
        pixel = table.values[color[list(table.order)], np.arange(count)]
        pixels = whole[0].transpose(1, 2, 0) if self._planar else whole[0]
        pixels[:top] = pixels[top + height :] = pixel
        pixels[:, :left] = pixels[:, left + width :] = pixel
        return whole


def _look_up(image: np.ndarray, table: _Table, planes: list[np.ndarray]) -> None:
    """Write the channels of the result, each (h,w)."""
    cv2 = _loaded_opencv(table)
    if cv2 is not None and image.shape[2] > 1:
        channels = cv2.split(image)
    else:
        channels = [image[:, :, at] for at in range(image.shape[2])]
    for at, column, plane in zip(table.order, table.columns, planes):
        if table.flip >= 0:
            np.bitwise_xor(channels[at], np.uint8(table.flip), out=plane.view(np.uint8))
        elif cv2 is not None:
            cv2.LUT(channels[at], column, dst=plane)
        elif column.itemsize == 1:
            text = channels[at].tobytes().translate(column.tobytes())
            plane[:] = np.frombuffer(text, column.dtype).reshape(plane.shape)
        else:
            np.take(column, channels[at], out=plane, mode="clip")


def _look_up_pixels(image: np.ndarray, table: _Table, pixels: np.ndarray) -> None:
    """Write the result (h,w,c)."""
    cv2 = _loaded_opencv(table)
    count = len(table.order)
    straight = table.order == tuple(range(count))
    if straight and table.flip >= 0:
        np.bitwise_xor(image, np.uint8(table.flip), out=pixels.view(np.uint8))
    elif cv2 is not None:
        if not straight:
            channels = cv2.split(image)
            image = cv2.merge([channels[at] for at in table.order])
        alike = all(np.array_equal(column, table.columns[0]) for column in table.columns)
        cv2.LUT(image, table.columns[0] if alike else table.values[np.newaxis], dst=pixels)
    else:
        _look_up(image, table, [pixels[:, :, at] for at in range(count)])


def _loaded_opencv(table: _Table) -> Any:  # noqa: ANN401 - a module
    """Return OpenCV where it is loaded and can do it; its import would cost more than it saves."""
    fits = table.values.dtype.name in _CV2_DTYPES and len(table.order) <= 4
    return sys.modules.get("cv2") if fits else None
