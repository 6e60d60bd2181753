"""A program that works for us, and is gone when we are done with it.

Knows processes, their signals and streams; must not know what the program says.
"""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

ENDING_S = 10.0
"""How long a program that closed its output may take to end."""
TAIL_BYTES = 20_000


class Child:
    """A running program in a process group of its own, so that Ctrl-C reaches us alone.

    What it says on stderr is kept. Leaving the ``with`` block kills what is left of the group.

    Args:
        command: Program and arguments.
        environment: The whole environment; None for our own.
        folder: Where it works; None for our own folder.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.timed_out = False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the program
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError:
            self._log.close()
            raise

    @property
    def output(self) -> IO[bytes]:
        """What it writes."""
        assert self._process.stdout is not None
        return self._process.stdout

    def send(self, data: bytes) -> None:
        """Write to it.

        Raises:
            BrokenPipeError: It is no longer there, or no longer reads.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def lines(self) -> Iterator[str]:
        """Yield its output by the line, as it comes."""
        for line in self.output:
            yield line.decode("utf-8", "replace").rstrip("\r\n")

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Kill it, and note that, when the block takes longer than *seconds*."""
        timer = threading.Timer(seconds, self._kill_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def wait(self) -> int:
        """Return its exit code, or minus the signal that killed it; its output has ended."""
        try:
            return self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self._kill()
            return self._process.wait()

    def log(self) -> str:
        """Return the end of what it said on stderr."""
        size = os.fstat(self._log.fileno()).st_size
        data = os.pread(self._log.fileno(), TAIL_BYTES, max(0, size - TAIL_BYTES))
        return data.decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Kill what still runs, and free the streams."""
        self._kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill what still runs."""
        self.close()

    def _kill_late(self) -> None:
        self.timed_out = True
        self._kill()

    def _kill(self) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError):  # it ended this moment
                os.killpg(self._process.pid, signal.SIGKILL)
