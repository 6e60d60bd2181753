"""Finding a QEMU that will do."""

import platform
from pathlib import Path

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation.qemu import find_qemu, locate_qemu
from edgeml_runtime.errors import MissingToolError

_PLUGINS = "-plugin           [file=]<file>"


def _program(folder: Path, version: str, options: str) -> Path:
    file = folder / "qemu-aarch64"
    file.write_text(
        f"#!/bin/sh\necho 'qemu-aarch64 version {version} (Debian)'\necho '{options}'\n"
    )
    file.chmod(0o755)
    return file


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH of a machine with nothing fetched yet."""
    monkeypatch.delenv("EDGEML_QEMU", raising=False)
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_machines_own_is_taken_when_it_counts_alike(machine: Path, rpi4: Device) -> None:
    program = _program(machine, "7.2.9", _PLUGINS)
    assert find_qemu(rpi4) == program


@pytest.mark.parametrize(
    ("version", "options"),
    [("10.0.13", "-cpu model  -strace"), ("8.2.2", _PLUGINS), ("7.2.22", "-cpu model")],
)
def test_others_are_left_alone(machine: Path, rpi4: Device, version: str, options: str) -> None:
    _program(machine, version, options)
    assert locate_qemu(rpi4) is None


def test_without_one_and_without_apt_the_ways_out_are_told(machine: Path, rpi4: Device) -> None:
    assert not list(machine.iterdir())
    with pytest.raises(MissingToolError, match=r"The emulator.*apt-get.*copy the cache") as caught:
        find_qemu(rpi4)
    assert caught.value.exit_code == 3


def test_the_named_one_is_taken_whatever_its_version(
    machine: Path, rpi4: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _program(machine, "8.2.2", _PLUGINS)
    monkeypatch.setenv("EDGEML_QEMU", str(program))
    assert find_qemu(rpi4) == program


def test_a_named_one_without_plugins_is_refused(
    machine: Path, rpi4: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_QEMU", str(_program(machine, "10.0.13", "-cpu model  -strace")))
    with pytest.raises(MissingToolError, match=r"cannot load plugins.*Unset EDGEML_QEMU"):
        find_qemu(rpi4)


def test_a_named_one_that_is_not_there_is_refused(
    machine: Path, rpi4: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_QEMU", str(machine / "absent"))
    with pytest.raises(MissingToolError, match="EDGEML_QEMU is"):
        find_qemu(rpi4)


@pytest.mark.parametrize(("system", "other"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_other_hosts_are_shown_the_way_round(
    system: str, other: str, rpi4: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: other)
    with pytest.raises(MissingToolError, match=f"{system} {other}.*edgeml-runtime bench") as caught:
        find_qemu(rpi4)
    assert caught.value.exit_code == 3
