"""The runtime by itself: each Python, each engine, and nothing else in the environment."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# The engine that each Python's newest wheels offer the board.
ENGINES = {"3.9": "onnxruntime", "3.11": "ai-edge-litert", "3.13": "onnxruntime"}


def _interpreters(version: str) -> Iterator[str]:
    name = f"python{version}"
    found = shutil.which(name)
    if found is not None:
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from (str(path) for path in sorted(pyenv.glob(f"versions/{version}.*/bin/{name}")))


def _python(version: str) -> str:
    for candidate in _interpreters(version):
        # A pyenv shim is on PATH even where it leads to no interpreter.
        if subprocess.run([candidate, "-c", ""], check=False, capture_output=True).returncode == 0:
            return candidate
    pytest.skip(f"Python {version} is not on this machine")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", sorted(ENGINES))
def test_the_runtime_stands_alone(version: str, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([_python(version), "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    source = shutil.copytree(ROOT / "runtime", tmp_path / "runtime")  # builds leave files behind
    _pip_install(python, str(source))
    brought = _installed(python) - {"pip", "setuptools"}
    assert brought == {"edgeml-runtime", "numpy"}
    _pip_install(python, "pytest", ENGINES[version])
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    options += ["-c", str(ROOT / "runtime" / "pytest.ini"), str(ROOT / "tests" / "runtime")]
    tests = subprocess.run(
        [str(python), "-m", "pytest", *options],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert tests.returncode == 0, tests.stdout[-4000:] + tests.stderr[-2000:]
    assert " passed" in tests.stdout


def _pip_install(python: Path, *requirements: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", *requirements]
    subprocess.run(command, check=True, capture_output=True)


def _installed(python: Path) -> set[str]:
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=freeze"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {line.split("==")[0].split(" @")[0].replace("_", "-") for line in listed.stdout.split()}
