"""Figures of a running model for Prometheus: as text, in a file, or at an address of this machine.

``docs/streams.md`` lists them. Knows the text format 0.0.4 and where Linux tells of the board.
"""

import logging
import math
import os
import threading
import time
from array import array
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from edgeml_runtime.errors import InputError

if TYPE_CHECKING:
    from edgeml_runtime.session import Model

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
COUNTS = ("dropped", "skipped", "errors", "reconnects")

_STEPS, _LOWEST, _DECADES = 100, -6, 10  # buckets of a decade, from 10^-6 s, so many decades
_EDGES_S = (*(step * 10.0**power for power in range(-4, 1) for step in (1, 2, 5)), 10.0)
_MOST_LABELS = 64
_LATENCY = "edgeml_latency_seconds"
_SYS = Path("/sys")
_REASONS = ("under_voltage", "frequency_capped", "throttled", "soft_temperature_limit")

Figures = Iterator["tuple[str, Mapping[str, object], float]"]


class Histogram:
    """Counts durations from 1 us to 10,000 s, in 100 buckets a decade; it never grows."""

    def __init__(self) -> None:
        self._buckets = array("Q", bytes(8 * _STEPS * _DECADES))
        self.count = 0
        self.sum_s = self.max_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        bucket = int((math.log10(max(seconds, 1e-9)) - _LOWEST) * _STEPS)
        self._buckets[min(max(bucket, 0), _STEPS * _DECADES - 1)] += 1
        self.count += 1
        self.sum_s += seconds
        self.max_s = max(self.max_s, seconds)

    def percentile(self, percent: float) -> float:
        """Return what *percent* of them do not exceed, within 1.2 %; 0 if there are none."""
        rank = max(1, math.ceil(self.count * percent / 100))
        for bucket, count in enumerate(self._buckets):
            rank -= count
            if rank <= 0:
                return min(float(10 ** ((bucket + 0.5) / _STEPS + _LOWEST)), self.max_s)
        return 0.0

    def up_to(self, seconds: float) -> int:
        """Return how many were below *seconds*, or rather the nearest edge of a bucket."""
        return sum(self._buckets[: round((math.log10(seconds) - _LOWEST) * _STEPS)])

    def to_json(self) -> "dict[str, float]":
        """Return milliseconds: mean, percentiles, max."""
        found = {f"p{percent}": self.percentile(percent) for percent in (50, 90, 99)}
        found = {"mean": self.sum_s / max(self.count, 1), **found, "max": self.max_s}
        return {name: round(1e3 * seconds, 4) for name, seconds in found.items()}


class Metrics(AbstractContextManager):  # type: ignore[type-arg]  # not generic for Python 3.8's typing
    """Counts what a model does; any thread may call it.

    Args:
        model: What is watched.
        path: A file to write at every period and on ``close``, always whole.
        port: Where to serve ``/metrics``; 0 takes a free one. InputError if it is taken.
        host: The address to serve at.
        every_s: The period.
    """

    def __init__(
        self,
        model: "Model",
        path: "Union[str, os.PathLike[str], None]" = None,
        port: Optional[int] = None,
        *,
        host: str = "127.0.0.1",
        every_s: float = 15.0,
    ) -> None:
        from edgeml_runtime.drift import Drift  # noqa: PLC0415 - a stream without metrics needs none

        self._info: Mapping[str, object] = {
            "bundle": model.manifest.name,
            "version": model.manifest.version,
            "variant": model.variant.id,
            "engine": f"{model.engine.name} {model.engine.version}",
        }
        self._lock = threading.Lock()
        self._latency = Histogram()
        self._counts = dict.fromkeys(COUNTS, 0)
        self._labels: dict[str, int] = {}
        self._drift = Drift(model.manifest)
        self._cpu_s, self._seen_s = time.process_time(), time.monotonic()
        self._closed = threading.Event()
        self._server: Any = None
        if port is not None:
            self._server = _server(host, port, self.prometheus)
            self._start(self._server.serve_forever)
            self.port: int = self._server.server_address[1]
        self._path = path
        if path is not None:
            try:
                self.write(path)  # what cannot be written is told now
            except OSError as error:
                raise InputError(f"{path}: {error.strerror}.", "Choose another file.") from error
            self._writer = self._start(self._keep_written, every_s)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write the file once more and stop serving."""
        self._closed.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._path is not None:
            self._writer.join()

    def observe(self, latency_s: float, sample: Optional[np.ndarray], result: object) -> None:
        """Count an answer; drift looks at *sample*, as it was before preprocessing, if given."""
        answers = self._drift.answers(result)
        with self._lock:
            self._latency.add(latency_s)
            for label, _ in answers:
                known = label in self._labels or len(self._labels) < _MOST_LABELS
                counted = label if known else "(other)"
                self._labels[counted] = self._labels.get(counted, 0) + 1
            if sample is not None:
                self._drift.observe(sample, answers)

    def count(self, what: str, times: int = 1) -> None:
        """Count one of ``COUNTS``."""
        with self._lock:
            self._counts[what] += times

    def prometheus(self) -> str:
        """Return all figures as text."""
        families: dict[str, list[str]] = {}
        with self._lock:
            for name, labels, value in (*self._figures(), *_board()):
                family = _LATENCY if name.startswith(_LATENCY) else name
                kind = "counter" if name.endswith("_total") else "gauge"
                kind = "histogram" if family is _LATENCY else kind
                pairs = ",".join(f'{key}="{_escaped(str(labels[key]))}"' for key in labels)
                lines = families.setdefault(family, [f"# TYPE {family} {kind}\n"])
                lines.append(f"{name}{f'{{{pairs}}}' if pairs else ''} {value:.15g}\n")
        return "".join("".join(lines) for lines in families.values())

    def write(self, path: "Union[str, os.PathLike[str]]") -> None:
        """Write all figures to a file that is always whole; raises OSError."""
        partial = Path(f"{os.fspath(path)}.{os.getpid()}.tmp")
        try:
            partial.write_text(self.prometheus(), encoding="utf-8")
            partial.replace(path)
        finally:
            if partial.exists():
                partial.unlink()

    def _start(self, target: Any, *arguments: object) -> threading.Thread:  # noqa: ANN401 - a call
        thread = threading.Thread(target=target, args=arguments, name="edgeml-metrics", daemon=True)
        thread.start()
        return thread

    def _keep_written(self, every_s: float) -> None:
        closed = False
        while not closed:
            closed = self._closed.wait(every_s)
            try:
                self.write(self._path or "")
            except OSError as error:  # a full disk must not end the watch
                logging.getLogger(__name__).warning("%s: %s", self._path, error)

    def _figures(self) -> Figures:
        yield "edgeml_info", self._info, 1
        seen = self._latency
        for edge_s in _EDGES_S:
            yield f"{_LATENCY}_bucket", {"le": f"{edge_s:g}"}, seen.up_to(edge_s)
        yield f"{_LATENCY}_bucket", {"le": "+Inf"}, seen.count
        yield f"{_LATENCY}_sum", {}, seen.sum_s
        yield f"{_LATENCY}_count", {}, seen.count
        for what, count in self._counts.items():
            yield f"edgeml_{what}_total", {}, count
        for label, count in self._labels.items():
            yield "edgeml_predictions_total", {"label": label}, count
        for signal, value, limit in self._drift.figures():
            labels = {"signal": signal}
            yield "edgeml_drift", labels, value
            yield "edgeml_drift_limit", labels, limit
            yield "edgeml_drift_alarm", labels, value > limit
        cpu_s, now_s = time.process_time(), time.monotonic()
        percent = 100 * (cpu_s - self._cpu_s) / max(now_s - self._seen_s, 1e-3)
        self._cpu_s, self._seen_s = cpu_s, now_s
        yield "edgeml_cpu_percent", {}, percent
        yield "process_cpu_seconds_total", {}, cpu_s
        pages: float = int(_text(Path("/proc/self/statm")).split()[1])
        yield "process_resident_memory_bytes", {}, pages * os.sysconf("SC_PAGE_SIZE")


def _board() -> Figures:
    for zone in sorted(_SYS.glob("class/thermal/thermal_zone*")):
        if degrees := _text(zone / "temp"):
            labels = {"zone": zone.name, "type": _text(zone / "type")}
            yield "edgeml_temperature_celsius", labels, float(degrees) / 1e3
    bits = int(_text(_SYS / "devices/platform/soc/soc:firmware/get_throttled") or "-1", 16)
    for name, first in (("throttled", 0), ("throttled_since_boot", 16)):
        for bit, reason in enumerate(_REASONS if bits >= 0 else ()):
            yield f"edgeml_{name}", {"reason": reason}, bits >> (first + bit) & 1
    for name in ("scaling_cur_freq", "cpuinfo_max_freq"):
        if khz := _text(_SYS / "devices/system/cpu/cpu0/cpufreq" / name):
            yield f"edgeml_{name}_hertz", {}, 1e3 * int(khz)


def _server(host: str, port: int, text: Any) -> Any:  # noqa: ANN401 - loaded here
    from http.server import (  # noqa: PLC0415 - slow, and seldom needed
        BaseHTTPRequestHandler,
        ThreadingHTTPServer,
    )

    class Page(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_GET(self) -> None:
            found = self.path == "/metrics"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.end_headers()
            self.wfile.write((text() if found else "See /metrics.\n").encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    try:
        return ThreadingHTTPServer((host, port), Page)
    except (OSError, OverflowError) as error:
        raise InputError(f"{host}:{port}: {error}.", "Choose another port.") from error


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # another kind of board, or a sensor that is off
        return ""
