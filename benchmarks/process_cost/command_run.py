"""Running a command below a watcher that is small enough not to count."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_WATCHER = Path(__file__).with_name("watcher.py")


@dataclass(frozen=True)
class CommandRun:
    """How a command ended and what it cost.

    Args:
        exit_code: Negative when a signal ended it.
        cpu_s: User and system time of it and of every process below it.
        peak_mib: The most memory that all its processes held at one time: the sum of their
            proportional set sizes, looked at up to 20 times a second, or the peak of the largest
            process as the kernel knows it, if that is more.
        log: What it said, the end of it.
    """

    exit_code: int
    cpu_s: float
    peak_mib: float
    log: str


def run_measured(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout_s: float = 1800.0,
) -> CommandRun:
    """Run *command*, whatever becomes of it.

    Args:
        command: Program and arguments.
        environment: Variables beside those of this process.
        folder: Where it runs.
        timeout_s: It is ended then, with the exit code -9.
    """
    with tempfile.TemporaryDirectory(prefix="edgeml-watch-") as name:
        record, log = Path(name) / "record.json", Path(name) / "log"
        watcher = (sys.executable, "-I", "-S", str(_WATCHER), str(record), str(timeout_s))
        with log.open("wb") as stream:
            subprocess.run(
                [*watcher, *command],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=None if environment is None else {**os.environ, **environment},
                cwd=folder,
            )
        said = log.read_bytes()[-20_000:].decode("utf-8", "replace")
        return CommandRun(log=said, **json.loads(record.read_bytes()))
