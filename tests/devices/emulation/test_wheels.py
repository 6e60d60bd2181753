"""The locked engine wheels."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from edgeml_devices.emulation.wheel_lock import read_lock
from edgeml_devices.emulation.wheels import (
    WheelDownload,
    compatible_sets,
    select_wheels,
    unpack_wheel,
)
from edgeml_devices.profile import load_device
from edgeml_runtime.errors import InputError, MissingToolError

_NUMPY = read_lock().fitting(load_device("rpi4"))["numpy==2.4.6"]


def test_an_engine_brings_what_it_needs() -> None:
    wheels = select_wheels(load_device("rpi4"), {"onnxruntime": "1.32.0"})
    assert [wheel.pin for wheel in wheels] == ["numpy==2.4.6", "onnxruntime==1.32.0"]


def test_two_names_of_an_engine_are_one_wheel() -> None:
    engines = {"litert": "2.3.0", "litert-builtin": "2.3.0"}
    assert len(select_wheels(load_device("rpi4"), engines)) == 2


def test_an_unknown_version_names_those_known() -> None:
    with pytest.raises(InputError, match=r"Known versions: 1\.21\.0, 1\.32\.0"):
        select_wheels(load_device("rpi4"), {"onnxruntime": "1.2"})
    with pytest.raises(InputError, match="Known versions: none"):
        select_wheels(load_device("rpi2-armv7"), {"onnxruntime": "1.32.0"})


def test_an_unknown_engine_names_those_known() -> None:
    with pytest.raises(InputError, match=r"no engine called 'tensorflow'.*onnxruntime, litert"):
        select_wheels(load_device("rpi4"), {"tensorflow": "1.2"})


def test_engines_for_different_numpy_are_told_apart() -> None:
    rpi4 = load_device("rpi4")
    assert compatible_sets(rpi4, {"tflite-runtime": "2.14.0", **rpi4.engines}) == (
        {"tflite-runtime": "2.14.0"},
        {name: rpi4.engines[name] for name in ("onnxruntime", "litert", "litert-builtin")},
    )
    both = {"tflite-runtime": "2.14.0", "litert": "2.3.0"}
    with pytest.raises(InputError, match=r"litert 2\.3\.0 needs numpy==2\.4\.6, .*numpy==1\.26\.4"):
        select_wheels(rpi4, both)


def test_the_lock_holds_together() -> None:
    lock = read_lock()
    for wheel in lock.wheels:
        name, version, *tags = wheel.file.removesuffix(".whl").split("-")
        assert (name.replace("_", "-"), version) == (wheel.distribution, wheel.version)
        assert tags[0] == f"cp{wheel.python.replace('.', '')}"
        machine = {"aarch64": "aarch64", "armv7": "armv7l"}[wheel.arch]
        assert all(platform.endswith(machine) for platform in wheel.platforms)
        siblings = {w.pin for w in lock.wheels if (w.python, w.arch) == (wheel.python, wheel.arch)}
        assert siblings.issuperset(wheel.needs)
    assert len({wheel.sha256 for wheel in lock.wheels}) == len(lock.wheels)


def test_a_wheel_that_is_there_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    wheel = replace(_NUMPY, sha256=hashlib.sha256(b"whole").hexdigest())
    (tmp_path / wheel.file).write_bytes(b"whole")
    with WheelDownload([wheel], tmp_path) as download:
        download.finish()
    assert (tmp_path / wheel.file).read_bytes() == b"whole"


def test_a_damaged_wheel_is_fetched_again_and_failing_is_worded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / _NUMPY.file).write_bytes(b"half")
    with WheelDownload([_NUMPY], tmp_path) as download, pytest.raises(MissingToolError) as caught:
        download.finish()
    assert "numpy==2.4.6" in caught.value.problem
    assert "EDGEML_CACHE" in caught.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == [_NUMPY.file]


def test_what_no_engine_reads_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "some.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("numpy/a.py", "numpy/a.pyi", "numpy/core/tests/test_a.py", "numpy/testing.py"):
            archive.writestr(name, "")
    unpack_wheel(_NUMPY, file, tmp_path / "out")
    unpacked = {str(p.relative_to(tmp_path / "out")) for p in tmp_path.rglob("out/**/*.py*")}
    assert unpacked == {"numpy/a.py", "numpy/testing.py"}
