"""Running a program so that it, and whatever it starts, is gone when we are done with it.

Knows process groups; must not know which programs are run.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO


@dataclass(frozen=True)
class Finished:
    """What a program left: return code (minus the signal when one killed it) and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


class Job(AbstractContextManager["Job"]):
    """A running program in a process group of its own.

    Leaving the ``with`` block, by Ctrl-C too, kills what is left of the group.

    Args:
        command: Program and arguments.
        environment: The whole environment; ``None`` for our own.
        merge_errors: Let the program's errors go where its output goes.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        environment: Mapping[str, str] | None = None,
        *,
        folder: Path | None = None,
        merge_errors: bool = False,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge_errors else subprocess.PIPE,
            env=environment,
            cwd=folder,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    @property
    def output(self) -> IO[str]:
        """What the program writes, line by line as it comes."""
        assert self._process.stdout is not None
        return self._process.stdout

    def wait(self, timeout_s: float | None = None) -> Finished:
        """Return what the program left, once it ended.

        Raises:
            subprocess.TimeoutExpired: It still runs after *timeout_s*.
        """
        stdout, stderr = self._process.communicate(timeout=timeout_s)
        return Finished(self._process.returncode, stdout or "", stderr or "")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill what still runs and free the pipes."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def run(
    command: Sequence[str | os.PathLike[str]],
    environment: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    folder: Path | None = None,
) -> Finished:
    """Run *command* to its end and return what it left.

    Raises:
        FileNotFoundError: There is no such program.
        subprocess.TimeoutExpired: It ran longer than *timeout_s* and was killed.
    """
    with Job(command, environment, folder=folder) as job:
        return job.wait(timeout_s)
