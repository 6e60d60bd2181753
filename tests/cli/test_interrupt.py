"""Ctrl-C: one line, exit code 130, and the output folder as it was."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Lines of progress, at each of which the conversion is interrupted once.
MOMENTS = ("optimizing", "calibrate", "verifying fashion.float32.onnx", "scoring fashion.int8")


def _interrupted(command: list[str], moment: str) -> tuple[int, str]:
    """Start *command*, interrupt it when it says *moment*; return its exit code and stderr."""
    said = []
    with subprocess.Popen(
        [sys.executable, "-m", "edgeml", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509 - no other thread runs here
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            said.append(line)
            if moment in line:
                os.kill(child.pid, signal.SIGINT)
                break
        said.append(child.stderr.read())
    return child.returncode, "".join(said)


def _heed_interrupts() -> None:
    """Undo what a shell does to the programs that it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_conversion_leaves_nothing(
    conversion_command: Callable[[Path], list[str]], tmp_path: Path, moment: str
) -> None:
    code, said = _interrupted(conversion_command(tmp_path / "out"), moment)
    assert code == 130
    assert said.splitlines()[-1] == "interrupted; nothing was left half-written"
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_a_former_conversion_stays(
    conversion_command: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    former = {name: name.encode() for name in ("fashion.int8.onnx", "fashion.edgeml", "notes.txt")}
    for name, content in former.items():
        (tmp_path / name).write_bytes(content)
    code, _ = _interrupted(conversion_command(tmp_path), "scoring fashion.float32.tflite")
    assert code == 130
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == former
