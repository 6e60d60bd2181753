"""Sources and models that behave as tests need them to."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
import pytest

from edgeml_runtime.stream.sources import Item


@dataclass(frozen=True)
class Seen:
    """The answer of a model that gives back what it is shown."""

    value: int

    def to_json(self) -> "dict[str, Any]":
        return {"value": self.value}

    def summary(self) -> str:
        return str(self.value)


class Steps:
    """A live source that gives what a test puts in, and is gone when it says so."""

    live = True

    def __init__(self, *turns: "list[Item]") -> None:
        self._turns = list(turns)
        self.opened = 0
        self.closed = 0
        self.go = threading.Semaphore(0)
        self.given = threading.Semaphore(0)

    def __repr__(self) -> str:
        return "the steps"

    def frames(self) -> Iterator[Item]:
        """Yield the next turn, a frame each time that ``go`` is released, and be gone."""
        self.opened += 1
        try:
            for item in self._turns.pop(0):
                self.go.acquire()
                yield item
                self.given.release()
            raise OSError("unplugged")
        finally:
            self.closed += 1


def show(frame: np.ndarray) -> Seen:
    """Answer with the first value of a frame."""
    return Seen(int(frame.flat[0]))


@pytest.fixture
def model() -> Callable[[np.ndarray], Seen]:
    """Return a model that answers with the first value of a frame."""
    return show


@pytest.fixture
def steps() -> "type[Steps]":
    """Return the source that tests drive."""
    return Steps


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail a test that leaves a thread behind."""
    before = threading.enumerate()
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not left, left
