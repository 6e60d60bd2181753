"""Sources that need a framework, as far as that goes without one: consent, refusals, crashes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgeml_converters.sources.foreign.environment import find_python
from edgeml_converters.sources.foreign.framework import load_frameworks

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module in it, an empty cache, and no interpreter that has a framework."""
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EDGEML_TORCH_PYTHON", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text("def make(): ...\n")
    return tmp_path


@pytest.fixture
def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An interpreter that says it has everything, and then does what ``doing`` holds."""
    program = folder / "python"
    doing = folder / "doing"
    program.write_text(f'#!/bin/sh\ncase "$1" in -c) exit 0;; esac\n. "{doing}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("EDGEML_TORCH_PYTHON", str(program))
    return doing


def _needs_setting_up() -> None:
    if find_python(load_frameworks()["torch"]) is not None:
        pytest.skip("PyTorch is installed beside edgeml")


def test_without_a_terminal_nothing_is_fetched(edgeml: "RunCommand", folder: Path) -> None:
    _needs_setting_up()
    outcome = edgeml("convert", "nets:make", "-o", folder / "out", "--json")
    assert outcome.code == 3
    assert "PyTorch" in outcome.problem
    assert "--yes" in str(outcome.document["remedy"])
    assert sorted(path.name for path in folder.iterdir()) == ["nets.py"]


@pytest.mark.parametrize("spec", ["absent:make", "absent.py:make", "no/such.pt2", "C:/net.onnx"])
def test_what_is_not_there_is_told_before_anything_is_asked(
    edgeml: "RunCommand", folder: Path, spec: str
) -> None:
    outcome = edgeml("convert", spec, "-o", folder / "out", "--yes")
    assert outcome.code == 2
    assert spec in outcome.problem


@pytest.mark.parametrize("name", ["net.pt", "net.PTH"])
def test_a_pickle_is_refused(edgeml: "RunCommand", folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"PK\x03\x04")
    outcome = edgeml("convert", name, "-o", folder / "out", "--yes")
    assert outcome.code == 2
    assert "pickle" in outcome.problem


@pytest.mark.parametrize(
    ("doing", "code", "words"),
    [
        ("kill -SEGV $$", 3, "killed by signal 11 (SIGSEGV) while exporting nets:make"),
        ("kill -KILL $$", 3, "killed by signal 9 (SIGKILL)"),
        ("echo oh dear >&2; exit 7", 4, "ended with code 7 while exporting nets:make: oh dear"),
        ("exit 0", 4, "left no sound record"),
        (
            'echo \'{"problem": "It is red.", "remedy": "Paint it.", "exit_code": 2}\'; exit 2',
            2,
            "It is red.",
        ),
    ],
)
def test_how_an_export_ends_badly(
    edgeml: "RunCommand", stand_in: Path, doing: str, code: int, words: str
) -> None:
    stand_in.write_text(doing)
    outcome = edgeml("convert", "nets:make", "-o", "out")
    assert outcome.code == code
    assert words in outcome.problem
    assert not Path("out").exists()


def _heed_interrupts() -> None:
    """Undo what a shell does to the programs that it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_the_framework(folder: Path, stand_in: Path) -> None:
    stand_in.write_text('echo $$ > "worker.pid"; exec sleep 600')
    with subprocess.Popen(
        [sys.executable, "-m", "edgeml", "convert", "nets:make", "-o", "out"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509 - no other thread runs here
    ) as process:
        pid = folder / "worker.pid"
        while not (pid.is_file() and pid.read_text().strip()):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert said.splitlines()[-1] == "interrupted; nothing was left half-written"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x:1x3:int65", "unknown type 'int65'"),
        ("x:1x3:", "does not have the form"),
        ("x:int64", "does not have the form"),
        ("x:0x3", "does not have the form"),
    ],
)
def test_input_shapes_that_are_none(edgeml: "RunCommand", text: str, words: str) -> None:
    outcome = edgeml("convert", "nets:make", "-o", "out", "--input-shape", text)
    assert outcome.code == 2
    assert words in outcome.problem


def test_a_type_that_a_file_contradicts(
    edgeml: "RunCommand", example: Path, tmp_path: Path
) -> None:
    shape = "image:1x1x28x28"
    model = example / "fashion.onnx"
    outcome = edgeml("convert", model, "-o", tmp_path, "--input-shape", f"{shape}:int64")
    assert outcome.code == 2
    assert "int64, but it is float32" in outcome.problem
    fine = edgeml("convert", model, "-o", tmp_path, "--input-shape", f"{shape}:float32")
    assert fine.code == 0, fine.err


def test_doctor_tells_of_frameworks_and_misses_none(edgeml: "RunCommand", folder: Path) -> None:
    _needs_setting_up()
    outcome = edgeml("doctor", "--json")
    checks = outcome.document["checks"]
    assert isinstance(checks, list)
    (torch,) = [check for check in checks if check["name"] == "PyTorch (optional)"]
    assert torch["ok"]
    assert "fetched when first used" in torch["found"]
    assert not (folder / "cache").exists()
