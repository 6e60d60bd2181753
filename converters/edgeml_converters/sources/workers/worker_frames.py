"""What the workers of all frameworks share: frames, the error document, quiet streams.

A worker runs in the framework's own interpreter, where edgeml is not installed and Python may be
another version: this needs the standard library and numpy. Must not know any framework.
"""

import io
import json
import os
import struct
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

Options = Mapping[str, Any]
Arrays = Mapping[str, np.ndarray]
Answer = Callable[[dict[str, np.ndarray]], Arrays]
_LENGTH = struct.Struct("<Q")


class UserError(Exception):
    """A failure that is explained to the user; see ``edgeml_runtime.errors``.

    Args:
        problem: One sentence that says what happened and where.
        remedy: One sentence that says what to do about it.
        exit_code: 1 the export is wrong, 2 bad input, 3 something is missing.
    """

    def __init__(self, problem: str, remedy: str, exit_code: int = 2) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy
        self.exit_code = exit_code


def serve(answer: Answer, stream: BinaryIO) -> None:
    """Say ``ready``, then answer requests until stdin ends.

    Args:
        answer: Called with the inputs by name, returns the outputs by name.
        stream: Where answers go, as `claimed_output` returned it.
    """
    stream.write(b"ready\n")
    stream.flush()
    while header := sys.stdin.buffer.read(_LENGTH.size):
        (size,) = _LENGTH.unpack(header)
        with np.load(io.BytesIO(sys.stdin.buffer.read(size)), allow_pickle=False) as archive:
            inputs = {name: archive[name] for name in archive.files}
        outputs: Arrays
        try:
            outputs = answer(inputs)
        except Exception as error:  # noqa: BLE001 - whatever a model raises is the answer to this request
            traceback.print_exc()
            outputs = {"__error__": np.array(cause_of(error))}
        data = io.BytesIO()
        np.savez(data, **outputs)  # type: ignore[arg-type]  # its stub takes the names for options
        stream.write(_LENGTH.pack(data.getbuffer().nbytes))
        stream.write(data.getbuffer())
        stream.flush()


def main(
    export: Callable[[str, Path, Options], Mapping[str, Any]],
    open_model: Callable[[str, Options], Answer],
) -> int:
    """Run the worker's command line and return its exit code.

    Args:
        export: ``export(spec, folder, options)`` writes ``model.onnx`` into the folder and returns
            the record without its schema.
        open_model: ``open_model(spec, options)`` returns what `serve` calls.
    """
    stream = claimed_output()
    sys.path.append(str(Path.cwd()))
    command, spec, *rest = sys.argv[1:]
    options = json.loads(Path(rest[-1]).read_text(encoding="utf-8"))
    try:
        if command == "export":
            folder = Path(rest[0])
            record = {"schema": "edgeml.export/1", **export(spec, folder, options)}
            (folder / "export.json").write_text(json.dumps(record, indent=2), encoding="utf-8")
        else:
            serve(open_model(spec, options), stream)
    except UserError as error:
        traceback.print_exc()
        document = {
            "schema": "edgeml.error/1",
            "problem": error.problem,
            "remedy": error.remedy,
            "exit_code": error.exit_code,
        }
        stream.write(f"\n{json.dumps(document)}\n".encode())
        stream.flush()
        return error.exit_code
    return 0


def claimed_output() -> BinaryIO:
    """Return the real stdout, and send whatever else is printed, by C code too, to stderr."""
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stream


def cause_of(error: BaseException) -> str:
    """Return what lies at the root of *error* in one line, and where the user's own code met it."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text.rstrip(".:") + _place(error)


def _place(error: BaseException) -> str:
    """Return the last line of code on the way to *error* that is in no library."""
    libraries = (sys.prefix, sys.base_prefix, str(Path(__file__).parent), "<")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(libraries):
            return f" ({Path(frame.filename).name}, line {frame.lineno}: {frame.line})"
    return ""
