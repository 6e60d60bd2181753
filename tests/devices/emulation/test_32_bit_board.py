"""A 32-bit board: the one engine that has wheels for it, with the distribution's NumPy."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, ensure_sysroot, run_bundle, run_guest
from edgeml_devices.profile import load_device
from edgeml_runtime.bundle import open_bundle, write_bundle
from edgeml_runtime.errors import EngineCrashError, UnsupportedError

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def board() -> Device:
    """The Pi 4 with a 32-bit system."""
    return load_device("rpi4-armv7")


@pytest.fixture(scope="module")
def sysroot(board: Device) -> Sysroot:
    """Its file system, from the usual cache; set up when it is not there."""
    return ensure_sysroot(board)


@pytest.fixture(scope="module")
def bundle(classifier_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier, which tflite-runtime may run as well."""
    opened = open_bundle(classifier_bundle)
    variants = tuple(
        replace(v, engines={**v.engines, "tflite-runtime": ""}) if v.format == "tflite" else v
        for v in opened.manifest.variants
    )
    names = ["golden.npz", *(variant.path for variant in variants)]
    path = tmp_path_factory.mktemp("bundle") / "classifier.edgeml"
    contents = {name: opened.read(name) for name in names}
    write_bundle(path, replace(opened.manifest, variants=variants), contents)
    return path


def test_the_guest_is_a_32_bit_one_with_its_own_numpy(board: Device, sysroot: Sysroot) -> None:
    program = (
        "import os, platform, numpy, tflite_runtime.interpreter; "
        "print(platform.machine(), os.cpu_count(), numpy.__file__)"
    )
    machine, cores, numpy = run_guest(board, sysroot, ["-c", program]).stdout.split()
    assert (machine, cores) == ("armv7l", "4")
    assert Path(numpy).is_relative_to(sysroot.path)


def test_modules_of_packages_are_compiled_already(board: Device, sysroot: Sysroot) -> None:
    program = (
        "import numpy, os, sys\n"
        "cached = [getattr(m, '__cached__', None) for m in sys.modules.values()]\n"
        "print([c for c in cached if c and not os.path.exists(c)], len(list(filter(None, cached))))"
    )
    absent, count = run_guest(board, sysroot, ["-c", program]).stdout.split()
    assert absent == "[]"
    assert int(count) > 100


def test_the_tflite_variant_passes_its_self_test(
    board: Device, sysroot: Sysroot, bundle: Path
) -> None:
    run = run_bundle(board, sysroot, bundle)
    assert run.passed
    (only,) = run.runs
    assert (only.variant, only.engine, only.engine_version, only.samples) == (
        "float32.tflite",
        "tflite-runtime",
        board.engines["tflite-runtime"],
        2,
    )


def test_a_variant_that_needs_a_newer_engine_is_skipped_and_named(
    board: Device, sysroot: Sysroot, bundle: Path, tmp_path: Path
) -> None:
    opened = open_bundle(bundle)
    lite = opened.manifest.variant("float32.tflite")
    newer = replace(lite, id="newer.tflite", path="newer", engines={"tflite-runtime": "2.99"})
    manifest = opened.manifest
    golden = manifest.golden
    assert golden is not None
    both = replace(
        manifest,
        variants=(lite, newer),
        golden=replace(golden, tolerances={**golden.tolerances, "newer.tflite": 1e-5}),
    )
    content = opened.read(lite.path)
    files = {"golden.npz": opened.read("golden.npz"), lite.path: content, "newer": content}
    write_bundle(tmp_path / "both.edgeml", both, files)
    run = run_bundle(board, sysroot, tmp_path / "both.edgeml")
    assert [found.variant for found in run.runs] == ["float32.tflite"]
    (skip,) = run.skipped
    assert (skip.variant, skip.engine) == ("newer.tflite", "tflite-runtime")
    assert "needs tflite-runtime 2.99" in skip.reason
    del files[lite.path]
    write_bundle(tmp_path / "newer.edgeml", replace(both, variants=(newer,)), files)
    with pytest.raises(UnsupportedError, match=r"needs tflite-runtime 2\.99"):
        run_bundle(board, sysroot, tmp_path / "newer.edgeml")


# Maps a file of machine code and calls it at offset 8.
_CALL_CODE = """
import ctypes, mmap, sys
access = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
with open(sys.argv[1], "rb") as file:
    memory = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, access)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
ctypes.CFUNCTYPE(None)(address + 8)()
"""
_NOP, _UNDEFINED = bytes.fromhex("00f020e3"), bytes.fromhex("f000f0e7")  # nop, udf #0


def test_an_illegal_instruction_is_placed(board: Device, sysroot: Sysroot, tmp_path: Path) -> None:
    file = tmp_path / "libundefined.so"
    file.write_bytes(2 * _NOP + _UNDEFINED)
    with pytest.raises(EngineCrashError, match=r"at offset 0x8 of libundefined\.so") as caught:
        run_guest(board, sysroot, ["-c", _CALL_CODE, str(file)])
    assert "QEMU's cortex-a15, which stands in for the Cortex-A72" in caught.value.remedy
