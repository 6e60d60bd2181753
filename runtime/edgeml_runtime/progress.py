"""How long work reports its progress: a callable, so that no layer below the program prints."""

from typing import Callable

Progress = Callable[[str, int, int], None]
"""``progress(task, done, total)``; *total* is 0 when it is not known."""


def silent(task: str, done: int, total: int) -> None:
    """Report nothing."""
