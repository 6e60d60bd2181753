"""A whole profile of the example in the emulated board."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeml_devices.cache import cache_root
from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot
from edgeml_devices.latency import ProfileResult, profile_model
from edgeml_devices.profile import load_device
from edgeml_runtime.errors import InputError, UnsupportedError

FASHION = Path(__file__).parents[3] / "examples" / "fashion" / "fashion.onnx"
CONVOLUTIONS = 11


@pytest.fixture(scope="module")
def profiles(rpi4_sysroot: Sysroot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kept counts, in a cache of these tests' own; its tools are those of the usual one."""
    usual, own = cache_root(), tmp_path_factory.mktemp("cache")
    assert rpi4_sysroot.path.is_dir()
    for part in ("toolkit", "plugin"):
        if (usual / part).is_dir():
            (own / part).symlink_to(usual / part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEML_CACHE", str(own))
        yield own / "profiles"


@pytest.fixture(scope="module")
def result(rpi4: Device, rpi4_sysroot: Sysroot, profiles: Path) -> ProfileResult:
    """The example in onnxruntime, emulated now."""
    found = profile_model(rpi4, rpi4_sysroot, "onnxruntime", FASHION, use_cache=False)
    assert profiles.is_dir()
    return found


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
    assert 0 < result.low_ms < result.estimate_ms < result.high_ms
    terms = result.terms
    assert min(terms.compute_ms, terms.branches_ms, terms.l2_ms, terms.dram_ms) > 0
    assert (terms.l3_ms, terms.sync_ms) == (0, 0)  # no L3, one thread


@pytest.mark.emulated
def test_damaged_counts_are_counted_again_with_the_same_result(
    rpi4: Device, rpi4_sysroot: Sysroot, result: ProfileResult, profiles: Path
) -> None:
    (stored,) = profiles.iterdir()
    stored.write_text(stored.read_text()[:1000])
    told: list[str] = []
    again = profile_model(
        rpi4,
        rpi4_sysroot,
        "onnxruntime",
        FASHION,
        progress=lambda task, _done, _total: told.append(task),
    )
    assert "emulating one inference" in told
    assert list(profiles.iterdir()) == [stored]
    assert again.instructions == pytest.approx(result.instructions, rel=1e-3)
    assert again.estimate_ms == pytest.approx(result.estimate_ms, rel=1e-2)
    told.clear()
    kept = profile_model(
        rpi4,
        rpi4_sysroot,
        "onnxruntime",
        FASHION,
        progress=lambda task, _done, _total: told.append(task),
    )
    assert "emulating one inference" not in told
    assert kept == again


@pytest.mark.emulated
def test_more_threads_are_faster_and_count_the_same(
    rpi4: Device, rpi4_sysroot: Sysroot, result: ProfileResult
) -> None:
    four = profile_model(rpi4, rpi4_sysroot, "onnxruntime", FASHION, threads=4)
    assert four.instructions == pytest.approx(result.instructions, rel=1e-3)
    assert four.terms.compute_ms < result.terms.compute_ms / 2


@pytest.mark.emulated
def test_what_cannot_be_profiled_is_refused(
    rpi4: Device, rpi4_sysroot: Sysroot, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="tflite-runtime"):
        profile_model(rpi4, rpi4_sysroot, "tflite-runtime", FASHION)
    for threads in (0, 5):
        with pytest.raises(InputError, match=f"threads is {threads}.*has 4 cores"):
            profile_model(rpi4, rpi4_sysroot, "onnxruntime", FASHION, threads=threads)
    with pytest.raises(InputError, match=r"nothing\.onnx"):
        profile_model(rpi4, rpi4_sysroot, "onnxruntime", Path("nothing.onnx"))
    with pytest.raises(InputError, match=r"absent\.npz: there is no such file"):
        profile_model(rpi4, rpi4_sysroot, "onnxruntime", FASHION, inputs=tmp_path / "absent.npz")
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    with pytest.raises(InputError, match="cannot load the model"):
        profile_model(rpi4, rpi4_sysroot, "onnxruntime", text)
    with pytest.raises(UnsupportedError, match="32-bit"):
        profile_model(load_device("rpi4-armv7"), rpi4_sysroot, "tflite-runtime", FASHION)
