"""Finding a QEMU that will do."""

import platform
from pathlib import Path

import pytest

from edgeml_devices.emulation.qemu import find_qemu
from edgeml_devices.profile import load_device
from edgeml_runtime.errors import MissingToolError


def _program(folder: Path, text: str) -> str:
    file = folder / "qemu-aarch64"
    file.write_text(f"#!/bin/sh\necho '{text}'\n")
    file.chmod(0o755)
    return str(file)


def test_one_with_plugins_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = _program(tmp_path, "-plugin           [file=]<file>")
    monkeypatch.setenv("EDGEML_QEMU", program)
    assert str(find_qemu(load_device("rpi4"))) == program


def test_one_without_plugins_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEML_QEMU", _program(tmp_path, "-cpu model  -strace"))
    with pytest.raises(MissingToolError, match=r"cannot load plugins.*Debian 12 or Ubuntu"):
        find_qemu(load_device("rpi4"))


def test_its_absence_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEML_QEMU", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="sudo apt-get install qemu-user"):
        find_qemu(load_device("rpi4"))


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_other_hosts_are_shown_the_way_round(
    system: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(MissingToolError, match=f"{system} {machine}.*edgeml bench") as caught:
        find_qemu(load_device("rpi4"))
    assert caught.value.exit_code == 3
