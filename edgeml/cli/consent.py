"""Asking the user before something large or lasting is done."""

import sys
from collections.abc import Callable


def consent_by(yes: bool) -> Callable[[str], bool]:
    """Return what answers questions: ``--yes`` agrees, a terminal is asked, else nobody agrees."""
    return (lambda _question: True) if yes else _ask


def _ask(question: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
