"""LLVM, and the code of instructions by their text."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml_devices.latency.llvm import Llvm, find_llvm


@pytest.fixture(scope="session")
def llvm() -> Llvm:
    """LLVM, from the usual cache when it is edgeml's own."""
    return find_llvm()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llvm: Llvm) -> Path:
    """A cache folder of the test's own; LLVM was found before."""
    assert llvm.version
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def assemble(llvm: Llvm) -> Callable[[str], bytes]:
    """Return the call that gives the code of some instructions."""

    def assemble(text: str) -> bytes:
        command = [str(llvm.assembler), "-triple=aarch64", "-mattr=+all", "-show-encoding"]
        left = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        words = [
            line.split("encoding: [")[1][:-1] for line in left.stdout.splitlines() if "enc" in line
        ]
        return bytes(int(byte, 16) for word in words for byte in word.split(","))

    return assemble
