"""Ctrl-C while boards are emulated: every emulator that was started ends, and so do we."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgeml_devices.emulation import ensure_sysroot
from edgeml_devices.profile import load_device

pytestmark = pytest.mark.emulated


@pytest.fixture(autouse=True, scope="module")
def board() -> None:
    """Set the board up, as the files of its packages' tool are not what is looked for here."""
    ensure_sysroot(load_device("rpi4"))


def _interrupted(arguments: list[str | Path], moment: str, scratch: Path) -> tuple[int, str]:
    """Interrupt a command when it says *moment*; its temporary files lie in *scratch*."""
    with subprocess.Popen(
        [sys.executable, "-m", "edgeml", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    ) as child:
        assert child.stderr is not None
        said = []
        for line in child.stderr:
            said.append(line)
            if moment in line:
                child.send_signal(signal.SIGINT)
                break
        said.append(child.stderr.read())
        return child.wait(timeout=60), "".join(said)


def _started_on(scratch: Path) -> list[str]:
    """Return the command lines of processes that work on files in *scratch*, and on no others."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue  # it has ended meanwhile
        if str(scratch) in line:
            found.append(line)
    return found


@pytest.mark.parametrize("moment", ["emulating one inference", "pricing blocks"])
def test_a_profile_ends_with_its_emulators(converted: Path, tmp_path: Path, moment: str) -> None:
    # Four variants and two workers, so that some emulations run and others wait for their turn.
    command: list[str | Path]
    command = ["profile", converted / "fashion.edgeml", "--target", "rpi4", "--no-cache"]
    code, said = _interrupted(command, moment, tmp_path)
    assert code == 130
    assert said.splitlines()[-1] == "interrupted; nothing was left half-written"
    assert "Traceback" not in said
    assert not _started_on(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_ends_with_its_emulator(converted: Path, example: Path, tmp_path: Path) -> None:
    command: list[str | Path]
    command = ["run", converted / "fashion.edgeml", example / "test.npz", "--target", "rpi4"]
    code, said = _interrupted(command, "running the bundle", tmp_path)
    assert code == 130
    assert said.splitlines()[-1] == "interrupted; nothing was left half-written"
    assert "Traceback" not in said
    assert not _started_on(tmp_path)
    assert not list(tmp_path.iterdir())
