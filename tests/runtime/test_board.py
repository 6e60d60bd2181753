"""The number of threads that suits a board, by what its kernel tells of its cores."""

import os
import re
from pathlib import Path
from typing import Optional

import pytest

from edgeml_runtime import selftest
from edgeml_runtime.selftest import board_identity, board_threads, cpu_name


def _cores(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    values: list[int],
    quota: Optional[str],
) -> None:
    for core, value in enumerate(values):
        path = folder / f"cpu{core}" / file
        path.parent.mkdir(parents=True)
        path.write_text(f"{value}\n", encoding="utf-8")
    if quota is not None:
        (folder / "cpu.max").write_text(f"{quota}\n", encoding="utf-8")
    monkeypatch.setattr(selftest, "_CPUS", str(folder))
    monkeypatch.setattr(selftest, "_CGROUPS", str(folder))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(len(values))), raising=False)


@pytest.mark.parametrize(
    ("values", "quota", "threads", "reason"),
    [
        ([1024] * 4, None, 4, "4 cores"),  # a Raspberry Pi
        ([430] * 4 + [1024] * 2 + [1010] * 2, None, 4, "4 fast cores"),  # a ROCK 5B
        ([381] * 2 + [1024] * 4, "max 100000", 4, "4 fast cores"),  # an ODROID-N2
        ([1024] * 2, None, 2, "2 cores"),
        ([1024] * 16, None, 4, "16 cores of .*and at most 4"),
        ([1024] * 4, "250000 100000", 2, "the container may use 2 of 4 cores"),
        ([1024] * 4, "50000 100000", 1, "the container may use 1 of 4 cores"),
        ([1024] * 4, "nonsense", 4, "4 cores"),
    ],
)
@pytest.mark.parametrize("file", ["cpu_capacity", "cpufreq/cpuinfo_max_freq"])
def test_one_thread_for_each_fast_core(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    values: list[int],
    quota: Optional[str],
    threads: int,
    reason: str,
) -> None:
    _cores(tmp_path, monkeypatch, file, values, quota)
    found, because = board_threads()
    assert found == threads
    assert re.match(reason, because) is not None, because


def test_a_kernel_that_tells_nothing_gives_the_cores_that_may_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cores(tmp_path, monkeypatch, "other", [0, 0, 0], None)
    assert board_threads()[0] == 3


def test_this_machine_is_told_the_same_each_time() -> None:
    assert board_identity() == board_identity()
    assert os.uname().machine in board_identity()
    assert cpu_name().startswith(os.uname().machine)
