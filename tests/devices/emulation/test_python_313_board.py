"""A board with Debian 13 and its Python 3.13: another release, other packages, other wheels."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgeml_devices.emulation import Sysroot, ensure_sysroot, run_bundle, run_guest
from edgeml_devices.latency import profile_model
from edgeml_devices.profile import Device, load_device
from edgeml_runtime.errors import InputError

pytestmark = pytest.mark.emulated

FASHION = Path(__file__).parents[3] / "examples" / "fashion" / "fashion.onnx"


@pytest.fixture(scope="module")
def board() -> Device:
    return load_device("rpi5")


def test_the_guest_is_the_newer_release(board: Device) -> None:
    # With the smallest of the engines alone: on a new machine all of this is fetched.
    sysroot = ensure_sysroot(board, engines={"litert": board.engines["litert"]})
    program = (
        "import json, os, platform, sys, numpy, ai_edge_litert.interpreter;"
        "print(sys.version_info[:2], platform.machine(), os.confstr('CS_GNU_LIBC_VERSION'));"
        "print(json.__cached__, numpy.__cached__)"
    )
    first, second = run_guest(board, sysroot, ["-c", program]).stdout.splitlines()
    assert first == f"(3, 13) aarch64 glibc {board.glibc}"
    assert all(Path(compiled).is_file() for compiled in second.split())


def test_a_version_without_a_wheel_for_it_is_refused_with_those_that_have_one(
    board: Device,
) -> None:
    with pytest.raises(InputError, match=r"no onnxruntime 1\.18\.0 for .*Python 3\.13") as caught:
        ensure_sysroot(board, engines={"onnxruntime": "1.18.0"})
    assert "1.32.0" in caught.value.remedy


@pytest.fixture(scope="module")
def sysroot(board: Device) -> Sysroot:
    """Its file system with all its usual engines."""
    return ensure_sysroot(board)


@pytest.mark.slow
def test_every_engine_gives_the_right_answers(
    board: Device, sysroot: Sysroot, classifier_bundle: Path
) -> None:
    result = run_bundle(board, sysroot, classifier_bundle)
    assert {run.engine for run in result.runs} == set(board.engines)
    assert result.passed


@pytest.mark.slow
def test_the_older_release_executes_the_same_instructions(board: Device, sysroot: Sysroot) -> None:
    older = load_device("rpi4")
    sibling = replace(
        board,
        name="rpi5-debian12",
        **{key: getattr(older, key) for key in ("os", "suite", "glibc", "python")},
    )
    counts = [
        profile_model(device, place, "onnxruntime", FASHION, use_cache=False).instructions
        for device, place in ((board, sysroot), (sibling, ensure_sysroot(sibling)))
    ]
    assert counts[0] == pytest.approx(counts[1], rel=5e-3)
