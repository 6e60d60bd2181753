"""What ``edgeml doctor`` is told of this machine."""

from pathlib import Path

import pytest

from edgeml_devices.emulation import Sysroot
from edgeml_devices.environment import Check, checks


def _check(name: str) -> Check:
    (found,) = (check for check in checks() if check.name == name)
    return found


def test_a_fault_has_a_remedy_and_only_a_fault() -> None:
    found = checks()
    assert len({check.name for check in found}) == len(found)
    assert all(check.ok == (not check.remedy) and check.found for check in found)


@pytest.mark.emulated
def test_a_board_that_is_set_up_is_told_with_its_python(rpi4_sysroot: Sysroot) -> None:
    assert rpi4_sysroot.path.is_dir()
    assert "rpi4 (Python 3.11)" in _check("sysroots").found


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder on PATH of a machine with nothing fetched yet."""
    monkeypatch.delenv("EDGEML_QEMU", raising=False)
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_missing_tools_are_named(bare_machine: Path) -> None:
    assert not list(bare_machine.iterdir())
    faults = {check.name: check.remedy for check in checks() if not check.ok}
    assert faults["cc"] == "sudo apt-get install gcc libc6-dev"
    assert faults["apt-get"] == "use a Debian or Ubuntu machine"


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize("name", ["emulator", "LLVM"])
def test_what_edgeml_brings_is_no_fault(name: str) -> None:
    check = _check(name)
    assert check.ok
    assert "MiB, fetched when first used" in check.found


def test_the_machines_own_emulator_is_told(bare_machine: Path) -> None:
    program = bare_machine / "qemu-aarch64"
    program.write_text("#!/bin/sh\necho 'qemu-aarch64 version 7.2.5 -plugin'\n")
    program.chmod(0o755)
    assert _check("emulator").found == f"QEMU 7.2.5, this machine's ({program})"


def _install(site: Path, name: str, entry_point: str) -> None:
    folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[console_scripts]\nedgeml = {entry_point}\n")


@pytest.mark.parametrize("name", ["edgeml-sdk", "edgeml"])
def test_a_project_of_the_same_name_is_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(tmp_path, name, "edgeml.main:run")
    monkeypatch.syspath_prepend(tmp_path)
    check = _check("distribution 'edgeml'")
    assert (check.ok, check.remedy) == (False, f"pip uninstall {name}")


def test_two_owners_of_the_runtime_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(tmp_path, "edgeml", "edgeml.cli:main")
    _install(tmp_path, "edgeml-runtime", "edgeml_runtime.cli:main")
    monkeypatch.syspath_prepend(tmp_path)
    assert _check("distribution 'edgeml'").ok
    assert _check("owner of edgeml_runtime").remedy == "pip uninstall edgeml-runtime"
