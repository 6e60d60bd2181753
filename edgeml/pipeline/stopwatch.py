"""Where the time of a conversion goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up seconds by the name of the step."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Add the time of the ``with`` block to *step*."""
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self._seconds[step] = self._seconds.get(step, 0.0) + elapsed

    def seconds(self) -> dict[str, float]:
        """Return the steps in the order they first ran, to the millisecond."""
        return {step: round(seconds, 3) for step, seconds in self._seconds.items()}
