"""Telling the iterations of loops from other blocks, on assembled code."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeml_devices.emulation.plugin import CacheCounts, Counts, TranslationBlock
from edgeml_devices.latency.blocks import branch_target, loop_blocks
from edgeml_devices.latency.division import whole_work

Assemble = Callable[[str], bytes]
BASE = 0x400000


def block(code: bytes, address: int = BASE, executions: int = 1) -> TranslationBlock:
    return TranslationBlock(address, code, len(code) // 4, executions)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    branch=st.sampled_from(["b", "b.ne", "cbz x7,", "cbnz w7,", "tbz w3, #4,", "tbnz x3, #44,"]),
    words=st.integers(-(1 << 13), (1 << 13) - 1),
    before=st.integers(0, 3),
)
def test_every_direct_jump_leads_where_the_assembler_says(
    assemble: Assemble, branch: str, words: int, before: int
) -> None:
    code = assemble("nop\n" * before + f"{branch} #{4 * words}")
    assert branch_target(block(code)) == BASE + 4 * before + 4 * words


@pytest.mark.parametrize("last", ["ret", "bl #-8", "br x3", "blr x3", "nop", "svc #0", "eret"])
def test_calls_and_returns_are_no_jumps(assemble: Assemble, last: str) -> None:
    assert branch_target(block(assemble(f"nop\n{last}"))) is None


def test_a_block_that_jumps_to_itself_is_a_loop(assemble: Assemble) -> None:
    body = block(assemble("subs x1, x1, #1\nb.ne #-4"), BASE, 1000)
    entry = block(assemble("mov x1, #1000\nsubs x1, x1, #1\nb.ne #-4"), BASE - 4, 1)
    assert loop_blocks([entry, body]) == {body}


def test_a_loop_may_span_several_blocks(assemble: Assemble) -> None:
    head = block(assemble("ldr x2, [x3]\ncbz x2, #64"), BASE, 1000)
    tail = block(assemble("subs x1, x1, #1\nb.ne #-12"), BASE + 8, 990)
    assert loop_blocks([tail, head]) == {head, tail}


def test_blocks_that_ran_far_more_or_less_often_are_of_another_loop(assemble: Assemble) -> None:
    inner = block(assemble("subs x2, x2, #1\nb.ne #-4"), BASE, 100_000)
    outer = block(assemble("subs x1, x1, #1\nb.ne #-12"), BASE + 8, 1000)
    assert loop_blocks([inner, outer]) == {inner}


def test_a_jump_forwards_or_over_a_gap_is_no_loop(assemble: Assemble) -> None:
    forwards = block(assemble("cbz x2, #64"), BASE, 10)
    over_a_gap = block(assemble("b #-64"), BASE + 0x100, 10)
    assert loop_blocks([forwards, over_a_gap]) == frozenset()


def test_entries_are_the_executions_of_what_is_no_loop(assemble: Assemble) -> None:
    loop, call = assemble("subs x1, x1, #1\nb.ne #-4"), assemble("nop\nret")
    blocks = (block(loop, BASE, 1000), block(call, BASE + 64, 7), block(call, BASE + 128, 5))
    work = whole_work(
        Counts(
            target="aarch64",
            run_instructions=2024,
            call_instructions=2024,
            thread_instructions={0: 2024},
            caches={"l1d": CacheCounts(30, 20, 10)},
            blocks=blocks,
            slices=(),
        )
    )
    assert work.entries == 12
    assert work.executions == {loop: 1000, call: 12}  # the same bytes at two addresses are one
    assert work.instructions == 2024
