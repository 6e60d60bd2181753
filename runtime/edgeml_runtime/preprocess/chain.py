"""The steps for images, run with as little work as gives what they give one after the other.

The steps at the end that treat each pixel by itself are one look-up where the image is uint8: each
of its 256 levels goes through the steps once. Border and layout are made in the same pass, and
channels change their order late.
"""

import sys
from typing import Any, Callable, NamedTuple, Optional

import numpy as np

from edgeml_runtime.preprocess.cast import Cast
from edgeml_runtime.preprocess.color import Color
from edgeml_runtime.preprocess.crop import CenterCrop, Crop
from edgeml_runtime.preprocess.layout import Layout
from edgeml_runtime.preprocess.letterbox import Letterbox
from edgeml_runtime.preprocess.normalize import Normalize
from edgeml_runtime.preprocess.pad import Pad, color_of
from edgeml_runtime.preprocess.resize import Resize
from edgeml_runtime.preprocess.step import Step

Encode = Callable[[np.ndarray], np.ndarray]

_LEVELS = np.arange(256, dtype=np.uint8)
_CV2_DTYPES = ("float32", "int8", "uint8")


class Chain:
    """Steps from an image (H,W,C) to a model input.

    Args:
        steps: In the order of the document.
        encode: What is done to each value after them.
        reuse: Whether results share their memory, so that each is valid until the next.
    """

    def __init__(self, steps: tuple[Step, ...], encode: Optional[Encode], *, reuse: bool) -> None:
        ordered = _color_last(list(steps))
        count = len(ordered)
        while count and _is_of_pixels(ordered[count - 1]):
            count -= 1
        self._encode = encode
        self._reuse = reuse
        self._pixels = ordered[count:]
        self._planar = any(isinstance(step, Layout) and step.to == "NCHW" for step in ordered)
        last = ordered[count - 1] if count else None
        self._frame = last if isinstance(last, (Letterbox, Pad)) else None
        self._end = ordered[count - 1 :] if self._frame else self._pixels
        self._body = ordered[: len(ordered) - len(self._end)]
        self._tables: dict[int, _Table] = {}
        self._kept: dict[tuple[int, ...], np.ndarray] = {}

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return (1,C,H,W), or (1,H,W,C)."""
        for step in self._body:
            image = step(image)
        if image.dtype == np.uint8:
            return self._looked_up(image)
        for step in self._end:
            image = step(image)
        image = image if image.ndim == 4 else image[np.newaxis]
        return image if self._encode is None else self._encode(image)

    def _looked_up(self, image: np.ndarray) -> np.ndarray:
        frame, amounts = self._frame, (0, 0, 0, 0)
        if frame is not None:
            image, amounts = frame.framed(image)
        height, width, channels = image.shape
        table = self._tables.get(channels) or self._table(channels)
        key = (height, width, channels, *amounts)
        whole = self._kept.get(key)
        if whole is None:
            whole = self._bordered(table, key, (0.0,) if frame is None else frame.fill)
            self._kept = {key: whole} if self._reuse else {}
        top, _, left, _ = amounts
        rows, columns = slice(top, top + height), slice(left, left + width)
        if self._planar or len(table.order) == 1:
            planes = whole[0, :, rows, columns] if self._planar else [whole[0, rows, columns, 0]]
            _look_up(image, table, list(planes))
        else:
            _look_up_pixels(image, table, whole[0, rows, columns])
        return whole

    def _table(self, channels: int) -> "_Table":
        levels = np.repeat(_LEVELS, channels).reshape(256, 1, channels)
        order = np.arange(channels, dtype=np.uint8).reshape(1, 1, channels)
        for step in self._pixels:
            levels = levels if isinstance(step, Layout) else step(levels)
            order = step(order) if isinstance(step, Color) else order
        levels = levels if self._encode is None else self._encode(levels)
        values = np.ascontiguousarray(levels.reshape(256, -1))
        flip = -1
        if values.dtype.itemsize == 1:
            first = values.view(np.uint8)[0, 0]
            flips = (values.view(np.uint8) == (_LEVELS ^ first)[:, np.newaxis]).all()
            flip = int(first) if flips else -1
        columns = [np.ascontiguousarray(column) for column in values.T]
        alike = all(np.array_equal(column, columns[0]) for column in columns)
        table = _Table(values, columns, [int(at) for at in order.ravel()], flip, alike)
        self._tables[channels] = table
        return table

    def _bordered(
        self, table: "_Table", key: tuple[int, ...], fill: tuple[float, ...]
    ) -> np.ndarray:
        """Return the memory of a result, with the border in it."""
        height, width, channels, top, bottom, left, right = key
        size, count = (top + height + bottom, left + width + right), len(table.order)
        shape = (1, count, *size) if self._planar else (1, *size, count)
        whole = np.empty(shape, table.values.dtype)
        color = color_of(fill, _LEVELS.dtype, channels)[table.order]
        pixels = whole[0].transpose(1, 2, 0) if self._planar else whole[0]
        for border in (
            pixels[:top],
            pixels[top + height :],
            pixels[:, :left],
            pixels[:, left + width :],
        ):
            border[:] = table.values[color, np.arange(count)]
        return whole


class _Table(NamedTuple):
    """What each level becomes.

    ``values``: (256, channels of the result); ``columns``: by channel, ``alike`` or not; ``order``:
    the image's channels that they are of; ``flip``: the bits of a level to flip where that is all
    that is done, else -1.
    """

    values: np.ndarray
    columns: list[np.ndarray]
    order: list[int]
    flip: int
    alike: bool


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
    cv2, count = _loaded_opencv(table), len(table.order)
    straight = table.order == list(range(count))
    if straight and table.flip >= 0:
        np.bitwise_xor(image, np.uint8(table.flip), out=pixels.view(np.uint8))
    elif cv2 is not None:
        if not straight:
            channels = cv2.split(image)
            image = cv2.merge([channels[at] for at in table.order])
        cv2.LUT(image, table.columns[0] if table.alike else table.values[np.newaxis], dst=pixels)
    else:
        _look_up(image, table, [pixels[:, :, at] for at in range(count)])


def _loaded_opencv(table: _Table) -> Any:  # noqa: ANN401 - a module
    """Return OpenCV where it is loaded and can do it; its import would cost more than it saves."""
    fits = table.values.dtype.name in _CV2_DTYPES and len(table.order) <= 4
    return sys.modules.get("cv2") if fits else None


def _is_order(step: Step) -> bool:
    return isinstance(step, Color) and step.to != "gray"


def _is_of_pixels(step: Step) -> bool:
    return isinstance(step, (Cast, Layout, Normalize)) or _is_order(step)


def _color_last(steps: list[Step]) -> list[Step]:
    """Return *steps* with the order of the channels changed after what treats them all alike."""
    for start in reversed(range(len(steps))):
        for at in range(start, len(steps) - 1):
            after = steps[at + 1]
            alike = isinstance(after, (CenterCrop, Crop, Resize)) or (
                isinstance(after, (Letterbox, Pad)) and len(after.fill) == 1
            )
            if not alike or not _is_order(steps[at]):
                break
            steps[at : at + 2] = after, steps[at]
    return steps
