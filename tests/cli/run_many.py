"""Runs many command lines, each in a process forked from this one, which has loaded all libraries.

One JSON list of arguments a line on stdin; on stdout, a line for each: its exit code (negative for
a signal), and what it wrote.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

LOADED = (
    "ai_edge_litert.interpreter",
    "edgeml.api.comparison",
    "edgeml.api.conversion",
    "edgeml.api.inspection",
    "edgeml_runtime.engines.tflite_engine",
    "edgeml_runtime.engines.onnxruntime_engine",
)


def main() -> None:
    """Answer every line."""
    for name in LOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            code = _run(json.loads(line), Path(folder))
            out, err = (_text(Path(folder) / name) for name in ("out", "err"))
        print(json.dumps({"code": code, "out": out, "err": err}), flush=True)


def _run(arguments: list[str], folder: Path) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    sys.argv = ["edgeml", *arguments]
    code = importlib.import_module("edgeml.cli").main()
    sys.stdout.flush()
    os._exit(code)


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


if __name__ == "__main__":
    main()
