"""Runs in the emulated board: one inference with the engine's own profiler on, between markers.

Usage: ``profile_operators.py ENGINE MODEL [--inputs FILE.npz] [--warm-caches]``. Prints one line
of JSON: the engine's events, one an operator, in the order in which they ran. The profiler reads
the clock around each operator, where the counter cuts its timeline; the same clock values stand in
both.

Needs the standard library, numpy, edgeml_runtime and the engine, on Python 3.9 or newer.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.errors import EdgemlError, UnsupportedError

if TYPE_CHECKING:
    from edgeml_devices.latency.guest_scripts.litert_model import LitertModel
    from edgeml_devices.latency.guest_scripts.profile_engine import (
        ATTACH,
        CALL_BEGIN,
        CALL_END,
        RUN_BEGIN,
        RUN_END,
        WARM_UPS,
        mark,
        read_feeds,
        seeded_feeds,
    )
else:  # in the guest the scripts lie beside each other, and edgeml_devices is not there
    from litert_model import LitertModel
    from profile_engine import (
        ATTACH,
        CALL_BEGIN,
        CALL_END,
        RUN_BEGIN,
        RUN_END,
        WARM_UPS,
        mark,
        read_feeds,
        seeded_feeds,
    )

_Events = list[dict[str, Any]]


def main() -> None:
    """Profile the model that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("model")
    parser.add_argument("--inputs")
    parser.add_argument("--warm-caches", action="store_true")
    options = parser.parse_args()
    try:
        if options.engine not in _PROFILERS:
            raise UnsupportedError(
                f"{options.engine} tells nothing of its operators.", "Use another engine."
            )
        events = _PROFILERS[options.engine](options)
    except EdgemlError as error:
        print(json.dumps(error.to_json()))
        sys.exit(error.exit_code)
    print(json.dumps({"events": events}))


def profile_litert(options: argparse.Namespace) -> _Events:
    """Return the events of LiteRT, with or without XNNPACK."""
    engine = open_engine(options.engine, options.model)
    feeds = _feeds(engine, options.inputs)
    model = LitertModel(options.model, options.engine)
    model.write([feeds[spec.name] for spec in engine.inputs])
    engine.close()
    infer = model.prepare()
    _run_marked(infer, _warm_ups(options), model.restart_profile)
    events: _Events = model.events()
    return events


def profile_onnxruntime(options: argparse.Namespace) -> _Events:
    """Return the events of onnxruntime, run as the runtime runs it but for the profiler."""
    import onnxruntime  # noqa: PLC0415 - a board may lack it

    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder) / "profile")

        class ProfiledOptions(onnxruntime.SessionOptions):  # type: ignore[misc]  # ships no types
            def __init__(self) -> None:
                super().__init__()
                self.enable_profiling = True
                self.profile_file_prefix = prefix

        onnxruntime.SessionOptions = ProfiledOptions
        sessions: list[Any] = []
        run = onnxruntime.InferenceSession.run

        def watched(session: Any, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401 - as it is
            sessions.append(session)
            return run(session, *arguments, **keywords)

        onnxruntime.InferenceSession.run = watched
        engine = open_engine(options.engine, options.model)
        feeds = _feeds(engine, options.inputs)
        _run_marked(lambda: engine.run(feeds), _warm_ups(options), _nothing)
        records = json.loads(Path(sessions[0].end_profiling()).read_text(encoding="utf-8"))
    runs = [record for record in records if record.get("name") == "model_run"]
    begin = runs[-1]["ts"]
    return [
        {
            "name": record["name"].removesuffix("_kernel_time"),
            "kind": record["args"]["op_name"],
            "start_us": record["ts"],
            "duration_us": record["dur"],
        }
        for record in records
        if record.get("cat") == "Node"
        and record["name"].endswith("_kernel_time")
        and record["ts"] >= begin
    ]


def _feeds(engine: Engine, inputs: str | None) -> dict[str, Any]:
    feeds: dict[str, Any] = read_feeds(engine, inputs) if inputs else seeded_feeds(engine)
    return feeds


def _warm_ups(options: argparse.Namespace) -> int:
    needed: int = WARM_UPS[options.engine]
    return max(needed, 1 if options.warm_caches else 0)


def _run_marked(infer: Callable[[], Any], warm_ups: int, before_last: Callable[[], None]) -> None:
    for remaining in range(warm_ups, 0, -1):
        if remaining == 1:
            mark(ATTACH)
        infer()
    mark(ATTACH)
    before_last()
    mark(CALL_BEGIN)
    mark(RUN_BEGIN)
    infer()
    mark(RUN_END)
    mark(CALL_END)


def _nothing() -> None:
    """Stand for an engine whose profiler needs no restart."""


_PROFILERS: dict[str, Callable[[argparse.Namespace], _Events]] = {
    "litert": profile_litert,
    "litert-builtin": profile_litert,
    "onnxruntime": profile_onnxruntime,
}

if __name__ == "__main__":
    main()
