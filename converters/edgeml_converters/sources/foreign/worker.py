"""A framework's worker: how it is started, what it leaves, and the words when it fails.

A worker is a script that runs in the framework's interpreter, where edgeml is not installed.
``WORKER export SPEC FOLDER OPTIONS.json`` writes ``model.onnx`` and ``export.json``;
``WORKER serve SPEC OPTIONS.json`` answers requests (see ``reference``). A user's error is the last
line of its output, an ``edgeml.error/1`` document.
"""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeml_converters.sources.foreign.child import Child
from edgeml_converters.sources.foreign.framework import Framework
from edgeml_runtime.errors import (
    EdgemlError,
    GateError,
    InputError,
    InternalError,
    MissingToolError,
)
from edgeml_runtime.progress import Progress, silent

EXPORT_TIMEOUT_S: Final = 3600.0
MODEL_NAME: Final = "model.onnx"
RECORD_NAME: Final = "export.json"
OPTIONS_NAME: Final = "options.json"
_ERRORS: Final = {kind.exit_code: kind for kind in (GateError, InputError, MissingToolError)}


@dataclass(frozen=True)
class ExportRecord:
    """What a worker says of its export.

    Args:
        framework: Name and version, such as ``torch 2.13.0``.
        exporter: Which of the framework's ways was taken.
        opset: The opset of the file.
        notes: What the user should know.
        labels: The names of the classes, where the model has them.
    """

    framework: str
    exporter: str
    opset: int
    notes: tuple[str, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Worker:
    """The worker of one model.

    Args:
        framework: Whose worker it is.
        python: The interpreter that has the framework.
        spec: What the user called the model.
        options: What goes into ``OPTIONS.json``.
    """

    framework: Framework
    python: Path
    spec: str
    options: Mapping[str, Any]

    def export(
        self, folder: Path, progress: Progress = silent, timeout_s: float = EXPORT_TIMEOUT_S
    ) -> ExportRecord:
        """Write ``model.onnx`` into *folder* and return what the worker says of it.

        Raises:
            EdgemlError: What the worker says, or how it ended without saying anything.
        """
        task = f"exporting {self.spec} with {self.framework.title}"
        progress(task, 0, 1)
        with self.start("export", folder, folder) as child:
            with child.limit(timeout_s):
                said = list(child.lines())
                code = child.wait()
            if code != 0 or child.timed_out:
                raise self.failure(child, said[-1] if said else "", f"exporting {self.spec}")
        progress(task, 1, 1)
        return self._record(folder)

    def start(self, command: str, options_folder: Path, *arguments: Path) -> Child:
        """Start the worker; ``OPTIONS.json`` is written into *options_folder*.

        Raises:
            MissingToolError: The interpreter cannot be run.
        """
        options = options_folder / OPTIONS_NAME
        options.write_text(json.dumps(self.options), encoding="utf-8")
        script = self.framework.worker
        try:
            return Child(
                [self.python, script, command, self.spec, *arguments, options],
                {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"},
            )
        except OSError as error:
            raise MissingToolError(
                f"{self.python} cannot be run: {error.strerror or error}.",
                f"Set {self.framework.python_variable} to an interpreter that has "
                f"{self.framework.title}.",
            ) from error

    def failure(self, child: Child, last_line: str, doing: str) -> EdgemlError:
        """Return the error for a worker that has ended, or was stopped, while *doing* something.

        What it said on stderr is a note of the error, so that ``--debug`` shows it.
        """
        code = child.wait()
        log = child.log()
        error = self._error(child, code, last_line, doing, log)
        if log:
            error.add_note(log)
        return error

    def _error(self, child: Child, code: int, last_line: str, doing: str, log: str) -> EdgemlError:
        title = self.framework.title
        if child.timed_out:
            return MissingToolError(
                f"{title} did not finish {doing} in time, and was stopped.",
                "Try a smaller model, or a machine with less to do.",
            )
        if code < 0:
            return MissingToolError(
                f"{title} was killed by {_signal_name(-code)} while {doing}.",
                "Free some memory and run again."
                if -code == signal.SIGKILL
                else f"Check that the model runs in {title} itself on this machine, with "
                f"{self.python}.",
            )
        told = _told_error(last_line)
        if told is not None:
            return told
        cause = (log.splitlines() or ["it said nothing"])[-1].strip().rstrip(".")
        return InternalError(
            f"The worker of {title} ended with code {code} while {doing}: {cause}.",
            "Run again with --debug, and report what it prints.",
        )

    def _record(self, folder: Path) -> ExportRecord:
        try:
            document = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
            return ExportRecord(
                framework=str(document["framework"]),
                exporter=str(document["exporter"]),
                opset=int(document["opset"]),
                notes=tuple(map(str, document["notes"])),
                labels=tuple(map(str, document.get("labels", ()))),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InternalError(
                f"The worker of {self.framework.title} left no sound record of its export: "
                f"{type(error).__name__}: {error}.",
                "Report it with the model.",
            ) from error


def _told_error(line: str) -> EdgemlError | None:
    """Return the error that the last line of a worker's output tells, if it tells one."""
    try:
        document = json.loads(line)
        kind = _ERRORS.get(document["exit_code"], InternalError)
        return kind(str(document["problem"]), str(document["remedy"]))
    except (ValueError, KeyError, TypeError):
        return None


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
