"""A model on one frame after the other: a thread reads, and a queue that never grows waits.

This module knows threads, time and signals; ``sources`` and ``cameras`` know where frames are.
"""

import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Callable, Optional

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import asdict, dataclass
from edgeml_runtime.metrics import COUNTS, Histogram, Metrics
from edgeml_runtime.stream.sources import Item, RawFrames, Source, open_source
from edgeml_runtime.tasks import Result

__all__ = ["RawFrames", "Source", "Stream", "StreamAnswer", "StreamStatistics", "open_source"]

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0  # before a source that is gone is opened again
_JOIN_S = 15.0  # OpenCV waits 10 s for a camera that hangs
_TURN_S = 1.0  # the longest that a signal may go unnoticed
_LOOK_S = 1.0  # neighbours of a live source are alike: drift sees one in this time

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamAnswer:
    """The answer for one frame, and what the source calls that, such as the path of a file."""

    index: int  # from 0; dropped and broken frames count
    time_s: float  # when it was taken, since the stream began
    frame: np.ndarray
    result: Result
    name: str = ""


@dataclass(frozen=True)
class StreamStatistics:
    """What became of the frames so far; times as ``Histogram.to_json`` has them."""

    answers: int
    dropped: int  # gave way to newer ones
    skipped: int  # were not wanted at the rate
    errors: int  # could not be read or answered
    reconnects: int  # of a source that was gone
    seconds: float  # from the first frame to the last answer
    fps: float
    latency_ms: "dict[str, float]"  # from frame to answer
    inference_ms: "dict[str, float]"  # of preprocessing, engine and task alone

    def to_json(self) -> "dict[str, Any]":
        """Return the ``edgeml.stream/1`` document."""
        return {"schema": "edgeml.stream/1", **asdict(self)}


class Stream(AbstractContextManager):  # type: ignore[type-arg]  # not generic for Python 3.8's typing
    """The answers for the frames of a source, to be iterated once; see ``Model.stream``.

    It ends with the source, at the limit, on ``close``, and after the frame in work on SIGTERM or
    SIGINT, which ``signal`` then is.
    """

    def __init__(  # noqa: PLR0917 - Model.stream names them
        self,
        model: Callable[[np.ndarray], Result],
        source: Source,
        hz: Optional[float] = None,
        policy: Optional[str] = None,
        queue: int = 1,
        limit: Optional[int] = None,
        metrics: Optional[Metrics] = None,
        strict: bool = False,
    ) -> None:
        policy = policy or ("latest" if source.live else "all")
        if policy not in ("latest", "all") or queue < 1 or not (hz is None or hz > 0):
            raise InputError(
                f"policy is {policy!r}, queue is {queue} and hz is {hz}.",
                "Give 'latest' or 'all', 1 or more, and a rate above 0.",
            )
        self.signal: Optional[int] = None
        self._model, self._source, self._metrics, self._strict = model, source, metrics, strict
        self._limit = limit
        self._period_s = 1.0 / hz if hz else 0.0
        self._drops = policy == "latest"
        self._on_demand = self._drops and hz is not None
        self._wanted = not self._on_demand
        self._queue: deque[tuple[int, float, str, np.ndarray]] = deque(maxlen=queue)
        self._room = queue
        self._changed = threading.Condition()  # of an RLock: a signal may come while it is held
        self._stopped = self._ended = False
        self._failure: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._read, name="edgeml-stream", daemon=True)
        self._handlers: dict[int, Any] = {}
        self._counts = dict.fromkeys(COUNTS, 0)
        self._latency, self._inference = Histogram(), Histogram()
        self._taken = 0
        self._first_s = self._last_s = self._due_s = self._look_s = self._start_s = 0.0

    def __iter__(self) -> Iterator[StreamAnswer]:
        """Open the source and yield the answers.

        Raises:
            EdgemlError: The source cannot be read, or no frame answered; with ``strict``, any.
        """
        if self._on_demand and hasattr(self._source, "wanted"):
            self._source.wanted = lambda: self._wanted or self._stopped
        self._start_s = self._due_s = time.perf_counter()
        self._thread.start()
        try:
            if threading.current_thread() is threading.main_thread():
                for number in (signal.SIGTERM, signal.SIGINT):
                    self._handlers[number] = signal.signal(number, self._on_signal)
            while self._limit is None or self._latency.count < self._limit:
                frame = self._next()
                if frame is None:
                    break
                answer = self._answer(*frame)
                if answer is not None:
                    yield answer
        finally:
            self.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, release the source and put the handlers of signals back."""
        self._stop()
        getattr(self._source, "close", int)()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        self._restore_handlers()

    def statistics(self) -> StreamStatistics:
        """Return the figures so far."""
        seconds = round(max(self._last_s - self._first_s, 0.0), 6)
        return StreamStatistics(
            answers=self._latency.count,
            **self._counts,
            seconds=seconds,
            fps=round(self._latency.count / seconds, 3) if seconds else 0.0,
            latency_ms=self._latency.to_json(),
            inference_ms=self._inference.to_json(),
        )

    def _next(self) -> "Optional[tuple[int, float, str, np.ndarray]]":
        """Return the next frame when its time has come, or None at the end."""
        with self._changed:
            self._rest(self._due_s)
            self._wanted = True
            while not (self._queue or self._ended or self._stopped):
                self._changed.wait(_TURN_S)
            if self._queue and not self._stopped:
                now_s = time.perf_counter()  # turns that were missed are not made up for
                late = now_s > self._due_s + self._period_s / 2
                self._due_s = (now_s if late else self._due_s) + self._period_s
                self._changed.notify_all()
                return self._queue.popleft()
        if self._failure is not None and not self._stopped:
            raise self._failure
        return None

    def _answer(
        self, index: int, taken_s: float, name: str, frame: np.ndarray
    ) -> Optional[StreamAnswer]:
        start_s = time.perf_counter()
        try:
            result = self._model(frame)
        except InputError as error:
            if self._strict or not self._latency.count:
                raise
            self._broken(name or index, error)
            return None
        self._last_s = time.perf_counter()
        self._latency.add(self._last_s - taken_s)
        self._inference.add(self._last_s - start_s)
        if self._metrics is not None:
            look = not self._source.live or self._last_s >= self._look_s
            self._look_s = self._last_s + _LOOK_S if look else self._look_s
            self._metrics.observe(self._last_s - taken_s, frame if look else None, result)
        return StreamAnswer(index, taken_s - self._start_s, frame, result, name)

    def _read(self) -> None:
        """Fill the queue: what the thread does."""
        pause_s = 0.0
        try:
            while not self._stopped:
                reason = "it ended"
                frames: Any = ()
                try:
                    frames = self._source.frames()
                    for item in frames:
                        if pause_s and not (item is None or isinstance(item, InputError)):
                            self._count("reconnects")
                            _log.warning("%r is back", self._source)
                            pause_s = 0.0
                        self._take(item)
                        if self._stopped:
                            break
                except OSError as error:
                    if not (self._source.live and self._taken):
                        raise InputError(f"{self._source!r}: {error}.", "Check it.") from error
                    reason = str(error)
                finally:
                    getattr(frames, "close", int)()
                if not self._source.live or self._stopped:
                    break
                pause_s = min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
                _log.warning("%r is gone (%s); next try in %g s", self._source, reason, pause_s)
                with self._changed:
                    self._rest(time.perf_counter() + pause_s)
        except BaseException as error:  # noqa: BLE001 - it is raised where the answers are
            self._failure = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self, item: Item) -> None:
        """Queue one frame."""
        index, self._taken = self._taken, self._taken + 1
        if item is None or isinstance(item, InputError):
            if self._strict and item is not None:
                raise item
            self._broken(index, item)
            return
        now_s = time.perf_counter()
        self._first_s = self._first_s or now_s
        with self._changed:
            if not self._wanted:
                self._count("skipped")
                return
            while not (self._drops or self._stopped or len(self._queue) < self._room):
                self._changed.wait()
            if self._stopped:
                return
            if len(self._queue) == self._room:
                self._count("dropped")
            self._wanted = not self._on_demand
            name, frame = item if isinstance(item, tuple) else ("", item)
            self._queue.append((index, now_s, name, frame))
            self._changed.notify_all()

    def _rest(self, until_s: float) -> None:
        """Wait, with ``_changed`` held, for that time or the end."""
        while not self._stopped and (left_s := until_s - time.perf_counter()) > 0:
            self._changed.wait(min(left_s, _TURN_S))

    def _broken(self, frame: object, why: object) -> None:
        self._count("errors")
        _log.warning("%r: frame %s was left out: %s", self._source, frame, why or "it is broken")

    def _count(self, name: str) -> None:
        self._counts[name] += 1
        if self._metrics is not None:
            self._metrics.count(name)

    def _stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _on_signal(self, number: int, _: object) -> None:
        self.signal = number
        self._restore_handlers()  # the next one acts as if there were no stream
        self._stop()

    def _restore_handlers(self) -> None:
        if threading.current_thread() is threading.main_thread():
            while self._handlers:
                number, handler = self._handlers.popitem()
                signal.signal(number, handler or signal.SIG_DFL)
