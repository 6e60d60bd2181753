"""Where frames come from: cameras, files, pipes and iterables. Images are RGB."""

import importlib
import os
import re
import select
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Callable, Protocol, Union, cast

import numpy as np

from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.samples import IMAGE_SUFFIXES, read_samples

_BROKEN = 5  # frames in a row, after which a camera counts as gone

Item = Union[np.ndarray, "tuple[str, np.ndarray]", InputError, None]
"""A frame, with its name or without, or why there is none (None: it is broken)."""


class Source(Protocol):
    """Gives frames. A Protocol, so that any object with these two is one.

    It may also have ``wanted``, in place of which a stream with a rate puts a function that tells
    whether the next frame is taken, and ``close()``, called to end a ``frames()`` that waits.
    """

    @property
    def live(self) -> bool:
        """Whether frames come by themselves, so that newer ones count, and come back."""

    def frames(self) -> Iterator[Item]:
        """Open the source and yield frames, in a thread of its own.

        OSError says that it is gone; it is called again if the source is live.
        """


class Frames:
    """The source that a function is: called to open it, it yields frames."""

    def __init__(
        self, name: str, frames: Callable[[], Iterator[Item]], *, live: bool = False
    ) -> None:
        self._name, self.frames, self.live = name, frames, live

    def __repr__(self) -> str:
        return self._name


class Camera(Frames):
    """A Video4Linux camera. Frames that nobody wants are taken, and not decoded."""

    def __init__(self, device: Union[int, str]) -> None:
        super().__init__(f"camera {device}", partial(self._frames, device), live=True)
        self.wanted: Callable[[], bool] = lambda: True

    def _frames(self, device: Union[int, str]) -> Iterator[Item]:
        cv2 = _library("cv2", "pip install opencv-python-headless")
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        try:
            broken = 0
            while capture.isOpened() and broken < _BROKEN:
                good = capture.grab()
                if not good or self.wanted():
                    good, frame = capture.retrieve() if good else (False, None)
                    broken = 0 if good else broken + 1
                    yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if good else None
            raise OSError("it gives no frames" if broken else "it cannot be opened")
        finally:
            capture.release()


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
        try:
            while not self._closed:
                frame = np.empty_like(self._like)
                done = self._fill(pipe, frame.reshape(-1).view(np.uint8).data)
                if done == frame.nbytes:
                    yield frame
                elif not self._closed:
                    if done:
                        yield InputError(f"{self} end within one.", "Check their shape.")
                    return
        finally:
            if opened:
                os.close(pipe)

    def _fill(self, pipe: int, memory: memoryview) -> int:
        done = 0
        while done < len(memory) and not self._closed:
            if select.select([pipe], [], [], 0.2)[0]:
                count = os.readv(pipe, [memory[done:]])
                if not count:
                    break
                done += count
        return done


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
    found = re.fullmatch(r"(?:(pi)?camera:)?(\d+)", name)
    if found is not None and found[1]:
        return Frames(name, partial(_pi_camera, int(found[2])), live=True)
    if found is not None or name.startswith("/dev/video"):
        return Camera(name if found is None else int(found[2]))
    path = Path(name)
    if not path.exists():
        raise InputError(
            f"{name}: there is no such file.",
            "Give a path, camera:0, or for '-' --frame-shape '480x640x3 uint8'.",
        )
    openers: dict[str, Callable[[Path], Iterator[Item]]] = {
        **dict.fromkeys((".npz", *IMAGE_SUFFIXES), read_samples),
        ".npy": _arrays,
        ".wav": partial(_sound, window),
    }
    opener = _folder if path.is_dir() else openers.get(path.suffix.lower(), _video)
    return Frames(name, partial(opener, path))


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


def _sound(window: Any, path: Path) -> Iterator[Item]:  # noqa: ANN401 - a Window, or None
    for _, sound in read_samples(path, window and window.rate_hz):
        yield from (sound,) if window is None else window.cut(sound)


def _video(path: Path) -> Iterator[Item]:
    cv2 = _library("cv2", "pip install opencv-python-headless")
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise OSError("OpenCV cannot read it as a video")
        while True:
            good, frame = capture.read()
            if not good:
                return
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()


def _pi_camera(number: int) -> Iterator[Item]:
    library = _library("picamera2", "apt install python3-picamera2")
    try:
        with library.Picamera2(number) as camera:
            # picamera2 names the order of bytes from the last one on: this is R, G, B.
            main = {"size": (640, 480), "format": "BGR888"}
            camera.configure(camera.create_video_configuration(main=main))
            camera.start()
            while True:
                yield camera.capture_array()
    except (IndexError, RuntimeError) as error:
        raise OSError(str(error)) from error


def _library(name: str, install: str) -> Any:  # noqa: ANN401 - a module
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingToolError(f"This source needs {name}.", f"Run: {install}") from error
