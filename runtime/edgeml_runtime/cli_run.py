"""``edgeml-runtime run``: the answers for files, folders, videos, cameras and pipes."""

import argparse
import json
import logging
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.samples import SUFFIXES, read_samples
from edgeml_runtime.session import Model
from edgeml_runtime.tasks import Result

if TYPE_CHECKING:
    from edgeml_runtime.stream import StreamStatistics

_Answer = tuple[str, np.ndarray, Result]


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the inputs and what is done with them."""
    parser.add_argument(
        "input",
        nargs="+",
        metavar="INPUT",
        help=".npy, .npz, .wav, image, video, folder of images, camera:0, picamera:0, "
        "or - for raw frames on the standard input",
    )
    parser.add_argument("--jsonl", action="store_true", help="print a JSON line for each answer")
    parser.add_argument("--draw", type=Path, metavar="DIR", help="write annotated images there")
    stream = parser.add_argument_group("streams (folders, videos, cameras, pipes)")
    stream.add_argument("--hz", type=float, metavar="X", help="answers a second; rests in between")
    stream.add_argument(
        "--policy",
        choices=("latest", "all"),
        help="drop old frames, or let the source wait (by the source: cameras drop)",
    )
    stream.add_argument("--queue", type=int, default=1, metavar="N", help="frames that wait (1)")
    stream.add_argument("--limit", type=int, metavar="N", help="end after N answers")
    stream.add_argument("--frame-shape", metavar="SHAPE", help="of raw frames: '480x640x3 uint8'")
    stream.add_argument("--metrics", type=Path, metavar="FILE", help="keep Prometheus text there")
    stream.add_argument("--metrics-port", type=int, metavar="N", help="or serve it at 127.0.0.1:N")


def run(model: Model, options: argparse.Namespace, identity: dict[str, Any]) -> int:
    """Print the answers of *model* for the inputs that *options* name; return the exit code."""
    logging.basicConfig(format="%(message)s")  # what a stream has to say, on the standard error
    results: list[dict[str, Any]] = []
    runner = _Runner(model, options)
    with ExitStack() as stack:
        stack.callback(runner.close)
        for index, (name, sample, result) in enumerate(runner.answers()):
            entry = {"input": name, "prediction": result.to_json()}
            if options.draw is not None:
                entry["image"] = str(_write_image(options.draw, index, name, sample, result))
            if options.jsonl:
                sys.stdout.write(json.dumps(entry, allow_nan=False) + "\n")
                sys.stdout.flush()
            elif options.json:
                results.append(entry)
            else:
                sys.stdout.write(f"{name}: {result.summary()}\n")
                sys.stdout.flush()
    streams = [statistics.to_json() for statistics in runner.statistics]
    if options.json and not options.jsonl:
        document = {"schema": "edgeml.run/1", **identity, "results": results, "streams": streams}
        sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
    else:
        sys.stderr.write("".join(map(_statistics_text, runner.statistics)))
    return 130 if runner.signal == signal.SIGINT else 0  # SIGTERM is how a service is ended


class _Runner:
    """Asks the model for everything that the command line names, in turn."""

    def __init__(self, model: Model, options: argparse.Namespace) -> None:
        self.statistics: list[StreamStatistics] = []
        self.signal: Optional[int] = None
        self._model = model
        self._options = options
        self._metrics = None
        if options.metrics is not None or options.metrics_port is not None:
            from edgeml_runtime.metrics import Metrics  # noqa: PLC0415 - few runs are watched

            self._metrics = Metrics(model, options.metrics, options.metrics_port)
            if options.metrics_port is not None:
                sys.stderr.write(f"metrics at http://127.0.0.1:{self._metrics.port}/metrics\n")
                sys.stderr.flush()

    def close(self) -> None:
        """Stop telling metrics."""
        if self._metrics is not None:
            self._metrics.close()

    def answers(self) -> Iterator[_Answer]:
        """Yield name, sample and answer of everything."""
        for name in self._options.input:
            path = Path(name)
            if path.suffix.lower() in SUFFIXES and not path.is_dir():
                yield from self._samples(path)
            else:
                yield from self._stream(name)
            if self.signal is not None:
                return

    def _samples(self, path: Path) -> Iterator[_Answer]:
        window = self._model.window
        for name, sample in read_samples(path, None if window is None else window.rate_hz):
            try:
                yield name, sample, self._model(sample)
            except InputError as error:  # noqa: PERF203 - it names the sample
                raise InputError(f"{name}: {error.problem}", error.remedy) from error

    def _stream(self, name: str) -> Iterator[_Answer]:
        options = self._options
        source: Any = name
        if options.frame_shape is not None:
            from edgeml_runtime.stream import RawFrames  # noqa: PLC0415 - not for mere files

            stream = None if name == "-" else name
            source = RawFrames.parse(options.frame_shape, stream)
        with self._model.stream(
            source,
            hz=options.hz,
            policy=options.policy,
            queue=options.queue,
            limit=options.limit,
            metrics=self._metrics,
        ) as stream:
            for answer in stream:
                yield answer.name or f"{name}[{answer.index}]", answer.frame, answer.result
        self.statistics.append(stream.statistics())
        self.signal = stream.signal


def _write_image(folder: Path, index: int, name: str, sample: np.ndarray, result: Result) -> Path:
    import cv2  # noqa: PLC0415 - few runs draw

    from edgeml_runtime.drawing import draw  # noqa: PLC0415 - as above

    plain = re.sub(r"[^\w.-]+", "_", name)[-80:]
    path = folder / f"{index:06d}-{plain}.jpg"
    folder.mkdir(parents=True, exist_ok=True)
    good, data = cv2.imencode(".jpg", draw(sample, result)[:, :, ::-1])
    assert good
    path.write_bytes(data.tobytes())
    return path


def _statistics_text(found: "StreamStatistics") -> str:
    return (
        f"{found.answers} answers in {found.seconds:.1f} s, {found.fps:.1f} a second; "
        f"p50 {found.latency_ms['p50']:.2f} ms, p99 {found.latency_ms['p99']:.2f} ms from frame to "
        f"answer; {found.dropped} dropped, {found.errors} broken, {found.reconnects} reconnects\n"
    )
