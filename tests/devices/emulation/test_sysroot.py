"""Making a board's file system, and failing to."""

import json
import shutil
from pathlib import Path

import pytest

from edgeml_devices.cache import cache_root
from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, ensure_sysroot, run_guest
from edgeml_devices.emulation.sysroot import is_provisioned
from edgeml_runtime.errors import InputError, MissingToolError

pytestmark = pytest.mark.emulated


def test_what_went_in_is_recorded(rpi4: Device, rpi4_sysroot: Sysroot) -> None:
    record = json.loads((rpi4_sysroot.path.parent / "sysroot.json").read_text())
    assert record["device"] == "rpi4"
    assert any(name.startswith("libc6_") for name in record["packages"]["sha256"])
    assert len(record["wheels"]) == 3
    assert is_provisioned(rpi4)


def test_it_is_made_once(rpi4: Device, rpi4_sysroot: Sysroot) -> None:
    told: list[str] = []
    assert ensure_sysroot(rpi4, lambda task, _done, _total: told.append(task)) == rpi4_sysroot
    assert told == []


def test_a_copied_cache_works_elsewhere(
    rpi4: Device, rpi4_sysroot: Sysroot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Links in the cache are relative; moving it is the way to a machine without network.
    used = {link.resolve().relative_to(cache_root()).parts[:2] for link in _links(rpi4_sysroot)}
    for part in (*used, rpi4_sysroot.path.parent.relative_to(cache_root()).parts):
        shutil.copytree(cache_root().joinpath(*part), tmp_path.joinpath(*part), symlinks=True)
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path))
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", "file:///nonexistent/debian")
    moved = ensure_sysroot(rpi4)
    assert moved.path.is_relative_to(tmp_path)
    assert moved.digest == rpi4_sysroot.digest
    result = run_guest(rpi4, moved, ["-c", "import numpy; print(numpy.__file__)"])
    assert result.stdout.startswith(str(tmp_path))


def test_without_network_nothing_half_made_is_left(
    rpi4: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path))
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", "file:///nonexistent/debian")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(MissingToolError, match="packages could not be fetched from file:///non"):
        ensure_sysroot(rpi4)
    assert not is_provisioned(rpi4)
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {".lock", "downloads"}
    assert list((tmp_path / "downloads" / "wheels").iterdir()) == []


def test_an_unknown_engine_version_is_refused_before_anything_starts(
    rpi4: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"no onnxruntime 9\.9 for Raspberry Pi 4.*1\.32\.0"):
        ensure_sysroot(rpi4, engines={"onnxruntime": "9.9"})
    assert list(tmp_path.iterdir()) == []


def _links(sysroot: Sysroot) -> list[Path]:
    folders = (sysroot.path, sysroot.site)
    return [path for folder in folders for path in folder.iterdir() if path.is_symlink()]
