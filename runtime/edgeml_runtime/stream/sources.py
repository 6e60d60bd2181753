"""Where frames come from: files, pipes and iterables; ``cameras`` has the others."""

import importlib
import os
import re
import select
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Callable, Protocol, Union, cast

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.samples import IMAGE_SUFFIXES, read_samples

Item = Union[np.ndarray, "tuple[str, np.ndarray]", InputError, None]
"""A frame, with its name or without, or why there is none (None: it is broken)."""


class Source(Protocol):
    """Gives frames. A Protocol, so that any object is one that has these two.

    It may also have ``wanted``, in place of which a stream with a rate puts a function that tells
    whether the next frame is taken, and ``close()``, called to end a ``frames()`` that waits.
    """

    @property
    def live(self) -> bool:
        """Whether frames come by themselves: newer ones count, and they come back."""

    def frames(self) -> Iterator[Item]:
        """Open the source and yield frames, in a thread of its own.

        OSError says that it is gone; it is called again if the source is live.
        """


class Frames:
    """The source that a function is, which yields frames whenever it is called."""

    live = False

    def __init__(self, name: str, frames: Callable[[], Iterator[Item]]) -> None:
        self._name = name
        self.frames = frames

    def __repr__(self) -> str:
        return self._name


class RawFrames:
    """Arrays of one shape, byte for byte, from a binary file, a path (of a pipe) or standard input.

    With *live* the newest frame counts, and a named pipe that ends is opened again.
    """

    def __init__(
        self,
        shape: "tuple[int, ...]",
        dtype: str = "uint8",
        stream: Union[BinaryIO, str, Path, None] = None,
        *,
        live: bool = False,
    ) -> None:
        self.live = live
        self._like = np.empty(shape, dtype)
        self._stream = stream
        self._closed = False

    @classmethod
    def parse(cls, text: str, stream: Union[BinaryIO, str, Path, None] = None) -> "RawFrames":
        """Return the frames of a shape in words, such as ``480x640x3 uint8``."""
        found = re.fullmatch(r"([1-9]\d{0,5}(?:x[1-9]\d{0,5}){0,3})(?: (u?int\d+|float\d+))?", text)
        try:
            assert found is not None
            return cls(tuple(map(int, found[1].split("x"))), found[2] or "uint8", stream)
        except (AssertionError, MemoryError, TypeError, ValueError) as error:
            raise InputError(
                f"'{text}' is no shape of frames.", "Write it as '480x640x3 uint8'."
            ) from error

    def __repr__(self) -> str:
        return f"raw frames of {self._stream or 'standard input'}"

    def close(self) -> None:
        """End a ``frames()`` that waits."""
        self._closed = True

    def frames(self) -> Iterator[Item]:
        """Yield the frames; what is left of one at the end is told as broken."""
        opened = isinstance(self._stream, (str, Path))
        if isinstance(self._stream, (str, Path)):
            pipe = os.open(self._stream, os.O_RDONLY | os.O_NONBLOCK)
        else:
            pipe = 0 if self._stream is None else self._stream.fileno()
        done = 0
        try:
            while not self._closed:
                frame = np.empty_like(self._like)
                done, memory = 0, frame.reshape(-1).view(np.uint8).data
                while done < frame.nbytes and not self._closed:
                    if select.select([pipe], [], [], 0.2)[0]:
                        count = os.readv(pipe, [memory[done:]])
                        if not count:
                            return
                        done += count
                if not self._closed:
                    yield frame
                    done = 0
        finally:
            if opened:
                os.close(pipe)
            if done and not self._closed:
                yield InputError(f"{self} end within one.", "Check the shape of the frames.")


def open_source(source: Any, window: Any = None) -> Source:  # noqa: ANN401 - see Model.stream
    """Return the source that *source* is or names; *window* cuts sound, if it is not None.

    Raises:
        InputError: There is no such source.
    """
    if hasattr(source, "frames"):
        return cast("Source", source)
    if isinstance(source, (str, Path, int)):
        return _named(str(source), window)
    if isinstance(source, Iterable):
        return Frames("the iterable", partial(iter, source))
    raise InputError(f"{source!r} gives no frames.", "Give a camera, a path or an iterable.")


def _named(name: str, window: Any) -> Source:  # noqa: ANN401 - a Window
    path = Path(name)
    if path.is_dir():
        return Frames(name, partial(_folder, path))
    if path.suffix == ".npy":
        return Frames(name, partial(_arrays, path))
    if path.suffix == ".wav":
        return Frames(name, partial(_sound, path, window))
    if path.suffix.lower() in (".npz", *IMAGE_SUFFIXES):
        return Frames(name, partial(read_samples, path))
    from edgeml_runtime.stream.cameras import open_camera  # noqa: PLC0415 - files need none

    return open_camera(name)


def _folder(path: Path) -> Iterator[Item]:
    """Yield the images, ``2.png`` before ``10.png``, or the error of one that cannot be read."""
    images = [image for image in path.iterdir() if image.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        raise InputError(f"{path}: holds no images.", "Give a folder of image files.")
    for image in sorted(images, key=lambda image: _in_order(image.name)):
        try:
            yield from read_samples(image)
        except InputError as error:  # noqa: PERF203 - of one image, the others are read
            yield error


def _in_order(name: str) -> "list[tuple[int, str]]":
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)]


def _arrays(path: Path) -> Iterator[Item]:
    """Yield what lies along the first axis, read from the file when its turn comes."""
    try:
        yield from map(np.array, np.load(path, mmap_mode="r", allow_pickle=False))
    except (EOFError, TypeError, ValueError) as error:
        raise InputError(f"{path}: holds no frames ({error}).", "Save an array.") from error


def _sound(path: Path, window: Any) -> Iterator[Item]:  # noqa: ANN401 - a Window
    sound, rate_hz = importlib.import_module("edgeml_runtime.sound").read_wav(path)
    if window is None:
        yield sound
    elif rate_hz != window.rate_hz:
        raise InputError(
            f"{path}: has {rate_hz} samples a second.", f"The model wants {window.rate_hz}."
        )
    else:
        for start in range(0, max(len(sound) - window.size_samples, 0) + 1, window.hop_samples):
            yield sound[start : start + window.size_samples]
