"""What is missing on this machine: one sentence, the line to type, exit code 3."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand

# A port that nobody listens on, so that nothing can be fetched.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with links to all tools of the machine, for taking some away."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for tool in Path(place).glob("*") if place else ():
            if not (folder / tool.name).exists():
                (folder / tool.name).symlink_to(tool)
    return folder


def _environment(tools: Path, cache: Path) -> dict[str, str]:
    return {
        "PATH": str(tools),
        "EDGEML_CACHE": str(cache),
        "EDGEML_QEMU": "",
        "EDGEML_DEBIAN_MIRROR": NOWHERE,
        "PIP_INDEX_URL": NOWHERE,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_RETRIES": "0",
        "http_proxy": NOWHERE,
        "https_proxy": NOWHERE,
    }


def _take_away(tools: Path, pattern: str) -> None:
    for link in tools.glob(pattern):
        link.unlink()


def test_no_network(edgeml_process: "RunCommand", tools: Path, tmp_path: Path) -> None:
    outcome = edgeml_process(
        "devices", "setup", "rpi4", environment=_environment(tools, tmp_path / "cache")
    )
    assert outcome.code == 3
    assert "could not be fetched" in outcome.problem
    assert not list((tmp_path / "cache").glob("sysroots/*"))


def test_no_emulator_and_no_network(
    edgeml_process: "RunCommand", tools: Path, tmp_path: Path, example: Path
) -> None:
    _take_away(tools, "qemu-*")
    model = example / "fashion.onnx"
    outcome = edgeml_process(
        "profile", model, "--target", "rpi4", environment=_environment(tools, tmp_path / "cache")
    )
    assert outcome.code == 3
    assert "qemu" in outcome.problem.lower() or "emulator" in outcome.problem
    assert outcome.out == ""


def test_no_llvm_and_no_network(
    edgeml_process: "RunCommand", tools: Path, tmp_path: Path, example: Path
) -> None:
    _take_away(tools, "llvm-mc*")
    outcome = edgeml_process(
        "profile",
        example / "fashion.onnx",
        "--target",
        "rpi4",
        environment=_environment(tools, tmp_path / "cache"),
    )
    assert outcome.code == 3
    assert "llvm" in outcome.problem.lower()


def test_doctor_lists_what_is_missing(
    edgeml_process: "RunCommand", tools: Path, tmp_path: Path
) -> None:
    _take_away(tools, "cc")
    environment = _environment(tools, tmp_path / "cache")
    outcome = edgeml_process("doctor", "--json", environment=environment)
    assert outcome.code == 3
    (compiler,) = (check for check in outcome.document["checks"] if not check["ok"])
    assert compiler["name"] == "cc"
    assert "gcc" in compiler["remedy"]


@pytest.mark.skipif(shutil.which("qemu-aarch64") is None, reason="qemu-aarch64 is not installed")
def test_doctor_is_content_here(edgeml_process: "RunCommand") -> None:
    outcome = edgeml_process("doctor")
    assert outcome.code == 0
    assert "MISSING" not in outcome.out
    assert sys.prefix not in outcome.err
