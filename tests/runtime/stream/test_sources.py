"""Files, pipes and cameras as sources of frames."""

import itertools
import os
import subprocess
import sys
import threading
import time
import types
import wave
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
import pytest

from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.preprocess.window import Window
from edgeml_runtime.stream import RawFrames, Source, Stream, open_source
from edgeml_runtime.stream.sources import Camera, Item

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

Model = Callable[[np.ndarray], Any]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Return a video of 12 frames, red from 0 to 220 and blue the other way round."""
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    assert writer.isOpened()
    for index in range(12):
        frame = np.zeros((48, 64, 3), np.uint8)
        frame[..., 2], frame[..., 0] = 20 * index, 220 - 20 * index
        writer.write(frame)
    writer.release()
    return path


def frames_of(source: Source) -> "list[np.ndarray]":
    found = []
    for item in source.frames():
        assert not isinstance(item, InputError)
        assert item is not None
        found.append(item[1] if isinstance(item, tuple) else item)
    return found


def _is_array(item: Item) -> "TypeGuard[np.ndarray]":
    return isinstance(item, np.ndarray)


def assert_the_film(frames: "list[np.ndarray]") -> None:
    assert len(frames) == 12
    for index, frame in enumerate(frames):
        assert frame.shape == (48, 64, 3)
        assert frame.dtype == np.uint8
        red, _, blue = frame.reshape(-1, 3).mean(axis=0)
        assert abs(red - 20 * index) < 8
        assert abs(blue - (220 - 20 * index)) < 8


def test_a_video_is_read_as_rgb(video: Path) -> None:
    assert_the_film(frames_of(open_source(video)))
    assert not open_source(video).live


def test_a_video_from_a_named_pipe(video: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "film"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=lambda: pipe.write_bytes(video.read_bytes()))
    feeder.start()
    try:
        assert_the_film(frames_of(open_source(str(pipe))))
    finally:
        feeder.join()


def test_what_is_no_video_is_an_error(tmp_path: Path, model: Model) -> None:
    pytest.importorskip("cv2")
    path = tmp_path / "film.mp4"
    path.write_bytes(b"no film at all" * 100)
    with pytest.raises(InputError, match=r"film.mp4: OpenCV cannot read it"):
        list(Stream(model, open_source(path)))


def test_a_camera_decodes_what_is_wanted_and_comes_back(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands in for the device: OpenCV grabs and retrieves from it likewise."""
    cv2 = pytest.importorskip("cv2")
    monkeypatch.setattr(cv2, "CAP_V4L2", cv2.CAP_ANY)
    camera = Camera(str(video))
    assert camera.live
    frames = camera.frames()
    assert_the_film([frame for frame in itertools.islice(frames, 12) if _is_array(frame)])
    assert list(itertools.islice(frames, 5)) == [None] * 5
    with pytest.raises(OSError, match="gives no frames"):
        next(frames)
    asked = iter([True, False] * 6)
    monkeypatch.setattr(camera, "wanted", lambda: next(asked))
    found = [frame for frame in itertools.islice(camera.frames(), 6) if _is_array(frame)]
    assert [round(float(frame[..., 0].mean()) / 20) for frame in found] == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("name", [7, "camera:7", "/dev/video7"])
def test_a_camera_that_is_not_there(name: Union[int, str], model: Model) -> None:
    pytest.importorskip("cv2")
    source = open_source(name)
    assert source.live
    with pytest.raises(InputError, match=r"camera .*7: it cannot be opened"):
        list(Stream(model, source))


def test_picamera2_is_named_where_it_is_missing(model: Model) -> None:
    with pytest.raises(MissingToolError, match="needs picamera2"):
        list(Stream(model, open_source("picamera:0")))


def test_picamera2_is_used_as_its_manual_says(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    class Picamera2:
        def __init__(self, number: int) -> None:
            calls.append(number)

        def create_video_configuration(self, main: "dict[str, Any]") -> Any:  # noqa: ANN401 - theirs
            return main

        def configure(self, configuration: Any) -> None:  # noqa: ANN401 - theirs
            calls.append(configuration)

        def start(self) -> None:
            calls.append("start")

        def capture_array(self) -> np.ndarray:
            return np.full((480, 640, 3), 9, np.uint8)

        def __enter__(self) -> Any:  # noqa: ANN401 - theirs
            return self

        def __exit__(self, *_: object) -> None:
            calls.append("close")

    module = types.ModuleType("picamera2")
    module.Picamera2 = Picamera2  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "picamera2", module)
    with Stream(model, open_source("picamera:1"), limit=2) as stream:
        assert [answer.result.to_json()["value"] for answer in stream] == [9, 9]
    assert calls == [1, {"size": (640, 480), "format": "BGR888"}, "start", "close"]


def test_a_folder_in_the_order_of_numbers_and_the_broken_image_by_name(
    tmp_path: Path, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    cv2 = pytest.importorskip("cv2")
    for number in (10, 9, 1, 2):
        cv2.imwrite(str(tmp_path / f"image{number}.png"), np.full((4, 5, 3), number, np.uint8))
    (tmp_path / "image3.png").write_bytes(b"broken")
    (tmp_path / "notes.txt").write_text("no image", encoding="utf-8")
    stream = Stream(model, open_source(tmp_path))
    answers = list(stream)
    assert [answer.result.to_json()["value"] for answer in answers] == [1, 2, 9, 10]
    assert answers[2].name == str(tmp_path / "image9.png")
    assert stream.statistics().errors == 1
    assert "image3.png: is no readable image" in caplog.text
    with pytest.raises(InputError, match=r"image3\.png"):
        list(Stream(model, open_source(tmp_path), strict=True))


def test_a_folder_without_images(tmp_path: Path, model: Model) -> None:
    with pytest.raises(InputError, match="holds no images"):
        list(Stream(model, open_source(tmp_path)))


def test_arrays_by_their_first_axis(tmp_path: Path, model: Model) -> None:
    frames = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    np.save(tmp_path / "a.npy", frames)
    np.savez(tmp_path / "a.npz", inputs=frames)
    for name in ("a.npy", "a.npz"):
        np.testing.assert_array_equal(frames_of(open_source(tmp_path / name)), frames)
    (tmp_path / "b.npy").write_bytes(b"nothing")
    np.save(tmp_path / "c.npy", np.float32(1.0))
    for name in ("b.npy", "c.npy"):
        with pytest.raises(InputError, match="holds no frames"):
            list(Stream(model, open_source(tmp_path / name)))


def test_sound_in_windows_of_the_model_s_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(np.arange(1000, dtype="<i2").tobytes())
    window = Window(size_samples=400, hop_samples=200, rate_hz=8000.0)
    frames = frames_of(open_source(path, window))
    assert [round(float(frame[0, 0]) * 32768) for frame in frames] == [0, 200, 400, 600]
    assert {frame.shape for frame in frames} == {(400, 1)}
    assert [frame.size for frame in frames_of(open_source(path))] == [1000]
    slower = Window(size_samples=400, hop_samples=100, rate_hz=4000.0)
    assert len(frames_of(open_source(path, slower))) == 2


RAW = """
import sys
import numpy as np
from edgeml_runtime.preprocess.window import Window
from edgeml_runtime.stream import RawFrames, Stream

class Answer:
    def __init__(self, frame):
        self.text = f"{frame.shape} {frame.dtype} {int(frame[0, 0, 0])} {int(frame[-1, -1, -1])}"

with Stream(Answer, RawFrames.parse(sys.argv[1])) as stream:
    for answer in stream:
        print(answer.index, answer.result.text)
print(stream.statistics().errors)
"""


def test_raw_frames_on_the_standard_input_of_a_program() -> None:
    frames = np.arange(3 * 24, dtype=np.uint8).reshape(3, 4, 2, 3)
    done = subprocess.run(
        [sys.executable, "-c", RAW, "4x2x3 uint8"],
        input=frames.tobytes() + b"left over",
        capture_output=True,
        check=True,
    )
    lines = done.stdout.decode().splitlines()
    assert lines == [
        *(f"{i} (4, 2, 3) uint8 {24 * i} {24 * i + 23}" for i in range(3)),
        "1",
    ]
    assert b"end within one" in done.stderr


def test_raw_frames_of_a_named_pipe_that_comes_back(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeml_runtime.stream._FIRST_PAUSE_S", 0.01)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    read = threading.Semaphore(1)

    def feed() -> None:
        for start in (1, 4):
            read.acquire(timeout=30)
            with pipe.open("wb") as stream:
                for value in range(start, start + 3):
                    stream.write(np.full((2, 2), value, np.uint16).tobytes())

    feeder = threading.Thread(target=feed)
    feeder.start()
    source = RawFrames((2, 2), "uint16", pipe, live=True)
    stream = Stream(model, source, policy="all", limit=6)
    found = []
    for answer in stream:
        found.append(answer.result.to_json()["value"])
        if len(found) == 3:
            time.sleep(0.1)  # the pipe has ended
            read.release()
    assert found == [1, 2, 3, 4, 5, 6]
    assert stream.statistics().reconnects == 1
    feeder.join()


def test_a_silent_pipe_does_not_hold_the_end_up(model: Model) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as ours, os.fdopen(write, "wb") as theirs:
        theirs.write(bytes(4))
        theirs.flush()
        with Stream(model, RawFrames((4,), stream=ours)) as stream:
            answers = iter(stream)
            next(answers)
            closer = threading.Timer(0.05, stream.close)
            closer.start()
            assert list(answers) == []
        closer.join()
    assert stream.statistics().answers == 1
    assert stream.statistics().errors == 0


@pytest.mark.parametrize(
    "text", ["", "4x", "x4", "4x0 uint8", "4 text", "4 object", "4 float7", "9" * 40, "4;5"]
)
def test_shapes_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="is no shape of frames"):
        RawFrames.parse(text)


@pytest.mark.parametrize("source", ["missing.avi", "-", "missing/", "camera:x", "http://x/y"])
def test_names_of_nothing(source: str) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        open_source(source)


def test_objects_that_are_no_source() -> None:
    with pytest.raises(InputError, match=r"3\.5 gives no frames"):
        open_source(3.5)
