"""A board with Debian 13 and its Python 3.13: another release, other packages, other wheels."""

import pytest

from edgeml_devices.emulation import Sysroot, ensure_sysroot, run_guest
from edgeml_devices.profile import Device, load_device
from edgeml_runtime.errors import InputError


@pytest.fixture(scope="module")
def board() -> Device:
    return load_device("rpi5")


@pytest.fixture(scope="module")
def sysroot(board: Device) -> Sysroot:
    return ensure_sysroot(board)


@pytest.mark.emulated
def test_the_guest_is_the_newer_release(board: Device, sysroot: Sysroot) -> None:
    program = (
        "import os, platform, sys, numpy, onnxruntime, ai_edge_litert;"
        "print(sys.version_info[:2], platform.machine(), os.confstr('CS_GNU_LIBC_VERSION'))"
    )
    answer = run_guest(board, sysroot, ["-c", program]).stdout
    assert answer.strip() == f"(3, 13) aarch64 glibc {board.glibc}"
    assert (sysroot.path / "usr" / "lib" / "python3.13" / "__pycache__").is_dir()


@pytest.mark.emulated
def test_a_version_without_a_wheel_for_it_is_refused_with_those_that_have_one(
    board: Device,
) -> None:
    with pytest.raises(InputError, match=r"no onnxruntime 1\.18\.0 for .*Python 3\.13") as caught:
        ensure_sysroot(board, engines={"onnxruntime": "1.18.0"})
    assert "1.32.0" in caught.value.remedy
