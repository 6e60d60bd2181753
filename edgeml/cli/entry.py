"""`main`: runs a command line and turns whatever happens into text and an exit code."""

import errno
import io
import json
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from edgeml.cli.app import app
from edgeml_converters.isolation import supervise
from edgeml_runtime.errors import EdgemlError, InputError, InternalError

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""
PIPE_CLOSED = 141
"""128 + SIGPIPE: the reader of our output has gone away."""
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: The arguments without the program's name. By default those of the process, which is
            then supervised: a crash of native code is an error like others.

    Returns:
        The exit code: 0 ok, 1 a gate failed, 2 bad input or usage, 3 a missing tool, 4 a defect of
        edgeml, 130 on Ctrl-C, 141 when the reader of the output went away.
    """
    _prepare_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    # onnx_ir logs a traceback where onnx cannot infer a shape; what comes of it is told in words.
    logging.getLogger("onnx_ir").setLevel(logging.CRITICAL)
    if argv is not None:
        return _run(arguments)
    try:
        return supervise(lambda: _run(arguments))
    except EdgemlError as error:
        return _fail(error, arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        return _run_command(arguments)
    except KeyboardInterrupt:
        print("interrupted; nothing was left half-written", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return PIPE_CLOSED


def _run_command(arguments: Sequence[str]) -> int:
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except typer.TyperException as error:
        return _fail(_usage_error(error), arguments)
    except EdgemlError as error:
        return _fail(error, arguments)
    except Exception as error:  # noqa: BLE001 - the last resort, so that a defect is one line too
        return _fail(_unworded_error(error), arguments)
    return code


def _invoke(arguments: Sequence[str]) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context("edgeml", list(arguments)) as context:
            code = command.invoke(context)
    except typer.Exit as request:
        return request.exit_code
    return code if isinstance(code, int) else 0


def _usage_error(error: typer.TyperException) -> InputError:
    context = getattr(error, "ctx", None)
    command = "edgeml" if context is None else context.command_path
    problem = " ".join(error.format_message().split()).rstrip(".")
    return InputError(f"{problem}.", f"Type `{command} --help` for the usage.")


def _unworded_error(error: Exception) -> EdgemlError:
    """Return the error for what no layer below has put into words."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return InputError(
            f"The output cannot be written: {error.strerror}.",
            "Make room on the disk, or write to another one.",
        )
    if isinstance(error, MemoryError):
        return InputError(
            "The model or the data need more memory than there is.",
            "Close other programs, or take a machine with more memory.",
        )
    return InternalError(
        f"edgeml failed with {type(error).__name__}: {_first_line(error)}",
        "This is a defect of edgeml: run again with --debug, and report what it prints.",
    )


def _fail(error: EdgemlError, arguments: Sequence[str]) -> int:
    """Print an error, as text for people and as a document where ``--json`` was asked for."""
    if _has_flag(arguments, "--debug"):
        traceback.print_exc()
    print(f"error: {error.problem}\n  {error.remedy}", file=sys.stderr)
    try:
        if _has_flag(arguments, "--json"):
            print(json.dumps(error.to_json(), indent=2))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:  # what went wrong stands on stderr already
        _discard_output()
    return error.exit_code


def _has_flag(arguments: Sequence[str], flag: str) -> bool:
    """Say whether a flag was given; by the raw arguments, as a usage error has no others."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return flag in options


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]


def _prepare_streams() -> None:
    """Make sure that anything can be printed: to closed streams, and file names of any bytes."""
    nowhere = Path(os.devnull)
    if sys.stdout is None:
        sys.stdout = nowhere.open("w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = nowhere.open("w", encoding="utf-8")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Point stdout to nothing, or the interpreter would complain when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
