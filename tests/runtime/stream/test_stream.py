"""Streams: order, drops, back-pressure, rates, recovery and the end."""

import gc
import logging
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable

import numpy as np
import pytest

from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.stream import Stream, open_source
from edgeml_runtime.stream.sources import Item

Model = Callable[[np.ndarray], Any]


def numbered(count: int) -> "list[np.ndarray]":
    return [np.full((2, 2), index) for index in range(count)]


def values(stream: Stream) -> "list[int]":
    return [answer.result.to_json()["value"] for answer in stream]


def test_all_frames_of_an_iterable_are_answered_in_order(model: Model) -> None:
    stream = Stream(model, open_source(numbered(50)), queue=3)
    answers = list(stream)
    assert [answer.index for answer in answers] == list(range(50))
    assert [answer.result.to_json()["value"] for answer in answers] == list(range(50))
    times = [answer.time_s for answer in answers]
    assert times == sorted(times)
    found = stream.statistics()
    assert (found.answers, found.dropped, found.errors, found.skipped) == (50, 0, 0, 0)
    assert found.to_json()["latency_ms"]["p50"] >= found.to_json()["inference_ms"]["p50"] > 0.0
    assert found.fps == pytest.approx(50 / found.seconds, rel=1e-3)


@pytest.mark.parametrize("queue", [1, 4])
def test_a_source_that_must_wait_is_never_far_ahead(model: Model, queue: int) -> None:
    taken = 0

    def frames() -> Iterator[np.ndarray]:
        nonlocal taken
        for frame in numbered(40):
            taken += 1
            yield frame

    ahead = []
    for answer in Stream(model, open_source(frames()), queue=queue):
        time.sleep(0.002)
        ahead.append(taken - answer.index)
    assert len(ahead) == 40
    assert max(ahead) <= queue + 2  # this one, those that wait, and one in the reader's hand


def test_older_frames_are_dropped_and_counted_one_by_one(model: Model, steps: Any) -> None:  # noqa: ANN401 - a class of conftest
    source = steps(numbered(9))
    stream = Stream(model, source, limit=2)
    answers = iter(stream)
    source.go.release()
    first = next(answers)
    for _ in range(7):  # frames 1 to 7 arrive while frame 0 is looked at; the last one is in hand
        source.go.release()
        source.given.acquire()
    source.given.acquire()
    second = next(answers)
    assert (first.index, second.index) == (0, 7)
    source.go.release(9)
    assert list(answers) == []
    found = stream.statistics()
    assert (found.answers, found.dropped) == (2, 6)


def test_a_queue_of_several_keeps_the_newest_in_order(model: Model, steps: Any) -> None:  # noqa: ANN401
    source = steps(numbered(20))
    stream = Stream(model, source, queue=3, limit=4)
    answers = iter(stream)
    source.go.release()
    next(answers)
    for _ in range(8):
        source.go.release()
        source.given.acquire()
    source.given.acquire()
    assert [next(answers).index for _ in range(3)] == [6, 7, 8]
    source.go.release(20)
    assert list(answers) == []
    assert stream.statistics().dropped == 5


def test_a_camera_that_disappears_is_opened_again(
    model: Model,
    steps: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("edgeml_runtime.stream._FIRST_PAUSE_S", 0.01)
    source = steps(numbered(2), [], [None], numbered(1), numbered(3))
    source.go.release(99)
    with caplog.at_level(logging.WARNING):
        found = values(stream := Stream(model, source, policy="all", limit=6))
    assert found == [0, 1, 0, 0, 1, 2]
    assert source.opened == 5
    statistics = stream.statistics()
    assert (statistics.reconnects, statistics.errors) == (2, 1)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "the steps is gone (unplugged); next try in 0.01 s"
    assert [line for line in lines if line.startswith("the steps is gone")][1].endswith("0.02 s")
    assert lines.count("the steps is back") == 2
    assert source.closed == 5


def test_a_stream_is_closed_while_its_camera_is_gone(model: Model, steps: Any) -> None:  # noqa: ANN401
    source = steps(numbered(1))
    source.go.release(9)
    begun = time.monotonic()
    with Stream(model, source) as stream:
        answers = iter(stream)
        next(answers)
        closer = threading.Timer(0.1, stream.close)
        closer.start()
        assert list(answers) == []
    closer.join()
    assert time.monotonic() - begun < 5.0
    assert source.opened == 1


def test_a_camera_that_was_never_there_is_an_error(model: Model) -> None:
    class Missing:
        live = True

        def frames(self) -> Iterator[Item]:
            raise FileNotFoundError("no camera")

        def __repr__(self) -> str:
            return "camera 9"

    with pytest.raises(InputError, match="camera 9: no camera"):
        list(Stream(model, Missing()))


def test_what_a_source_raises_comes_after_the_frames_before_it(model: Model) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield from numbered(2)
        raise MissingToolError("No decoder.", "Install one.")

    answers = iter(Stream(model, open_source(frames()), queue=4))
    assert [next(answers).index, next(answers).index] == [0, 1]
    with pytest.raises(MissingToolError, match="No decoder"):
        next(answers)


def test_broken_frames_are_counted_and_told(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    frames = [*numbered(1), None, InputError("b.png: is no image.", "Give one."), *numbered(1)]
    with caplog.at_level(logging.WARNING):
        stream = Stream(model, open_source(frames))
        assert [answer.index for answer in stream] == [0, 3]
    assert stream.statistics().errors == 2
    assert "frame 1 was left out: it is broken" in caplog.text
    assert "frame 2 was left out: b.png: is no image." in caplog.text
    with pytest.raises(InputError, match=r"b\.png"):
        list(Stream(model, open_source(frames), strict=True))


def test_a_frame_that_does_not_fit_is_told_if_others_did(caplog: pytest.LogCaptureFixture) -> None:
    def picky(frame: np.ndarray) -> Any:  # noqa: ANN401 - any result
        if frame.flat[0] == 1:
            raise InputError("The sample is no image.", "Give one.")
        return frame

    with caplog.at_level(logging.WARNING):
        stream = Stream(picky, open_source(numbered(3)))
        assert [answer.index for answer in stream] == [0, 2]
    assert stream.statistics().errors == 1
    assert "frame 1 was left out: The sample is no image." in caplog.text
    with pytest.raises(InputError, match="no image"):  # none fits: something else is wrong
        list(Stream(picky, open_source(numbered(3)[1:])))


@pytest.mark.parametrize("options", [{"policy": "newest"}, {"queue": 0}, {"hz": 0.0}, {"hz": -1.0}])
def test_wrong_options_are_refused(model: Model, options: "dict[str, Any]") -> None:
    with pytest.raises(InputError, match="policy is"):
        Stream(model, open_source([]), **options)


def test_a_rate_spaces_out_answers_and_takes_frames_that_are_new(model: Model) -> None:
    class Clock:
        live = True
        asked = 0

        def wanted(self) -> bool:
            raise AssertionError("a stream with a rate replaces it")

        def frames(self) -> Iterator[Item]:
            while True:
                time.sleep(0.002)
                self.asked += 1
                if self.wanted():
                    yield np.array([self.asked])

    source = Clock()
    stream = Stream(model, source, hz=25, limit=5)
    answers = list(stream)
    times = np.diff([answer.time_s for answer in answers])
    assert times.min() > 0.015  # half a turn, and what the clocks of threads differ by
    asked = [answer.result.to_json()["value"] for answer in answers]
    assert np.diff(asked).min() > 1  # those in between were not even decoded
    assert stream.statistics().dropped == 0


def test_a_rate_on_a_source_without_wanted_skips_frames(model: Model) -> None:
    class Plain:
        live = True

        def frames(self) -> Iterator[Item]:
            for frame in numbered(10_000):
                time.sleep(0.001)
                yield frame

    stream = Stream(model, Plain(), hz=10, limit=4)
    assert len(list(stream)) == 4
    found = stream.statistics()
    assert found.skipped > 3
    assert found.dropped == 0


def test_a_rate_on_files_loses_nothing(model: Model) -> None:
    stream = Stream(model, open_source(numbered(4)), hz=100)
    assert values(stream) == [0, 1, 2, 3]
    assert stream.statistics().seconds >= 0.02


def test_leaving_the_loop_closes_everything(model: Model) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    closed = []

    def frames() -> Iterator[np.ndarray]:
        try:
            while True:
                yield np.zeros(1)
        finally:
            closed.append(True)

    for answer in Stream(model, open_source(frames())):
        assert signal.getsignal(signal.SIGTERM) != handlers[0]
        if answer.index == 3:
            break
    gc.collect()
    assert closed == [True]
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers


def test_an_error_of_the_model_ends_the_stream_and_its_thread() -> None:
    def broken(_: np.ndarray) -> Any:  # noqa: ANN401 - any result
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(Stream(broken, open_source(numbered(9))))


def test_a_stream_in_another_thread_leaves_signals_alone(model: Model) -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[Any] = []

    def work() -> None:
        answers = Stream(model, open_source(numbered(2)))
        seen.extend(signal.getsignal(signal.SIGTERM) for _ in answers)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, before]


def test_two_streams_run_at_once(model: Model) -> None:
    pairs = zip(Stream(model, open_source(numbered(20))), Stream(model, open_source(numbered(20))))
    assert [(one.index, two.index) for one, two in pairs] == [(i, i) for i in range(20)]


def test_a_stream_is_iterated_once(model: Model) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stream = Stream(model, open_source(numbered(2)))
    assert len(list(stream)) == 2
    with pytest.raises(RuntimeError, match="once"):
        list(stream)
    assert signal.getsignal(signal.SIGTERM) == before
