"""Fitting: the array form of the model, what is believed beforehand, and what is carried over."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.latency_fit import COPY_GB_PER_S, TARGETS, fit, predicted_ms, prior
from benchmarks.latency_rows import Observation, Operators
from benchmarks.latency_validation import carried_over
from benchmarks.published_rows import PublishedRow, case_of, read_rows
from edgeml_devices.device import Calibration
from edgeml_devices.latency.model import LatencyTerms, Load, latency_terms
from edgeml_devices.profile import load_device

counts = st.floats(0.0, 1e9)
loads = st.builds(
    Load, counts, counts, counts, counts, counts, line_bytes=st.just(64), parallel=st.booleans()
)
shares = st.floats(0.01, 1.0)
constants = st.builds(
    Calibration,
    compute_factor=st.floats(0.5, 2.0),
    block_entry_cycles=st.floats(0.1, 20.0),
    l2_line_cycles=st.floats(0.1, 20.0),
    l3_line_ns=st.none() | st.floats(0.1, 20.0),
    dram_gb_per_s=st.floats(0.5, 50.0),
    exposed_share=shares,
    operator_sync_us=st.floats(0.1, 100.0),
)


def usable_rows(board: str) -> list[PublishedRow]:
    """Return the published rows of *board* that may be fitted."""
    return [row for row in read_rows() if row.usable and _target(row) == board]


def _target(row: PublishedRow) -> str:
    case = case_of(row)
    return case.target if case is not None else ""


def observed(row: PublishedRow, found: Sequence[Load]) -> Observation:
    """Return *row* as if the model had *found* as its loads."""
    case = case_of(row)
    assert case is not None
    return Observation(row, case, Operators.of(found), 1.0)


@given(st.lists(loads, min_size=1, max_size=5), constants, st.integers(0, 9))
def test_the_fitted_formula_is_the_models(found: list[Load], core: Calibration, place: int) -> None:
    row = usable_rows("rpi4")[place]
    seen = observed(row, found)
    terms = [latency_terms(load, core, seen.case.clock_mhz, seen.case.threads) for load in found]
    expected = LatencyTerms.sum(terms).total_ms
    assert predicted_ms(seen, core) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def _random_loads(generator: np.random.Generator, operators: int) -> list[Load]:
    """Return loads between bound by computing and bound by memory, at random."""
    found = []
    for _ in range(operators):
        cycles, l2_lines, dram_lines = 10 ** generator.uniform([5, 3, 3], [8, 6, 6])
        found.append(
            Load(cycles, cycles / 100, l2_lines, 0, dram_lines, 64, bool(generator.random() < 0.8))
        )
    return found


def test_a_fit_finds_the_constants_that_made_the_rows() -> None:
    true = replace(
        load_device("rpi4").calibration, compute_factor=1.1, dram_gb_per_s=4.0, exposed_share=0.5
    )
    generator = np.random.default_rng(0)
    rows = []
    for row in usable_rows("rpi4"):
        seen = observed(row, _random_loads(generator, 20))
        rows.append(replace(seen, row=replace(row, latency_ms=predicted_ms(seen, true))))
    found = fit(rows, prior("rpi4"))
    errors = [abs(predicted_ms(seen, found) / seen.row.latency_ms - 1.0) for seen in rows]
    assert max(errors) < 0.03
    assert found.compute_factor == pytest.approx(true.compute_factor, rel=0.05)
    assert found.dram_gb_per_s == pytest.approx(true.dram_gb_per_s, rel=0.1)


def test_one_odd_row_does_not_pull_the_others() -> None:
    true = load_device("rpi4").calibration
    generator = np.random.default_rng(1)
    rows = []
    for row in usable_rows("rpi4"):
        seen = observed(row, _random_loads(generator, 20))
        rows.append(replace(seen, row=replace(row, latency_ms=predicted_ms(seen, true))))
    odd = replace(rows[0], row=replace(rows[0].row, latency_ms=2 * rows[0].row.latency_ms))
    found = fit([odd, *rows[1:]], prior("rpi4"))
    errors = [abs(predicted_ms(seen, found) / seen.row.latency_ms - 1.0) for seen in rows[1:]]
    assert np.median(errors) < 0.03


def test_without_rows_the_belief_stays() -> None:
    assert vars(fit([], prior("rpi5"))) == pytest.approx(vars(prior("rpi5").center))


@pytest.mark.parametrize("board", TARGETS)
def test_a_belief_takes_nothing_from_the_boards_own_constants(board: str) -> None:
    center, device = prior(board).center, load_device(board)
    assert center.compute_factor == 1.0
    assert center.dram_gb_per_s == 2 * COPY_GB_PER_S[board]
    assert (center.l3_line_ns is None) == (device.cache(3) is None)
    others = {prior(b).center.operator_sync_us * load_device(b).clock_mhz for b in TARGETS}
    assert max(others) == pytest.approx(min(others))


def test_what_is_carried_over_depends_on_the_kind_of_core() -> None:
    fitted = {board: load_device(board).calibration for board in TARGETS}
    rpi4, rpi3 = fitted["rpi4"], fitted["rpi3bplus"]
    new = carried_over({"rpi4": rpi4, "rpi3bplus": rpi3}, "rpi5")
    # Both are out of order; the Pi 3 is not.
    assert new.exposed_share == pytest.approx(rpi4.exposed_share)
    assert new.l2_line_cycles == pytest.approx((rpi4.l2_line_cycles * rpi3.l2_line_cycles) ** 0.5)
    assert new.dram_gb_per_s == prior("rpi5").center.dram_gb_per_s
    in_order = carried_over({"rpi4": rpi4, "rpi5": fitted["rpi5"]}, "rpi3bplus")
    assert in_order.exposed_share == prior("rpi3bplus").center.exposed_share
    assert in_order.l3_line_ns is None


def test_threads_take_as_many_cycles_to_wake_on_a_faster_board() -> None:
    rpi4 = load_device("rpi4").calibration
    new = carried_over({"rpi4": rpi4}, "rpi5")
    cycles = [rpi4.operator_sync_us * 1500, new.operator_sync_us * 2400]
    assert cycles[0] == pytest.approx(cycles[1])
