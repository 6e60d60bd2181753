"""The latency model: its terms, and what each count does to them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml_devices.device import Calibration
from edgeml_devices.latency.model import LatencyTerms, Load, latency_terms

CORE = Calibration(
    compute_factor=1.0,
    block_entry_cycles=5.0,
    l2_line_cycles=4.0,
    l3_line_ns=None,
    dram_gb_per_s=6.4,
    exposed_share=0.5,
    operator_sync_us=30.0,
)
COUNTS = ("cycles", "block_entries", "l2_lines", "l3_lines", "dram_lines")
loads = st.builds(
    Load,
    *[st.floats(0.0, 1e10) for _ in COUNTS],
    line_bytes=st.just(64),
    parallel=st.booleans(),
)


def test_a_worked_example() -> None:
    load = Load(3e6, 3e5, 75_000, 0, 100_000, line_bytes=64, parallel=True)
    terms = latency_terms(load, CORE, clock_mhz=1500, threads=4)
    assert terms.compute_ms == pytest.approx(0.5)  # 3e6 cycles of 2 ms, shared by 4
    assert terms.branches_ms == pytest.approx(0.25)  # 3e5 x 5 cycles of 1 ms, shared by 4
    assert terms.l2_ms == pytest.approx(0.2)  # 75,000 x 4 cycles, shared by none
    assert terms.dram_ms == pytest.approx(1.0)  # 6.4 MB at 6.4 GB/s
    assert terms.overlap_ms == pytest.approx(-0.25)  # half of the shorter part, computing
    assert terms.sync_ms == pytest.approx(0.03)
    assert terms.total_ms == pytest.approx(0.5 + 0.25 + 0.2 + 1.0 - 0.25 + 0.03)
    assert terms.limit == "dram"


@given(loads, st.integers(1, 4))
def test_the_total_is_the_sum_of_the_terms(load: Load, threads: int) -> None:
    terms = latency_terms(load, CORE, 1500, threads)
    assert terms.total_ms == pytest.approx(sum(terms.to_json().values()))
    assert terms.total_ms >= max(terms.compute_ms, terms.l2_ms + terms.dram_ms)


@given(loads, st.sampled_from(COUNTS), st.integers(1, 4))
def test_more_events_never_take_less_time(load: Load, count: str, threads: int) -> None:
    more = replace(load, **{count: getattr(load, count) * 1.5 + 1})
    less_ms = latency_terms(load, CORE, 1500, threads).total_ms
    assert latency_terms(more, CORE, 1500, threads).total_ms >= less_ms * (1 - 1e-12)


@given(loads)
def test_threads_share_cycles_and_nothing_else(load: Load) -> None:
    one, four = (latency_terms(load, CORE, 1500, threads) for threads in (1, 4))
    sharing = 4 if load.parallel else 1
    assert four.compute_ms == pytest.approx(one.compute_ms / sharing)
    assert (four.l2_ms, four.l3_ms, four.dram_ms) == (one.l2_ms, one.l3_ms, one.dram_ms)
    assert one.sync_ms == 0.0


@given(st.lists(loads, max_size=5))
def test_a_network_is_the_sum_of_its_operators(operators: list[Load]) -> None:
    parts = [latency_terms(load, CORE, 1500, 1) for load in operators]
    total = LatencyTerms.sum(parts)
    assert total.total_ms == pytest.approx(sum(part.total_ms for part in parts))


def test_a_faster_clock_speeds_up_the_core_and_not_the_memory() -> None:
    load = Load(3e6, 0, 0, 0, 100_000, line_bytes=64, parallel=True)
    slow, fast = (latency_terms(load, CORE, clock_mhz, 1) for clock_mhz in (1000, 2000))
    assert fast.compute_ms == pytest.approx(slow.compute_ms / 2)
    assert fast.dram_ms == slow.dram_ms


def test_lines_from_the_third_level_are_timed_by_its_own_clock() -> None:
    load = Load(0, 0, 0, l3_lines=50_000, dram_lines=0, line_bytes=64, parallel=False)
    with_l3 = replace(CORE, l3_line_ns=8.0)
    for clock_mhz in (1000, 2000):
        assert latency_terms(load, with_l3, clock_mhz, 4).l3_ms == pytest.approx(0.4)
    assert latency_terms(load, CORE, 1000, 4).total_ms == 0.0


@pytest.mark.parametrize(("threads", "sync_us"), [(1, 0.0), (2, 10.0), (3, 20.0), (4, 30.0)])
def test_waking_threads_costs_for_each_thread_more(threads: int, sync_us: float) -> None:
    shared = Load(1e6, 0, 0, 0, 0, line_bytes=64, parallel=True)
    assert latency_terms(shared, CORE, 1500, threads).sync_ms == pytest.approx(sync_us / 1000)
    alone = replace(shared, parallel=False)
    assert latency_terms(alone, CORE, 1500, threads).sync_ms == 0.0
