"""Programs are gone when we are done with them."""

import subprocess
from pathlib import Path

import pytest

from edgeml_devices.process import Job, run


def test_what_a_program_leaves() -> None:
    left = run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (left.returncode, left.stdout, left.stderr) == (3, "out\n", "err\n")


def test_the_environment_is_only_what_is_given() -> None:
    assert run(["/usr/bin/env"], {"A": "1"}).stdout == "A=1\n"


def test_lines_come_as_they_are_written() -> None:
    with Job(["sh", "-c", "echo one; echo two >&2"], merge_errors=True) as job:
        assert sorted(job.output) == ["one\n", "two\n"]
        assert job.wait().returncode == 0


def test_children_are_killed_too() -> None:
    with Job(["sh", "-c", "sleep 600 & echo $!; wait"]) as job:
        child = int(next(iter(job.output)))
        assert Path(f"/proc/{child}").exists()
    assert _is_dead(child)


def test_a_program_that_hangs_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run(["sleep", "600"], timeout_s=0.1)


def _is_dead(pid: int) -> bool:
    for _ in range(1000):  # the kernel takes a moment to end it
        stat = Path(f"/proc/{pid}/stat")
        if (
            not stat.exists()
            or stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
        ):
            return True
    return False
