"""Answers HTTP on the board: ``POST /predict``, ``GET /healthz``, ``GET /metrics``.

The standard library's server, bounded on every side: the size of a request, the time that it may
take, the connections, and one queue of requests in front of the model. What does not fit is refused
at once (503), so that a board under load stays as fast as it is for those that it serves.
"""

import io
import json
import queue
import select
import signal
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any, Callable, ClassVar, Optional

import numpy as np

from edgeml_runtime.document import Fields, parse_json
from edgeml_runtime.errors import EdgemlError, InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.metrics import Metrics
from edgeml_runtime.samples import decode_array, decode_image, decode_wav, resampled
from edgeml_runtime.session import Model
from edgeml_runtime.tasks import Result

_Job = tuple[np.ndarray, "Future[tuple[Result, float]]"]

_DECODERS: Mapping[str, Callable[[bytes, str], np.ndarray]] = {  # by media type
    "application/x-npy": decode_array,
    "application/octet-stream": decode_array,
    **dict.fromkeys(("image/bmp", "image/jpeg", "image/png", "image/webp"), decode_image),
}
_SOUND = ("audio/wav", "audio/x-wav")
_JSON = "application/json"
_JSON_REMEDY = 'Send {"inputs": [...]}, nested as the axes of the sample.'
_POLL_S = 0.2
_SPARE_CONNECTIONS = 16  # for health checks and for telling others that the queue is full


@dataclass(frozen=True)
class Limits:
    """What the server bears.

    Args:
        queue: Requests that may wait or run; one more gets 503.
        body_bytes: The largest sample; a larger one gets 413.
        timeout_s: The longest that a request may take to arrive, and again to be answered.
    """

    queue: int = 8
    body_bytes: int = 16 * 1024 * 1024
    timeout_s: float = 10.0


class Server:
    """One model behind HTTP; made, then run by ``serve_forever``, ended by ``close``.

    Args:
        model: Loaded; only the server's own thread calls it.
        host: The address to listen on; only this machine can reach the default.
        port: The port; 0 takes any that is free, see ``address``.
        limits: What it bears.

    Raises:
        InputError: The address cannot be listened on, or a limit is below 1.
    """

    def __init__(
        self,
        model: Model,
        host: str = "127.0.0.1",
        port: int = 8080,
        limits: Optional[Limits] = None,
    ) -> None:
        self.model = model
        self.limits = limits or Limits()
        self.metrics = Metrics(model)
        self.closing = False
        if min(self.limits.queue, self.limits.body_bytes, self.limits.timeout_s) <= 0:
            raise InputError(f"A limit of {self.limits} is not above 0.", "Give larger limits.")
        self._places: queue.Queue[None] = queue.Queue(self.limits.queue)
        self._jobs: queue.Queue[Optional[_Job]] = queue.Queue(self.limits.queue + 1)
        self._worker = threading.Thread(target=self._work, name="edgeml-worker", daemon=True)
        try:
            self._http = _HttpServer((host, port), self)
        except (OSError, OverflowError) as error:
            raise InputError(
                f"{host}:{port} cannot be listened on: {error}.",
                "Choose a free --port above 1023 and an address of this machine.",
            ) from error

    @property
    def address(self) -> str:
        """The URL that it answers at."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def taken(self) -> int:
        """How many requests arrive, wait or run now."""
        return self._places.qsize()

    def serve_forever(self) -> None:
        """Answer until ``close`` is called by another thread, or SIGTERM or SIGINT comes."""
        self._worker.start()
        in_main = threading.current_thread() is threading.main_thread()
        signals = (signal.SIGTERM, signal.SIGINT) if in_main else ()
        before = {number: signal.signal(number, self._on_signal) for number in signals}
        try:
            self._http.serve_forever(poll_interval=_POLL_S)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._http.server_close()
            self._jobs.put(None)  # after the requests that are in the queue
            self._worker.join()

    def close(self) -> None:
        """Stop listening; requests that have arrived are still answered."""
        self.closing = True
        self._http.shutdown()

    def predict(self, read: Callable[[], np.ndarray]) -> Optional[tuple[Result, float]]:
        """Return the answer for the sample that *read* gives, with its time in seconds.

        None when the queue is full: *read* was not called then.

        Raises:
            EdgemlError: The sample does not fit.
            concurrent.futures.TimeoutError: There was no answer within the limit.
        """
        try:
            self._places.put_nowait(None)
        except queue.Full:
            return None
        future: Future[tuple[Result, float]] = Future()
        try:
            self._jobs.put_nowait((read(), future))
            return future.result(self.limits.timeout_s)
        except queue.Full:  # of requests that were given up, behind one that takes long
            return None
        finally:
            future.cancel()  # one that nobody waits for any more is not run
            self._places.get_nowait()

    def _on_signal(self, _number: int, _frame: Optional[FrameType]) -> None:
        threading.Thread(target=self.close).start()  # it waits for the loop that runs this

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            sample, future = job
            if not future.set_running_or_notify_cancel():
                continue
            start_s = time.perf_counter()
            try:
                result = self.model(sample)
                latency_s = time.perf_counter() - start_s
                self.metrics.observe(latency_s, sample, result)
                future.set_result((result, latency_s))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                future.set_exception(error)


class _RefusedError(InputError):
    """A request that is refused with a status of its own."""

    def __init__(self, status: int, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.status = status


class _HttpServer(ThreadingHTTPServer):
    """The listening socket; no more threads than the limits let wait, and a few."""

    daemon_threads = False  # a request that was taken is answered
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        self._connections = threading.BoundedSemaphore(owner.limits.queue + _SPARE_CONNECTIONS)
        super().__init__(address, partial(_Handler, owner))

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base
        if self._connections.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say nothing of clients that went away; the base class prints a traceback."""


class _SocketReader(io.RawIOBase):
    """Reads a socket until a time, however slowly the bytes come."""

    def __init__(self, connection: socket.socket, owner: Server) -> None:
        self._connection = connection
        self._owner = owner
        self.until_s = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a writable buffer
        while time.monotonic() < self.until_s and not self._owner.closing:
            if select.select([self._connection], [], [], _POLL_S)[0]:
                return self._connection.recv_into(buffer)
        raise socket.timeout


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "edgeml-runtime", ""
    disable_nagle_algorithm: ClassVar[bool] = True

    def __init__(self, owner: Server, *arguments: Any) -> None:  # noqa: ANN401 - the base's
        self._owner = owner
        super().__init__(*arguments)

    def setup(self) -> None:
        super().setup()
        self._reader = _SocketReader(self.connection, self._owner)
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        self._reader.until_s = time.monotonic() + self._owner.limits.timeout_s
        try:
            super().handle_one_request()
        except OSError:  # too slow, or gone
            self.close_connection = True

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._send_json(
                200,
                {
                    "schema": "edgeml.health/1",
                    "status": "ok",
                    "taken": self._owner.taken,
                    **self._owner.model.identity,
                },
            )
        elif self.path == "/metrics":
            self._send(200, "text/plain; version=0.0.4", self._owner.metrics.prometheus().encode())
        else:
            self._refuse_path()

    def do_POST(self) -> None:
        self._body_read = False
        if self.path != "/predict":
            self._refuse_path()
            return
        try:
            answer = self._owner.predict(self._read_sample)
        except _RefusedError as refusal:
            self._refuse(refusal.status, refusal.problem, refusal.remedy)
        except EdgemlError as error:
            self._refuse(400, error.problem, error.remedy)
        except FutureTimeoutError:
            limit_s = self._owner.limits.timeout_s
            self._refuse(504, f"There was no answer within {limit_s:g} s.", "Try again later.")
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost frame of a request
            self._refuse(500, f"It failed: {type(error).__name__}: {error}.", "Report the sample.")
        else:
            if answer is None:
                self._refuse(503, "The queue is full.", "Try again later.", {"Retry-After": "1"})
                return
            result, latency_s = answer
            document = {"schema": "edgeml.prediction/1", **self._owner.model.identity}
            document["latency_ms"] = round(latency_s * 1e3, 3)
            document["prediction"] = result.to_json()
            self._send_json(200, document)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002, ANN401 - the base's
        """Write no log: the metrics count, and a board's storage wears."""

    def _read_sample(self) -> np.ndarray:
        kind = self.headers.get_content_type()
        if kind not in (*_DECODERS, *_SOUND, _JSON):
            known = ", ".join((*_DECODERS, *_SOUND, _JSON))
            raise _RefusedError(
                415, f"A sample of '{kind}' cannot be read.", f"Send one of: {known}."
            )
        body = self._read_body()
        if kind in _SOUND:
            sound, rate_hz = decode_wav(body, "The sample")
            window = self._owner.model.window
            return sound if window is None else resampled(sound, rate_hz, window.rate_hz)
        return self._parse_json(body) if kind == _JSON else _DECODERS[kind](body, "The sample")

    def _parse_json(self, body: bytes) -> np.ndarray:
        fields = Fields(parse_json(body, "The sample", _JSON_REMEDY), "The sample", _JSON_REMEDY)
        values = fields.items("inputs")
        fields.nothing_else()
        manifest = self._owner.model.manifest
        dtype = manifest.inputs[0].dtype if manifest.preprocess is None else "uint8"
        try:
            array = np.array(values)
            if array.dtype.kind not in "iuf":
                raise fields.fault("'inputs' is no array of numbers, of equally long lists")
            return array.astype(dtype)
        except (TypeError, ValueError, OverflowError) as error:
            raise fields.fault(f"'inputs' is no array of numbers ({error})") from error

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or len(length) > 18:
            raise _RefusedError(411, "The request has no length.", "Send a Content-Length.")
        limit = self._owner.limits.body_bytes
        if int(length) > limit:
            raise _RefusedError(
                413, f"The sample has {length} bytes.", f"Send at most {limit} bytes."
            )
        try:
            body = self.rfile.read(int(length))
        except socket.timeout as error:
            raise _RefusedError(408, "The sample came too slowly.", "Send it faster.") from error
        if len(body) != int(length):
            raise ConnectionResetError
        self._body_read = True
        return body

    def _refuse_path(self) -> None:
        self._refuse(404, f"There is no {self.path}.", "Use /predict, /healthz or /metrics.")

    def _refuse(
        self, status: int, problem: str, remedy: str, headers: Optional[Mapping[str, str]] = None
    ) -> None:
        document = {"schema": "edgeml.error/1", "problem": problem, "remedy": remedy}
        self._send_json(status, document, headers)

    def _send_json(
        self,
        status: int,
        document: Mapping[str, Any],
        headers: Optional[Mapping[str, str]] = None,
    ) -> None:
        self._send(status, _JSON, json.dumps(document).encode() + b"\n", headers)

    def _send(
        self, status: int, kind: str, body: bytes, headers: Optional[Mapping[str, str]] = None
    ) -> None:
        self.connection.settimeout(self._owner.limits.timeout_s)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.command == "POST" and not self._body_read:
            self.send_header("Connection", "close")  # what is left of the request is not read
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)
