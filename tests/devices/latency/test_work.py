"""Dividing a plain run among the operators of a profiled one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml_devices.latency.measurement import Measurement, OperatorWork
from edgeml_devices.latency.work import Events, Work, set_aside, shared_out

CODES = [bytes([index]) * 4 * (index + 1) for index in range(5)]
counts = st.integers(0, 10**9).map(float)
works = st.builds(
    Work,
    executions=st.dictionaries(st.sampled_from(CODES), st.integers(1, 10**6).map(float)),
    entries=counts,
    caches=st.fixed_dictionaries({"l1d": st.builds(Events, counts, counts, counts)}),
)


def _totals(parts: tuple[Work, ...], rest: Work) -> tuple[float, float, float]:
    together = (*parts, rest)
    return (
        sum(work.instructions for work in together),
        sum(work.entries for work in together),
        sum(work.caches["l1d"].misses for work in together),
    )


@given(works, st.lists(works, min_size=1, max_size=4))
def test_what_is_shared_out_adds_up_to_the_plain_run(total: Work, parts: list[Work]) -> None:
    kept, rest = shared_out(total, parts)
    assert _totals(kept, rest) == pytest.approx(
        (total.instructions, total.entries, total.caches["l1d"].misses), rel=1e-6, abs=1e-3
    )
    for part, cut in zip(parts, kept, strict=True):
        assert cut.instructions <= part.instructions * (1 + 1e-9)


@given(works, st.lists(works, min_size=1, max_size=4))
def test_what_is_set_aside_adds_up_to_the_plain_run(total: Work, parts: list[Work]) -> None:
    kept, rest = set_aside(total, parts)
    assert sum(w.instructions for w in (*kept, rest)) == pytest.approx(total.instructions, abs=1e-3)


def test_the_profilers_own_blocks_are_left_out() -> None:
    caches = {"l1d": Events(100, 10, 0)}
    kernel, formatting = CODES[0], CODES[1]
    total = Work({kernel: 1000.0}, 10, caches)
    profiled = Work({kernel: 1000.0, formatting: 300.0}, 12, caches)
    (part,), rest = shared_out(total, [profiled])
    assert part.executions == {kernel: 1000.0}
    assert rest.instructions == 0


@given(st.lists(works, max_size=3), works, st.integers(0, 10**9))
def test_a_measurement_survives_its_document(
    parts: list[Work], rest: Work, instructions: int
) -> None:
    operators = tuple(OperatorWork(f"op{i}", "Conv", work) for i, work in enumerate(parts))
    measurement = Measurement("1.2", instructions, 5, 64, operators, rest, "")
    assert Measurement.from_json(measurement.to_json()) == measurement
