"""The watch over memory, threads and files sees what it is there to see."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.endurance.cases import FRAMES, INFERENCES, cases, run_case
from benchmarks.endurance.files import write_files
from benchmarks.endurance.footprint import footprint


def _quiet(turns: int) -> Iterator[None]:
    for _ in range(turns):
        yield


def test_what_holds_nothing_is_flat() -> None:
    found = footprint(_quiet(20_000), 20_000)
    assert found.flat
    assert found.turns == 20_000
    assert found.start_mib > 1.0
    assert found.threads == (threading.active_count(), threading.active_count())


def test_memory_that_grows_is_seen() -> None:
    kept = []

    def leak() -> Iterator[None]:
        for _ in range(1000):
            kept.append(b"x" * (1 << 16))
            yield

    found = footprint(leak(), 1000)
    assert not found.flat
    assert found.slope_kib == pytest.approx(64 * 1e5, rel=0.2)


def test_a_file_that_is_left_open_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "any"
    path.write_bytes(b"")
    kept = []

    def leak() -> Iterator[None]:
        for turn in range(1000):
            if turn == 500:
                kept.append(path.open("rb"))
            yield

    found = footprint(leak(), 1000)
    kept[0].close()
    assert found.files[1] == found.files[0] + 1
    assert not found.flat


def test_every_case_does_its_turns(tmp_path: Path) -> None:
    bundle = write_files(tmp_path)
    for case in cases():
        assert case.turns in (INFERENCES, FRAMES)
        assert sum(1 for _ in run_case(case, bundle, 120)) == 120, case.name
