"""Cameras and videos, as RGB: OpenCV, and picamera2 for the Raspberry Pi's camera."""

import importlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Union

from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.stream.sources import Frames, Item, Source

_BROKEN = 5  # frames in a row, after which a camera counts as gone


class Camera:
    """A Video4Linux camera. Frames that nobody wants are taken, and not decoded."""

    live = True

    def __init__(self, device: Union[int, str]) -> None:
        self._device = device

    def __repr__(self) -> str:
        return f"camera {self._device}"

    @staticmethod
    def wanted() -> bool:
        """Return whether the next frame is taken."""
        return True

    def frames(self) -> Iterator[Item]:
        """Yield frames until several in a row are broken."""
        cv2 = _library("cv2", "pip install opencv-python-headless")
        capture = cv2.VideoCapture(self._device, cv2.CAP_V4L2)
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


class PiCamera:
    """A camera of picamera2."""

    live = True

    def __init__(self, number: int, size: "tuple[int, int]" = (640, 480)) -> None:
        self._number, self._size = number, size

    def __repr__(self) -> str:
        return f"picamera {self._number}"

    def frames(self) -> Iterator[Item]:
        """Yield frames for as long as there are any."""
        library = _library("picamera2", "apt install python3-picamera2")
        try:
            camera = library.Picamera2(self._number)
            try:
                # picamera2 names the order of bytes from the last one on: this is R, G, B.
                main = {"size": self._size, "format": "BGR888"}
                camera.configure(camera.create_video_configuration(main=main))
                camera.start()
                while True:
                    yield camera.capture_array()
            finally:
                camera.close()
        except (IndexError, RuntimeError) as error:
            raise OSError(str(error)) from error


def open_camera(name: str) -> Source:
    """Return the camera or video called *name*; raises InputError when there is no such file."""
    found = re.fullmatch(r"(?:(pi)?camera:)?(\d+)", name)
    if found is not None:
        return (PiCamera if found[1] else Camera)(int(found[2]))
    if name.startswith("/dev/video"):
        return Camera(name)
    if not Path(name).exists():
        raise InputError(
            f"{name}: there is no such file.",
            "Give a path, camera:0, or for '-' --frame-shape '480x640x3 uint8'.",
        )
    return Frames(name, partial(_video, name))


def _video(name: str) -> Iterator[Item]:
    cv2 = _library("cv2", "pip install opencv-python-headless")
    capture = cv2.VideoCapture(name)
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


def _library(name: str, install: str) -> Any:  # noqa: ANN401 - a module
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingToolError(f"This source needs {name}.", f"Run: {install}") from error
