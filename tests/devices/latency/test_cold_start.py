"""The start of a program in the emulated board, in stages, and its memory."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import as_file
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml_devices.cache import cache_root
from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, run_guest
from edgeml_devices.latency import ProfileResult, profile_model
from edgeml_devices.latency.cold_start import time_cold_start
from edgeml_devices.latency.guest_run import guest_scripts
from edgeml_devices.latency.llvm import Llvm
from edgeml_devices.latency.pricing import main_part
from edgeml_devices.latency.start_counting import (
    STAGES,
    StageWork,
    StartWork,
    measure_cold_start,
)
from edgeml_devices.latency.work import Work
from edgeml_runtime.errors import InputError

MODEL = Path(__file__).parents[2] / "runtime" / "models" / "classifier.tflite"
MIB = 1024 * 1024

codes = st.binary(min_size=1, max_size=5).map(lambda word: word * 4)
works = st.builds(
    Work,
    executions=st.dictionaries(codes, st.integers(1, 10**9), min_size=1),
    entries=st.integers(0, 10**9),
    caches=st.just({}),
)


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
    """A small classifier in LiteRT, emulated now."""
    found = profile_model(rpi4, rpi4_sysroot, "litert", MODEL, cold_start=True)
    assert len(list(profiles.glob("*.json"))) == 2
    return found


@pytest.mark.emulated
def test_every_stage_counts(result: ProfileResult) -> None:
    start = result.cold_start
    assert start is not None
    assert tuple(start.stages_ms) == tuple(start.stages_instructions) == STAGES
    assert min(start.stages_ms.values()) > 0
    assert start.total_ms == pytest.approx(sum(start.stages_ms.values()))
    instructions = start.stages_instructions
    # Python starts within some ten million instructions when its library is compiled; NumPy's
    # import takes most of the rest, and one of uncompiled modules would take several times that.
    assert 10e6 < instructions["interpreter_start"] < 50e6
    assert 250e6 < instructions["imports"] < 500e6
    assert instructions["first_inference"] > result.instructions


@pytest.mark.emulated
def test_the_document_has_the_start_only_when_it_was_asked_for(
    rpi4: Device, rpi4_sysroot: Sysroot, result: ProfileResult
) -> None:
    document = result.to_json()
    assert document["cold_start_ms"] == pytest.approx(
        sum(document["cold_start"]["stages_ms"].values()), abs=1e-5
    )
    assert document["cold_start"]["lower_bound"] is True
    assert "page faults and system calls" in document["cold_start"]["not_included"]
    assert document["peak_memory_mib"] == max(document["resident_mib"].values())
    assert "Rss" in document["provenance"]["peak_memory"]
    without = profile_model(rpi4, rpi4_sysroot, "litert", MODEL).to_json()
    assert set(document) - set(without) == {
        "cold_start_ms",
        "cold_start",
        "peak_memory_mib",
        "resident_mib",
    }
    assert "peak_memory" not in without["provenance"]


@pytest.mark.emulated
def test_damaged_counts_are_counted_again_with_the_same_result(
    rpi4: Device, rpi4_sysroot: Sysroot, result: ProfileResult, profiles: Path
) -> None:
    assert result.cold_start is not None
    before = set(profiles.iterdir())
    (stored,) = (p for p in before if '"edgeml.cold-start/1"' in p.read_text()[:100])
    text = stored.read_text()
    kept = measure_cold_start(rpi4, rpi4_sysroot, "litert", MODEL)
    assert json.dumps(kept.to_json(), separators=(",", ":")) == text
    stored.write_text(text[:1000])
    again = measure_cold_start(rpi4, rpi4_sysroot, "litert", MODEL)
    assert set(profiles.iterdir()) == before
    for one, other in zip(kept.stages, again.stages, strict=True):
        assert other.instructions == pytest.approx(one.instructions, rel=1e-2)
    assert sum(s.instructions for s in again.stages) == pytest.approx(
        sum(s.instructions for s in kept.stages), rel=1e-3
    )


@pytest.mark.emulated
def test_resident_memory_is_the_guests_own(rpi4: Device, rpi4_sysroot: Sysroot) -> None:
    """The emulator alone has more resident than Python; what the guest takes is seen in full."""
    with as_file(guest_scripts()) as scripts:
        program = (
            f"import sys; sys.path.insert(0, {str(scripts)!r}); import cold_start\n"
            "cold_start.resident_kib()\n"
            "before = cold_start.resident_kib()\n"
            f"held = b'x' * (64 * {MIB})\n"
            "print(before, cold_start.resident_kib() - before)\n"
        )
        answer = run_guest(rpi4, rpi4_sysroot, ["-c", program]).stdout
    before_kib, taken_kib = (int(word) for word in answer.split())
    assert 4 * 1024 < before_kib < 20 * 1024
    assert taken_kib == pytest.approx(64 * 1024, rel=0.02)


@pytest.mark.emulated
def test_what_the_engine_cannot_read_is_refused(
    rpi4: Device, rpi4_sysroot: Sysroot, profiles: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.tflite"
    text.write_text("no model")
    kept = set(profiles.glob("*"))
    with pytest.raises(InputError, match="cannot load the model"):
        measure_cold_start(rpi4, rpi4_sysroot, "litert", text)
    assert set(profiles.glob("*")) == kept


@pytest.mark.usefixtures("own_cache")
def test_the_kept_blocks_stand_for_the_whole_stage(
    rpi4: Device, llvm: Llvm, assemble: Callable[[str], bytes]
) -> None:
    """Twice the instructions in the same kept blocks is twice the cycles; so is half the clock."""
    work = Work({assemble("add x0, x0, x1\nadd x0, x0, x2"): 1000.0}, 0, {})

    def compute_ms(instructions: int, device: Device) -> float:
        stage = StageWork("load", instructions, work)
        return time_cold_start(device, StartWork((stage,), {"load": 1024}), llvm).total_ms

    whole = compute_ms(2000, rpi4)
    # Two additions hold both integer units for a cycle; the code around them fills the waiting.
    cycles = 1000 * rpi4.calibration.compute_factor
    assert whole == pytest.approx(cycles / rpi4.clock_mhz / 1e3, rel=0.05)
    assert compute_ms(4000, rpi4) == pytest.approx(2 * whole)
    slow = replace(rpi4, clock_mhz=rpi4.clock_mhz // 2)
    assert compute_ms(2000, slow) == pytest.approx(2 * whole)


@given(work=works, share=st.floats(0.01, 1.0))
def test_the_main_part_holds_its_share_in_few_blocks(work: Work, share: float) -> None:
    part = main_part(work, share)
    assert part.executions.items() <= work.executions.items()
    assert part.instructions >= share * work.instructions * (1 - 1e-9)
    assert (part.entries, part.caches) == (work.entries, work.caches)
    least = min(
        part.executions, key=lambda code: len(code) // 4 * part.executions[code], default=b""
    )
    fewer = {code: n for code, n in part.executions.items() if code != least}
    assert Work(fewer, 0, {}).instructions < share * work.instructions
