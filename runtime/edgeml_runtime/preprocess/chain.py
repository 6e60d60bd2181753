"""The steps for images, run with as little work as gives what they give one after the other.

The steps at the end that treat each pixel by itself are one look-up where the image is uint8: each
of its 256 levels goes through the steps once. Border and layout are made in the same pass, and
channels change their order late. What is to be done to an image is kept for the next of its size:
little Python runs between the large loops, which leave none of it in the caches.
"""

import sys
from functools import partial
from typing import Any, Optional

import numpy as np

from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess import Change, Step
from edgeml_runtime.preprocess.frames import Amounts, CenterCrop, Crop, Letterbox, Pad, color_of
from edgeml_runtime.preprocess.pixels import Cast, Color, Layout, Normalize
from edgeml_runtime.preprocess.scaling import Resize

_LEVELS = np.arange(256, dtype=np.uint8)
_MOST_SIZES = 4  # of images whose plans, and results with ``reuse``, are kept


class Chain:
    """Steps from an image (H,W,C) to a model input, (1,C,H,W) or (1,H,W,C).

    Args:
        steps: In the order of the document.
        encode: What is done to each value after them.
        reuse: Whether results share their memory, so that each is valid until the next.
    """

    def __init__(self, steps: tuple[Step, ...], encode: Optional[Change], *, reuse: bool) -> None:
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
        self.plans: dict[Any, list[Change]] = {}  # by shape and type of the image

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the model input, having found what is to be done for ``plans``."""
        key, plan = (image.shape, image.dtype), []

        def done(change: Change, image: np.ndarray) -> np.ndarray:
            plan.append(change)
            return change(image)

        for step in self._body:
            fixed = getattr(step, "fixed", None)
            image = done(step if fixed is None else fixed(image), image)
        if image.dtype == np.uint8:
            amounts: Amounts = (0, 0, 0, 0)
            fill: tuple[float, ...] = (0.0,)
            if self._frame is not None:
                scale, amounts = self._frame.framing(image)
                image, fill = done(scale, image), self._frame.fill
            image = done(self._looking_up(image.shape, amounts, fill), image)
        else:
            for change in self._end:
                image = done(change, image)
            image = image if image.ndim == 4 else done(_batched, image)
            image = image if self._encode is None else done(self._encode, image)
        if len(self.plans) == _MOST_SIZES:
            self.plans = {}
        self.plans[key] = plan
        return image

    def _looking_up(
        self, shape: tuple[int, ...], amounts: Amounts, fill: tuple[float, ...]
    ) -> Change:
        """Return what makes the result of an image of *shape*."""
        table = self._table(shape[2])
        cv2 = _loaded(table)
        rows, columns = (slice(begin, begin + size) for begin, size in zip(amounts[::2], shape))

        def writing(whole: np.ndarray) -> Change:
            pixels = whole[0].transpose(1, 2, 0) if self._planar else whole[0]
            if self._planar or len(table.order) == 1:
                return _writing_channels(table, cv2, pixels[rows, columns])
            return _writing_pixels(table, cv2, pixels[rows, columns])

        def fresh(image: np.ndarray) -> np.ndarray:
            whole = self._bordered(table, shape, amounts, fill)
            writing(whole)(image)
            return whole

        def again(image: np.ndarray) -> np.ndarray:
            write(image)
            return kept

        if not self._reuse:
            return fresh
        kept = self._bordered(table, shape, amounts, fill)
        write = writing(kept)
        return again

    def _table(self, channels: int) -> "_Table":
        levels = np.repeat(_LEVELS, channels).reshape(256, 1, channels)
        order = np.arange(channels, dtype=np.uint8).reshape(1, 1, channels)
        for step in self._pixels:
            levels = levels if isinstance(step, Layout) else step(levels)
            order = step(order) if isinstance(step, Color) else order
        levels = levels if self._encode is None else self._encode(levels)
        columns = list(np.ascontiguousarray(levels.reshape(256, -1).T))
        alike, flip = all(np.array_equal(column, columns[0]) for column in columns), None
        if alike and columns[0].itemsize == 1:
            bits = columns[0].view(np.uint8)
            flip = bits[0] if np.array_equal(bits, _LEVELS ^ bits[0]) else None
        return _Table(columns, [int(at) for at in order.ravel()], flip, alike)

    def _bordered(
        self, table: "_Table", shape: tuple[int, ...], amounts: Amounts, fill: tuple[float, ...]
    ) -> np.ndarray:
        """Return the memory of a result, with the border in it."""
        height, width, channels = shape
        top, bottom, left, right = amounts
        size, count = (top + height + bottom, left + width + right), len(table.order)
        sizes = (1, count, *size) if self._planar else (1, *size, count)
        whole = np.empty(sizes, table.columns[0].dtype)
        color = color_of(fill, _LEVELS.dtype, channels)
        pixel = [column[color[at]] for at, column in zip(table.order, table.columns)]
        pixels = whole[0].transpose(1, 2, 0) if self._planar else whole[0]
        for border in (
            pixels[:top],
            pixels[top + height :],
            pixels[:, :left],
            pixels[:, left + width :],
        ):
            border[:] = pixel
        return whole


@dataclass(frozen=True)
class _Table:
    """What each level becomes.

    ``columns``: the values for each channel of the result, ``alike`` or not; ``order``: the image's
    channels that they are of; ``flip``: the bits to flip where that is all that is done.
    """

    columns: list[np.ndarray]
    order: list[int]
    flip: Optional[np.uint8]
    alike: bool


def _writing_channels(table: _Table, cv2: Any, pixels: np.ndarray) -> Change:  # noqa: ANN401 - a module
    """Return what writes to *pixels* (h,w,c) a channel at a time."""
    writes = [
        (at, _writing(column, table.flip, cv2, pixels[:, :, channel]))
        for channel, (at, column) in enumerate(zip(table.order, table.columns))
    ]
    split = _split if cv2 is None else cv2.split

    def write(image: np.ndarray) -> np.ndarray:
        channels = split(image)
        for at, fill in writes:
            fill(channels[at])
        return pixels

    return write


def _writing_pixels(table: _Table, cv2: Any, pixels: np.ndarray) -> Change:  # noqa: ANN401 - a module
    """Return what writes to *pixels* (h,w,c) where their channels lie side by side."""
    straight = table.order == list(range(len(table.order)))
    if straight and (table.flip is not None or (table.alike and cv2 is not None)):
        return _writing(table.columns[0], table.flip, cv2, pixels)
    if cv2 is None:
        return _writing_channels(table, cv2, pixels)
    pairs = list(zip(table.order, table.columns))

    def write(image: np.ndarray) -> np.ndarray:
        channels = cv2.split(image)
        cv2.merge([cv2.LUT(channels[at], column) for at, column in pairs], dst=pixels)
        return pixels

    return write


def _writing(column: np.ndarray, flip: Optional[np.uint8], cv2: Any, out: np.ndarray) -> Change:  # noqa: ANN401 - a module
    """Return what writes the values of levels to *out*."""
    if flip is not None:
        return partial(np.bitwise_xor, flip, out=out.view(np.uint8))
    if cv2 is not None:
        return partial(cv2.LUT, lut=column, dst=out)
    if column.itemsize > 1:
        return partial(np.take, column, out=out, mode="clip")
    values = column.tobytes()

    def write(levels: np.ndarray) -> np.ndarray:
        text = levels.tobytes().translate(values)
        out[...] = np.frombuffer(text, out.dtype).reshape(out.shape)
        return out

    return write


def _split(image: np.ndarray) -> list[np.ndarray]:
    return [image[:, :, at] for at in range(image.shape[2])]


def _loaded(table: _Table) -> Any:  # noqa: ANN401 - a module
    """Return OpenCV where it is loaded and can do it; its import would cost more than it saves."""
    fits = table.columns[0].dtype.char in "fbB" and len(table.order) <= 4
    return sys.modules.get("cv2") if fits else None


def _batched(image: np.ndarray) -> np.ndarray:
    return image[np.newaxis]


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
