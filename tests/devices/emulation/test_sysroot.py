"""Making a board's file system, and failing to."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeml_devices.cache import cache_root, exclusive
from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, ensure_sysroot, run_guest
from edgeml_devices.emulation.sysroot import ensure_sysroots, is_provisioned
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
    for part in _parts(rpi4_sysroot):
        shutil.copytree(cache_root() / part, tmp_path / part, symlinks=True)
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
    with pytest.raises(MissingToolError, match="could not be fetched from file:///non"):
        ensure_sysroot(rpi4)
    assert not is_provisioned(rpi4)
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {".lock", "downloads"}
    assert list((tmp_path / "downloads" / "wheels").iterdir()) == []


def test_an_unknown_engine_version_is_refused_before_anything_is_made(
    rpi4: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(InputError, match=r"no (wheel of )?onnxruntime.* for Raspberry Pi 4"):
        ensure_sysroot(rpi4, engines={"onnxruntime": "9.9"})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_engines_that_cannot_live_together_get_a_sysroot_each(
    rpi4: Device, rpi4_sysroot: Sysroot
) -> None:
    sysroots = ensure_sysroots(rpi4, rpi4.engines)
    assert set(sysroots) == set(rpi4.engines)
    assert sysroots["litert"] == sysroots["onnxruntime"] == rpi4_sysroot
    apart = sysroots["tflite-runtime"]
    assert apart.engines == {"tflite-runtime": rpi4.engines["tflite-runtime"]}
    program = "import numpy, tflite_runtime.interpreter; print(numpy.__version__)"
    assert run_guest(rpi4, apart, ["-c", program]).stdout == "1.26.4\n"


_MAKE = """
import sys
from edgeml_devices.emulation import ensure_sysroot
from edgeml_devices.profile import load_device
print(ensure_sysroot(load_device("rpi4"), lambda task, *_: print(task, file=sys.stderr)).digest)
"""


def test_two_processes_make_one_sysroot(
    rpi4_sysroot: Sysroot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in _parts(rpi4_sysroot):
        if part.parts[0] != "sysroots":
            shutil.copytree(cache_root() / part, tmp_path / part, symlinks=True)
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path))
    with exclusive(tmp_path):  # neither can begin before both have found that it is not there
        makers = [_maker(), _maker()]
        for maker in makers:
            assert maker.stderr is not None
            assert maker.stderr.readline().startswith("waiting for another edgeml")
    left = [maker.communicate(timeout=120) for maker in makers]
    assert [digest for digest, _ in left] == [f"{rpi4_sysroot.digest}\n"] * 2
    assert sorted(told.count("set up") for _, told in left) == [0, 1]
    assert [path.name for path in (tmp_path / "sysroots").iterdir()] == [
        rpi4_sysroot.path.parent.name
    ]


def _maker() -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", _MAKE], stdout=pipe, stderr=pipe, text=True)


def _parts(sysroot: Sysroot) -> set[Path]:
    """Return all that the sysroot is made of, as folders below the cache folder."""
    links = [p for folder in (sysroot.path, sysroot.site) for p in folder.iterdir()]
    targets = [link.resolve() for link in links if link.is_symlink()]
    return {Path(*path.relative_to(cache_root()).parts[:2]) for path in (*targets, sysroot.path)}
