"""Runs a command and writes what it cost: ``watcher.py RECORD TIMEOUT_S COMMAND...``.

A program of its own, of the standard library, because the kernel counts a process's peak memory
from the process that it was forked from. Needs Linux's /proc.
"""

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

_PERIOD_S = 0.05
_REST = 20.0
"""Looking takes the longer the more memory there is; it rests as many times as long."""


def main() -> None:
    """Run the command that the arguments name."""
    record, timeout_s, command = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            os.execvp(command[0], command)  # noqa: S606 - the command is the caller's
        except OSError as error:
            sys.stderr.write(f"{command[0]}: {error.strerror}\n")
            os._exit(127)
    try:
        record.write_text(json.dumps(_watched(child, timeout_s)), encoding="utf-8")
    finally:  # whatever ends the watcher, Ctrl-C included, leaves nothing running
        _end(child)


def _watched(child: int, timeout_s: float) -> dict[str, float]:
    """Return what *child* cost when it has ended; it is ended when its time or its user is gone."""
    end, user = time.monotonic() + timeout_s, os.getppid()
    largest_kib = before_kib = 0
    while True:
        begin = time.monotonic()
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            break
        now_kib = _tree_kib(child)
        # What is seen once only may be a process that is starting another, counted as both.
        largest_kib, before_kib = max(largest_kib, min(now_kib, before_kib)), now_kib
        now = time.monotonic()
        if now > end or os.getppid() != user:
            _end(child)
        time.sleep(max(_PERIOD_S, _REST * (now - begin)))
    return {
        "exit_code": os.waitstatus_to_exitcode(status),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mib": round(max(largest_kib, usage.ru_maxrss) / 1024, 1),
    }


def _end(child: int) -> None:
    """End a process and all of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _tree_kib(root: int) -> int:
    """Return the sum of the proportional set sizes of a process and all below it.

    Of a process alone the kernel knows the peak, so nothing is summed, which takes time.
    """
    found = [root]
    for process in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{process}/task").iterdir():
                found += map(int, (task / "children").read_text(encoding="ascii").split())
    total = 0
    for process in found if len(found) > 1 else ():
        with contextlib.suppress(OSError):
            total += _proportional_kib(process)
    return total


def _proportional_kib(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
