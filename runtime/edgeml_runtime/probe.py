"""Tries a model in a process of its own, so that what would kill the program is a message instead.

An engine that was built for a newer processor dies of an illegal instruction when it is imported,
or only when it runs. The child runs the self-test too, so that it is not run a second time.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any, Optional
from warnings import catch_warnings, simplefilter

from edgeml_runtime.bundle import Bundle, open_bundle
from edgeml_runtime.choice import Choice
from edgeml_runtime.engines import import_engine
from edgeml_runtime.errors import EdgemlError, EngineCrashError, GateError
from edgeml_runtime.memory import remember
from edgeml_runtime.selftest import cpu_name
from edgeml_runtime.session import open_model, proof_key

_PROGRAM = (
    "import json, sys; path, *arguments = json.loads(sys.argv[1]); sys.path[:] = path\n"
    "from edgeml_runtime.probe import try_model; try_model(1, *arguments)"
)
_DEATHS = {
    "SIGILL": "an illegal instruction",
    "SIGKILL": "being killed, most likely for want of memory",
    "SIGSEGV": "a segmentation fault",
}


def prove(bundle: Bundle, choice: Choice) -> dict[str, Any]:
    """Run the self-test, in a child process where there can be one, and remember the outcome.

    Returns:
        The record that is remembered. It has ``died`` when the processor refused an instruction,
        which it always will.

    Raises:
        GateError: The answers are not the source model's.
        EngineCrashError: The engine killed the child in another way.
        InputError, MissingToolError: As ``open_model``.
    """
    engine = f"{choice.engine} {choice.version}"
    key = proof_key(bundle.manifest, choice)
    try:
        found = tried_apart(bundle, choice)
    except EngineCrashError as error:
        if "(SIGILL)" not in error.problem:
            raise
        return remember(key, died=error.problem, remedy=error.remedy)
    apart = found is not None
    if found is None:
        model = open_model(bundle, choice.variant, choice.engine, 1)
        found = model.self_test().to_json()
        model.close()
    if not found["passed"]:
        error_text = "inf" if found["worst_error"] is None else f"{found['worst_error']:.3g}"
        raise GateError(
            f"The self-test of {choice.variant.id} in {engine} failed: an output is off by "
            f"{error_text}, and {found['tolerance']:.3g} is allowed.",
            "Try another engine or variant, and report the engine's version and this board.",
        )
    del found["outputs_sha256"]
    return remember(key, **found, apart=apart)


def tried_apart(bundle: Bundle, choice: Choice) -> Optional[dict[str, Any]]:
    """Return the outcome of the self-test in a child process, as ``SelfTest.to_json`` has it.

    None when there can be no child, or when it ended with an error, which is met again here.

    Raises:
        EngineCrashError: The engine killed the child.
    """
    path = os.path.abspath(bundle.path)
    died, said = _run((path, choice.variant.id, choice.engine))
    if died:
        stage = "it ran the model" if b"imported" in said else "it was imported"
        raise _death(f"{choice.engine} {choice.version}", died, stage)
    return _outcome(said)


def try_model(output: int, path: str, variant_id: str, engine_name: str) -> None:
    """Load and run a model; write a line for each stage and the outcome to the descriptor."""
    try:
        bundle = open_bundle(path)
        import_engine(engine_name)
        os.write(output, b"imported\n")
        model = open_model(bundle, bundle.manifest.variant(variant_id), engine_name, 1)
        outcome = model.self_test()
        if not outcome.samples:
            model.engine.run(model.example_feeds()[0])
        os.write(output, json.dumps(outcome.to_json()).encode())
    except EdgemlError:
        return  # it is met again in the parent


def _run(arguments: tuple[Any, ...]) -> tuple[str, bytes]:
    """Return the signal that killed the child, or "", and what it wrote, which may be nothing."""
    try:
        code, said = _run_anew(arguments)
    except OSError:
        if threading.active_count() > 1:  # of a forked process only one thread is left
            return "", b""
        code, said = _run_forked(arguments)
    return signal.Signals(-code).name if code < 0 else "", said


def _outcome(said: bytes) -> Optional[dict[str, Any]]:
    try:
        return dict(json.loads(said.splitlines()[-1]))
    except (IndexError, ValueError):
        return None


def _run_anew(arguments: tuple[Any, ...]) -> tuple[int, bytes]:
    if not sys.executable or getattr(sys, "frozen", False):
        raise OSError("This Python cannot be started.")
    command = (sys.executable, "-c", _PROGRAM, json.dumps([sys.path, *arguments]))
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout


def _run_forked(arguments: tuple[Any, ...]) -> tuple[int, bytes]:
    """Run a copy of this process: where Python is embedded, frozen or emulated."""
    reader, writer = os.pipe()
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)  # of Python 3.12, for threads of libraries
        child = os.fork()
    if child == 0:
        try:
            try_model(writer, *arguments)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    return -(status & 127), said


def _death(engine: str, name: str, stage: str) -> EngineCrashError:
    library = engine.replace(" ", "==")
    remedy = f"Install another version of the engine than {library}, or use another engine."
    if name == "SIGILL":
        remedy = f"This processor lacks an instruction that this version uses. {remedy}"
    return EngineCrashError(
        f"{engine} died of {_DEATHS.get(name, 'a signal')} ({name}) while {stage} on {cpu_name()}.",
        remedy,
    )
