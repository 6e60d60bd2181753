"""The command line in this process and as a process of its own, and the example converted once."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from edgeml.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "fashion"


@dataclass(frozen=True)
class Outcome:
    """What a command line left: its exit code, and what it wrote on both streams."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def problem(self) -> str:
        """The sentence of the last error, which ends stderr in the one form that errors have."""
        assert "Traceback" not in self.err
        *_, problem, remedy = self.err.splitlines()
        assert problem.startswith("error: "), self.err
        assert remedy.startswith("  "), self.err
        assert remedy.strip(), self.err
        return problem.removeprefix("error: ")


class RunCommand(Protocol):
    """Runs one command line, with *environment* on top of ours where it is a process."""

    def __call__(self, *arguments: object, environment: Mapping[str, str] | None = None) -> Outcome:
        """Return what it left."""


def _run_here(*arguments: object, environment: Mapping[str, str] | None = None) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
    return Outcome(code, out.getvalue(), err.getvalue())


def _run_process(*arguments: object, environment: Mapping[str, str] | None = None) -> Outcome:
    left = subprocess.run(
        [sys.executable, "-m", "edgeml", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        timeout=240,
        check=False,
    )
    return Outcome(left.returncode, left.stdout, left.stderr)


def _conversion_command(output: Path) -> list[str]:
    return [
        *("convert", str(EXAMPLE / "fashion.onnx"), "-o", str(output)),
        *("--quantize", "float32,int8", "--calibrate", str(EXAMPLE / "calibration.npz")),
        *("--evaluate", str(EXAMPLE / "test.npz"), "--labels", str(EXAMPLE / "labels.txt")),
        *("--preprocess", str(EXAMPLE / "preprocess.toml")),
    ]


@pytest.fixture(scope="session")
def edgeml() -> RunCommand:
    """The command line in this process."""
    return _run_here


@pytest.fixture(scope="session")
def edgeml_process() -> RunCommand:
    """The command line as a process of its own."""
    return _run_process


@pytest.fixture(scope="session")
def example() -> Path:
    """The folder of the trained example network and its data."""
    return EXAMPLE


@pytest.fixture(scope="session")
def conversion_command() -> Callable[[Path], list[str]]:
    """A call that returns the command line of the example's conversion to a folder."""
    return _conversion_command


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the example's four artifacts and bundle; nobody writes to it."""
    folder = tmp_path_factory.mktemp("converted")
    outcome = _run_here(*_conversion_command(folder))
    assert outcome.code == 0, outcome.err
    return folder
