"""Output that goes nowhere, or to a full disk: an exit code that says so, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LONG = ("inspect", "fashion.onnx", "--json")
SHORT = ("--version",)


def _shell(line: str, folder: Path) -> tuple[int, str, str]:
    """Run ``edgeml`` as *line* says, in *folder*."""
    left = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'edgeml() {{ "$PYTHON" -m edgeml "$@"; }}; {line}'],
        cwd=folder,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return left.returncode, left.stdout, left.stderr


@pytest.mark.parametrize("arguments", [LONG, SHORT, ("convert", "--help")])
def test_a_reader_that_goes_away(example: Path, arguments: tuple[str, ...]) -> None:
    # `true` reads nothing; the sleep lets it end first, so that the pipe is closed by then.
    line = f"(sleep 0.2; edgeml {' '.join(arguments)}) | true"
    assert _shell(line, example) == (141, "", "")


def test_a_reader_that_goes_away_from_an_error(example: Path) -> None:
    code, out, err = _shell("(sleep 0.2; edgeml inspect absent.onnx --json) | true", example)
    assert (code, out) == (141, "")
    assert err.startswith("error: There is no file 'absent.onnx'.\n  ")
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize("arguments", [LONG, SHORT, ("convert", "--help")])
def test_a_full_disk(example: Path, arguments: tuple[str, ...]) -> None:
    code, _, err = _shell(f"edgeml {' '.join(arguments)} > /dev/full", example)
    assert code == 2
    problem, remedy = err.splitlines()
    assert problem == "error: The output cannot be written: No space left on device."
    assert remedy.startswith("  Make room")


def test_closed_outputs(example: Path) -> None:
    assert _shell("edgeml inspect fashion.onnx >&-", example) == (0, "", "")
    code, out, _ = _shell("edgeml compare fashion.onnx fashion.onnx 2>&-", example)
    assert code == 0
    assert out.startswith("fashion.onnx against fashion.onnx")
    assert _shell("edgeml inspect absent.onnx 2>&-", example) == (2, "", "")


def test_a_terminal_that_knows_ascii_only(example: Path) -> None:
    code, out, err = _shell("PYTHONIOENCODING=ascii edgeml devices list", example)
    assert (code, err) == (0, "")
    assert out.isascii()


def test_a_file_name_of_any_bytes(example: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"net-\xff.onnx")
    (tmp_path / name).write_bytes((example / "fashion.onnx").read_bytes())
    code, out, err = _shell("edgeml inspect net-*", tmp_path)
    assert (code, err) == (0, "")
    assert out.startswith("path: net-\\udcff.onnx\n")
    code, out, err = _shell("edgeml convert net-* -o out", tmp_path)
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == "error: The name of net-\\udcff.onnx is not UTF-8."
    assert not (tmp_path / "out").exists()
