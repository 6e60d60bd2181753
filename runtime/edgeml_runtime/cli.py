"""The command of the board: ``edgeml-runtime run | bench | verify | info | serve``.

It parses, calls and prints. Exit codes: 0 ok, 1 a self-test failed, 2 bad input or usage, 3 an
engine or library is missing, 4 a defect of edgeml, 130 on Ctrl-C.
"""

import argparse
import json
import logging
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.engines import installed_engines
from edgeml_runtime.errors import EdgemlError, InputError, InternalError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.samples import SUFFIXES, read_samples
from edgeml_runtime.session import Model, load
from edgeml_runtime.tasks import Result
from edgeml_runtime.trials import Verification, bench, verify_bundle

if TYPE_CHECKING:
    from edgeml_runtime.stream import StreamStatistics

_Answer = tuple[str, np.ndarray, Result]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except EdgemlError as error:
        return _fail(error, options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the outermost frame: a defect is exit code 4
        defect = InternalError(
            f"edgeml-runtime failed: {type(error).__name__}: {error}.",
            "Run it again with --debug and report what it prints.",
        )
        return _fail(defect, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgeml-runtime", description="Runs edgeml bundles on this board."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    running = _command(commands, "run", _run, "predict for files, folders, videos, cameras, pipes")
    _add_run_options(running)
    _add_choice(running)
    timing = _command(commands, "bench", _bench, "measure the latency on this machine")
    timing.add_argument("--runs", type=int, default=50, metavar="N", help="timed runs (50)")
    timing.add_argument("--warmup", type=int, default=5, metavar="N", help="untimed runs (5)")
    _add_choice(timing)
    verify = _command(commands, "verify", _verify, "self-test all that can run on this board")
    verify.add_argument("--threads", type=int, default=1, metavar="N", help="threads (1)")
    _command(commands, "info", _info, "show what a bundle holds")
    serve = _command(commands, "serve", _serve, "answer HTTP: /predict, /healthz and /metrics")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, default=8080, metavar="N", help="port; 0: any (8080)")
    serve.add_argument("--queue", type=int, default=8, metavar="N", help="waiting requests (8)")
    serve.add_argument(
        "--max-mib", type=float, default=16.0, metavar="X", help="largest sample in MiB (16)"
    )
    serve.add_argument(
        "--timeout-s", type=float, default=10.0, metavar="X", help="longest wait in seconds (10)"
    )
    _add_choice(serve)
    return parser


def _command(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:  # noqa: ANN401 - argparse's class is private
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=function)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the .edgeml file")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--debug", action="store_true", help="print tracebacks of errors")
    return parser


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--variant", metavar="ID", help="the variant to use, as 'info' lists them")
    parser.add_argument("--engine", metavar="NAME", help="the engine to use")
    parser.add_argument(
        "--threads", type=_threads, metavar="N", help="threads, or 'measure' (by the board)"
    )
    parser.add_argument("--explain", action="store_true", help="say why it runs as it does")
    parser.add_argument("--no-self-test", action="store_true", help="do not check the answers")


def _load(options: argparse.Namespace) -> Model:
    model = load(
        options.bundle,
        variant=options.variant,
        engine=options.engine,
        threads=options.threads,
        self_test=not options.no_self_test,
    )
    if options.explain:
        sys.stderr.write(f"{model.explain()}\n")
    return model


def _run(options: argparse.Namespace) -> int:
    return _run_model(_load(options), options)


def _bench(options: argparse.Namespace) -> int:
    result = bench(_load(options), runs=options.runs, warmup=options.warmup)
    if options.json:
        _print_json(result.to_json())
        return 0
    latency = result.latency
    sys.stdout.write(
        f"{result.bundle} {result.variant}, {result.engine} {result.engine_version}, "
        f"threads: {result.threads}, measured\n"
        f"  min {latency.min_ms:.3f} ms, p50 {latency.p50_ms:.3f} ms, mean {latency.mean_ms:.3f} ms"
        f", p90 {latency.p90_ms:.3f} ms, p99 {latency.p99_ms:.3f} ms, std {latency.std_ms:.3f} ms"
        f" ({latency.n} runs)\n"
    )
    return 0


def _verify(options: argparse.Namespace) -> int:
    result = verify_bundle(options.bundle, threads=options.threads)
    if options.json:
        _print_json(result.to_json())
    else:
        sys.stdout.write(_verify_text(result))
    return result.exit_code


def _info(options: argparse.Namespace) -> int:
    manifest = open_bundle(options.bundle).manifest
    engines = installed_engines()
    if options.json:
        _print_json({"schema": "edgeml.info/1", "manifest": manifest.to_json(), "engines": engines})
    else:
        sys.stdout.write(_info_text(manifest, engines))
    return 0


def _serve(options: argparse.Namespace) -> int:
    from edgeml_runtime.serve import Limits, Server  # noqa: PLC0415 - brings the HTTP library

    limits = Limits(options.queue, int(options.max_mib * 2**20), options.timeout_s)
    server = Server(_load(options), options.host, options.port, limits)
    if options.json:
        document = {"schema": "edgeml.serve/1", **_identity(server.model)}
        _print_json({**document, "address": server.address})
    else:
        sys.stdout.write(f"{server.model.manifest.name} answers at {server.address}\n")
    sys.stdout.flush()
    server.serve_forever()
    return 0


def _threads(text: str) -> Union[int, str]:
    return text if text == "measure" else int(text)


def _identity(model: Model) -> dict[str, Any]:
    return {**model.identity, "threads": model.engine.threads}


def _verify_text(result: Verification) -> str:
    lines = [
        f"{check.variant} in {check.engine} {check.engine_version}: "
        f"{'ok' if check.passed else 'FAILED'}, {check.detail}"
        for check in result.checks
    ]
    lines += [f"{skip.variant} in {skip.engine}: skipped, {skip.reason}" for skip in result.skipped]
    return "\n".join(lines) + "\n"


def _info_text(manifest: Manifest, engines: dict[str, str]) -> str:
    lines = [
        f"{manifest.name} {manifest.version} (serial {manifest.serial}), {manifest.task}",
        *(f"  input  {spec.name} {spec.dtype} {list(spec.shape)}" for spec in manifest.inputs),
        *(f"  output {spec.name} {spec.dtype} {list(spec.shape)}" for spec in manifest.outputs),
        *(
            f"  {variant.id}: {variant.size_bytes} bytes, runs in {', '.join(variant.engines)}"
            for variant in manifest.variants
        ),
        f"  golden vectors: {manifest.golden.samples if manifest.golden is not None else 'none'}",
        "installed engines: "
        + (", ".join(f"{name} {version}" for name, version in engines.items()) or "none"),
    ]
    return "\n".join(lines) + "\n"


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")


def _fail(error: EdgemlError, options: argparse.Namespace) -> int:
    if options.debug:
        traceback.print_exc()
    if options.json:
        _print_json(error.to_json())
    else:
        sys.stderr.write(f"error: {error.problem}\n{error.remedy}\n")
    return error.exit_code


def _add_run_options(parser: argparse.ArgumentParser) -> None:
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


def _run_model(model: Model, options: argparse.Namespace) -> int:
    """Print the answers of *model* for the inputs that *options* name; return the exit code."""
    logging.basicConfig(format="%(message)s")  # what a stream has to say, on the standard error
    results: list[dict[str, Any]] = []
    with closing(_Runner(model, options)) as runner:
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
        document = {
            "schema": "edgeml.run/1",
            **_identity(model),
            "results": results,
            "streams": streams,
        }
        _print_json(document)
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
