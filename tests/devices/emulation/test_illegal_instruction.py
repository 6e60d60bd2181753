"""Naming the instruction that a processor refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, ensure_sysroot, run_bundle, run_guest
from edgeml_devices.emulation.illegal_instruction import locate_fault
from edgeml_devices.profile import load_device
from edgeml_runtime.errors import EngineCrashError

# Lines of `qemu-aarch64 -strace`, version 7.2; addresses shortened.
_TRACE = """\
17 openat(AT_FDCWD,"/usr/lib/libother.so",O_RDONLY|O_CLOEXEC) = 3
17 mmap(NULL,8192,PROT_EXEC|PROT_READ,MAP_PRIVATE|MAP_DENYWRITE,3,0) = 0x0000005502000000
17 close(3) = 0
17 openat(AT_FDCWD,"/site/libengine.so",O_RDONLY|O_CLOEXEC) = 3
17 mmap(NULL,1048576,PROT_NONE,MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE,-1,0) = 0x0000005503000000
17 mmap(0x0000005503010000,65536,PROT_EXEC,MAP_PRIVATE|MAP_FIXED,3,0x20000) = 0x0000005503010000
17 close(3) = 0
--- SIGILL {si_signo=SIGILL, si_code=2, si_addr=%s} ---
"""


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("0x0000005503010000", ("/site/libengine.so", 0x20000)),
        ("0x00000055030108f4", ("/site/libengine.so", 0x208F4)),
        ("0x0000005502001ffc", ("/usr/lib/libother.so", 0x1FFC)),
        ("0x0000005503000010", None),  # memory that no file stands behind
        ("0x0000000000001000", None),  # nothing is mapped there
    ],
)
def test_the_place_follows_from_the_trace(address: str, place: tuple[str, int] | None) -> None:
    assert locate_fault(iter((_TRACE % address).splitlines())) == place


def test_a_trace_without_the_fault_names_no_place() -> None:
    assert locate_fault(iter(_TRACE.splitlines()[:-1])) is None


# Maps a file of machine code and calls it at offset 8.
_CALL_CODE = """
import ctypes, mmap, sys
access = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
with open(sys.argv[1], "rb") as file:
    memory = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, access)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
ctypes.CFUNCTYPE(None)(address + 8)()
print("survived")
"""
_HALF_PRECISION_MOVE = bytes([0x01, 0xFC, 0x03, 0x0F])  # fmov v1.4h, #0.5
_NOP, _RETURN = bytes([0x1F, 0x20, 0x03, 0xD5]), bytes([0xC0, 0x03, 0x5F, 0xD6])


@pytest.fixture
def half_precision_code(tmp_path: Path) -> Path:
    """A file of machine code that wants half-precision SIMD."""
    file = tmp_path / "libhalf.so"
    file.write_bytes(2 * _NOP + _HALF_PRECISION_MOVE + _RETURN)
    return file


@pytest.mark.emulated
def test_half_precision_dies_on_a_pi_4(
    rpi4: Device, rpi4_sysroot: Sysroot, half_precision_code: Path
) -> None:
    with pytest.raises(EngineCrashError) as caught:
        run_guest(rpi4, rpi4_sysroot, ["-c", _CALL_CODE, str(half_precision_code)])
    assert "illegal instruction (SIGILL): fmov v1.4h, #0.5" in caught.value.problem
    assert caught.value.problem.endswith("at offset 0x8 of libhalf.so.")
    assert caught.value.exit_code == 1


@pytest.mark.emulated
def test_half_precision_runs_on_a_cortex_a76(half_precision_code: Path) -> None:
    board = load_device("rock5b")  # shares its packages with the rpi4
    result = run_guest(board, ensure_sysroot(board), ["-c", _CALL_CODE, str(half_precision_code)])
    assert result.stdout == "survived\n"


_KNOWN_BAD = {"onnxruntime": "1.21.0"}


@pytest.fixture(params=["rpi4", "rpi-zero2w"])
def unwarned(request: pytest.FixtureRequest) -> Device:
    """A board whose profile has no word of versions that fail."""
    return replace(load_device(request.param), known_bad=())


@pytest.mark.emulated
def test_the_version_that_broke_these_boards_is_caught_at_import(unwarned: Device) -> None:
    sysroot = ensure_sysroot(unwarned, engines=_KNOWN_BAD)
    with pytest.raises(EngineCrashError, match=r"fmov v1\.4h.*offset 0xb28f4 of onnxruntime_pyb"):
        run_guest(unwarned, sysroot, ["-c", "import onnxruntime"])


@pytest.mark.emulated
def test_the_version_that_broke_these_boards_is_caught_with_a_bundle(
    unwarned: Device, classifier_bundle: Path
) -> None:
    sysroot = ensure_sysroot(unwarned, engines=_KNOWN_BAD)
    with pytest.raises(EngineCrashError) as caught:
        run_bundle(unwarned, sysroot, classifier_bundle)
    assert caught.value.exit_code == 1
    assert caught.value.problem.startswith("onnxruntime 1.21.0: run_bundle.py died on the emulated")
    assert "fmov v1.4h, #0.5 at offset 0xb28f4 of onnxruntime_pyb" in caught.value.problem
    assert "another version of the engine (--engine NAME==VERSION)" in caught.value.remedy
    assert caught.value.remedy.endswith(f"is onnxruntime=={unwarned.engines['onnxruntime']}.")


# A board's own program: it says what stopped onnxruntime, and goes on with the other engine.
_LOAD = """
import sys
import edgeml_runtime
from edgeml_runtime.errors import EngineCrashError
try:
    edgeml_runtime.load(sys.argv[1], engine="onnxruntime")
except EngineCrashError as error:
    print(error.problem)
print(edgeml_runtime.load(sys.argv[1]).explain())
"""


@pytest.mark.emulated
def test_the_board_itself_says_that_the_version_is_broken(
    unwarned: Device, classifier_bundle: Path
) -> None:
    # Nothing can be started in the emulated board, so that a copy of the process is what dies.
    engines = {**_KNOWN_BAD, "litert": unwarned.engines["litert"]}
    sysroot = ensure_sysroot(unwarned, engines=engines)
    said = run_guest(unwarned, sysroot, ["-c", _LOAD, str(classifier_bundle)]).stdout.splitlines()
    assert said[0] == (
        "onnxruntime 1.21.0 died of an illegal instruction (SIGILL) while it was imported on "
        f"aarch64 with {unwarned.core}."
    )
    assert said[1].startswith("float32.tflite in litert ")


# The same with the system calls of a 32-bit program, which maps files in units of pages.
_TRACE_32 = """\
17 openat(AT_FDCWD,"/site/libengine.so",O_RDONLY|O_LARGEFILE|O_CLOEXEC) = 4
17 mmap2(NULL,262252,PROT_EXEC|PROT_READ,MAP_PRIVATE|MAP_DENYWRITE,4,0) = 0x3ff9d000
17 mmap2(0x3ffdc000,8192,PROT_EXEC,MAP_PRIVATE|MAP_DENYWRITE|MAP_FIXED,4,0x3e) = 0x3ffdc000
17 close(4) = 0
--- SIGILL {si_signo=SIGILL, si_code=2, si_addr=0x3ffdc008} ---
"""


def test_a_32_bit_program_maps_files_by_pages() -> None:
    assert locate_fault(iter(_TRACE_32.splitlines())) == ("/site/libengine.so", 0x3E008)
