"""A whole profile of the example in the emulated board."""

from pathlib import Path

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot
from edgeml_devices.latency import ProfileResult, profile_model
from edgeml_devices.profile import load_device
from edgeml_runtime.errors import InputError, UnsupportedError

FASHION = Path(__file__).parents[3] / "examples" / "fashion" / "fashion.onnx"
CONVOLUTIONS = 11


@pytest.fixture(scope="module")
def result(rpi4: Device, rpi4_sysroot: Sysroot) -> ProfileResult:
    """The example in onnxruntime, emulated now."""
    return profile_model(rpi4, rpi4_sysroot, "onnxruntime", FASHION, use_cache=False)


@pytest.mark.emulated
def test_the_operators_are_the_networks(result: ProfileResult) -> None:
    kinds = [operator.kind for operator in result.operators]
    assert kinds.count("FusedConv") + kinds.count("Conv") == CONVOLUTIONS
    assert kinds[-2:] == ["Gemm", "(engine)"]
    assert result.ops_unknown_because == ""


@pytest.mark.emulated
def test_the_operators_add_up_to_the_network(result: ProfileResult) -> None:
    total_ms = sum(operator.terms.total_ms for operator in result.operators)
    assert total_ms == pytest.approx(result.estimate_ms)
    instructions = sum(operator.instructions for operator in result.operators)
    assert instructions == pytest.approx(result.instructions, rel=1e-4)
    assert result.low_ms < result.estimate_ms < result.high_ms


@pytest.mark.emulated
def test_a_second_emulation_gives_the_same(
    rpi4: Device, rpi4_sysroot: Sysroot, result: ProfileResult
) -> None:
    again = profile_model(rpi4, rpi4_sysroot, "onnxruntime", FASHION, use_cache=False)
    assert again.instructions == pytest.approx(result.instructions, rel=1e-3)
    assert again.estimate_ms == pytest.approx(result.estimate_ms, rel=1e-3)
    kept = profile_model(rpi4, rpi4_sysroot, "onnxruntime", FASHION)
    assert kept.to_json() == again.to_json()


@pytest.mark.emulated
def test_more_threads_are_faster_and_count_the_same(
    rpi4: Device, rpi4_sysroot: Sysroot, result: ProfileResult
) -> None:
    four = profile_model(rpi4, rpi4_sysroot, "onnxruntime", FASHION, threads=4)
    assert four.instructions == pytest.approx(result.instructions, rel=1e-3)
    assert four.terms.compute_ms < result.terms.compute_ms / 2


@pytest.mark.emulated
def test_what_cannot_be_profiled_is_refused(rpi4: Device, rpi4_sysroot: Sysroot) -> None:
    with pytest.raises(InputError, match="tflite-runtime"):
        profile_model(rpi4, rpi4_sysroot, "tflite-runtime", FASHION)
    with pytest.raises(InputError, match="5"):
        profile_model(rpi4, rpi4_sysroot, "onnxruntime", FASHION, threads=5)
    with pytest.raises(InputError, match=r"nothing\.onnx"):
        profile_model(rpi4, rpi4_sysroot, "onnxruntime", Path("nothing.onnx"))
    with pytest.raises(UnsupportedError, match="32-bit"):
        profile_model(load_device("rpi4-armv7"), rpi4_sysroot, "tflite-runtime", FASHION)
