"""The same model gives the same files, also under another version of Python."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARTIFACTS = tuple(f"fashion.{p}.{f}" for p in ("float32", "int8") for f in ("onnx", "tflite"))


def _other_pythons() -> Iterator[str]:
    """Yield the interpreters of other versions that start."""
    for minor in (13, 12, 11, 14):
        found = shutil.which(f"python3.{minor}")
        if found is not None and sys.version_info[1] != minor:
            done = subprocess.run([found, "--version"], capture_output=True, check=False)
            if done.returncode == 0:
                yield found


@pytest.fixture(scope="module")
def other_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of another Python with the project and the running engines' versions."""
    if os.environ.get("EDGEML_TEST_ENVIRONMENTS") != "1":
        pytest.skip("EDGEML_TEST_ENVIRONMENTS=1 sets up an environment of another Python")
    found = next(_other_pythons(), None)
    if found is None:
        pytest.skip("there is no other Python")
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([found, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        str(ROOT),
    ]
    subprocess.run(install, check=True, cwd=folder)
    return python


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_pythons_write_the_same(
    converted: Path,
    other_python: Path,
    conversion_command: Callable[[Path], list[str]],
    tmp_path: Path,
) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [other_python, "-m", "edgeml", *conversion_command(tmp_path / "out")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in ARTIFACTS:
        ours, theirs = (folder / name for folder in (converted, tmp_path / "out"))
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_two_runs_write_the_same(
    converted: Path,
    conversion_command: Callable[[Path], list[str]],
    tmp_path: Path,
) -> None:
    """In another process, whose hashes of strings are others."""
    subprocess.run(
        [sys.executable, "-m", "edgeml", *conversion_command(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
    )
    for name in (*ARTIFACTS, "fashion.edgeml"):
        assert (converted / name).read_bytes() == (tmp_path / name).read_bytes(), name
