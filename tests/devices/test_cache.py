"""The cache folder: where it is, and that its parts appear whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgeml_devices.cache import building, cache_root, exclusive, make_folder
from edgeml_runtime.errors import MissingToolError


def test_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGEML_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "edgeml"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "edgeml"
    monkeypatch.setenv("EDGEML_CACHE", "~/own")
    assert cache_root() == tmp_path / "own"


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    with building(tmp_path / "made") as unfinished:
        (unfinished / "file").write_text("x")
        assert not (tmp_path / "made").exists()
    assert (tmp_path / "made" / "file").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_of_a_failure(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with building(tmp_path / "made") as unfinished:
            (unfinished / "file").write_text("x")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".made.unfinished").mkdir()
    (tmp_path / ".made.unfinished" / "old").touch()
    with building(tmp_path / "made"):
        pass
    assert list((tmp_path / "made").iterdir()) == []


def test_a_folder_that_cannot_be_made_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MissingToolError, match="EDGEML_CACHE"):
        make_folder(tmp_path / "file" / "cache")


_HOLDER = """
import sys
from pathlib import Path
from edgeml_devices.cache import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_processes_take_turns(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        told: list[str] = []

        def let_go(task: str, _done: int, _total: int) -> None:
            told.append(task)
            holder.stdin.close()  # type: ignore[union-attr] # asserted above

        with exclusive(tmp_path, let_go):
            holder.wait()
    assert told == ["waiting for another edgeml to finish its set-up"]
    assert holder.returncode == 0


# Makes a folder unless it is there; dies within it when told to.
_BUILDER = """
import os, signal, sys
from pathlib import Path
from edgeml_devices.cache import building, exclusive
root, dies = Path(sys.argv[1]), sys.argv[2] == "dies"
with exclusive(root):
    if (root / "made").exists():
        print("found")
    else:
        with building(root / "made") as unfinished:
            (unfinished / "file").write_text("half")
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            (unfinished / "file").write_text("whole")
        print("made")
"""


def test_one_of_many_processes_makes_a_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _BUILDER, str(tmp_path), "lives"]
    with exclusive(tmp_path):
        makers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = sorted(maker.communicate(timeout=60)[0] for maker in makers)
    assert told == ["found\n", "found\n", "made\n"]
    assert (tmp_path / "made" / "file").read_text() == "whole"


def test_a_process_that_is_killed_leaves_neither_lock_nor_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _BUILDER, str(tmp_path)]
    killed = subprocess.run([*command, "dies"], check=False)
    assert killed.returncode == -9
    assert not (tmp_path / "made").exists()
    after = subprocess.run([*command, "lives"], check=True, capture_output=True, text=True)
    assert after.stdout == "made\n"
    assert (tmp_path / "made" / "file").read_text() == "whole"
    assert {path.name for path in tmp_path.iterdir()} == {"made", ".lock"}
