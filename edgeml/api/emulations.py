"""Several emulations at a time, all of which end when one is told to stop."""

import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from edgeml_runtime.errors import EngineCrashError

Result = TypeVar("Result")

WORKERS = 2
"""An emulation takes one core and much memory bandwidth; two of them fit a small CI runner."""


def run_together(
    jobs: Iterable[Callable[[], Result]],
) -> list[Result | EngineCrashError]:
    """Run *jobs* two at a time and return their results in order.

    An engine that died is a result as well: it says something of that engine, not of the others.
    Any other error, and Ctrl-C, stops everything and is raised.
    """
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="emulation") as pool:
        futures = [pool.submit(_outcome, job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # A thread may be between two programs just now, and start the second.
            while not all(future.done() for future in futures):
                _end_children()
                wait(futures, timeout=0.05)
            raise


def _outcome(job: Callable[[], Result]) -> Result | EngineCrashError:
    try:
        return job()
    except EngineCrashError as error:
        return error


def _end_children() -> None:
    """End the programs that our threads wait for, which lead process groups of their own."""
    for task in Path("/proc/self/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except FileNotFoundError:  # the thread has ended meanwhile
            continue
        for pid in children:
            with suppress(ProcessLookupError):
                os.killpg(int(pid), signal.SIGKILL)
