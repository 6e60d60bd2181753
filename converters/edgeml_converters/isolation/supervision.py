"""A parent that does nothing but wait for the child that works.

Linux only, since elsewhere a signal does not say who sent it; there the work is done in place.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

from edgeml_converters.isolation.black_box import BlackBox, carry

_CAUSES = {
    signal.SIGABRT: "a call of abort()",
    signal.SIGBUS: "a bus error",
    signal.SIGFPE: "an arithmetic fault",
    signal.SIGILL: "an illegal instruction",
    signal.SIGKILL: "the system's SIGKILL, most likely for want of memory,",
    signal.SIGSEGV: "a segmentation fault",
}
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_BY_A_PROCESS = 0  # SI_USER: kill() sent it to us alone; a terminal tells the child by itself


def supervise(work: Callable[[], int]) -> int:
    """Return the exit code of *work*, done in a child process.

    Returns twice: in the child, which is to end the program as it would have; and in the parent,
    when the child has ended. Signals to the parent reach the child.

    Raises:
        EdgemlError: In the parent: the child died. What it left half-made is removed. The kind of
            error is that of the `risk` which it noted last.
    """
    if sys.platform != "linux":
        return work()
    box = BlackBox()
    watched = {signal.SIGCHLD, *(s for s in _PASSED_ON if signal.getsignal(s) != signal.SIG_IGN)}
    former = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        _die_with(parent)
        carry(box)
        return _noted(work, box)
    try:
        status, last = _wait(child, watched)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    notes = box.read()
    notes.clean_up()
    number = os.WTERMSIG(status)
    if notes.result is not None:
        return notes.result  # an engine that crashes as it is unloaded has done its work
    if number == last or number in _PASSED_ON:
        _end_by(number)
    raise notes.error(_CAUSES.get(signal.Signals(number), f"the signal {number}"))


def _noted(work: Callable[[], int], box: BlackBox) -> int:
    box.notes.result = work()
    box.save()
    return box.notes.result


def _die_with(parent: int) -> None:
    """Let the kernel end this process when its parent is killed, and does not live to tell it."""
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def _wait(child: int, watched: set[signal.Signals]) -> tuple[int, int]:
    """Return how the child ended, and the last signal that was passed on to it."""
    last = 0
    while True:
        info = signal.sigwaitinfo(watched)
        if info.si_signo != signal.SIGCHLD and info.si_code <= _BY_A_PROCESS:
            last = info.si_signo
            os.kill(child, last)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status, last


def _end_by(number: int) -> None:
    """End this process by the signal that ended its child, as a shell expects it."""
    sys.stdout.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
