"""Prices of real code by LLVM's models of the cores."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgeml_devices.device import Pipeline
from edgeml_devices.latency.block_costs import priced_blocks
from edgeml_devices.latency.llvm import Llvm
from edgeml_devices.latency.mca import BlockCost, block_cycles
from edgeml_devices.latency.pricing import Prices
from edgeml_devices.latency.work import Work
from edgeml_runtime.errors import InternalError, MissingToolError

A72 = Pipeline("cortex-a72", out_of_order=True)
Assemble = Callable[[str], bytes]

CHAIN = "\n".join(["fmla v0.4s, v1.4s, v2.4s"] * 8)
PARALLEL = "\n".join(f"fmla v{i}.4s, v30.4s, v31.4s" for i in range(8))


def test_a_chain_takes_longer_than_independent_instructions(llvm: Llvm, assemble: Assemble) -> None:
    chain, parallel = assemble(CHAIN), assemble(PARALLEL)
    costs = block_cycles([chain, parallel], "cortex-a72", llvm)
    assert costs[chain].repeated >= 8 * 3
    assert costs[parallel].repeated <= costs[chain].repeated / 2


def test_cores_differ(llvm: Llvm, assemble: Assemble) -> None:
    code = assemble("\n".join(["fmul v0.4s, v0.4s, v1.4s"] * 8))
    cpus = ("neoverse-n1", "cortex-a55", "cortex-a72", "cortex-a53")
    cycles = [block_cycles([code], cpu, llvm)[code].repeated / 8 for cpu in cpus]
    # What a product waits for the one before it, by the makers' optimization guides.
    assert cycles == pytest.approx([3, 4, 5, 6], rel=0.01)


def test_a_core_works_on_as_many_instructions_at_once_as_it_has_pipelines(
    llvm: Llvm, assemble: Assemble
) -> None:
    chain, parallel = assemble(CHAIN), assemble(PARALLEL)
    costs = block_cycles([chain, parallel], "neoverse-n1", llvm)
    # Each waits 4 cycles for the last one; two vector pipelines.
    assert costs[chain].repeated == pytest.approx(8 * 4, rel=0.01)
    assert costs[parallel].repeated == pytest.approx(8 / 2, rel=0.02)
    # With other code around, the chain takes no more of the core than the independent ones.
    assert costs[chain].overlapped == costs[parallel].overlapped == 8 / 2


def test_a_batch_gives_what_single_blocks_give(llvm: Llvm, assemble: Assemble) -> None:
    codes = [assemble(text) for text in (CHAIN, PARALLEL, "add x0, x1, x2", "ret")]
    together = block_cycles(codes, "cortex-a72", llvm)
    assert together == {c: block_cycles([c], "cortex-a72", llvm)[c] for c in codes}


def test_more_blocks_than_one_call_takes_stay_in_their_order(
    llvm: Llvm, assemble: Assemble
) -> None:
    word = assemble("add x0, x0, #1")
    firsts = assemble("\n".join(f"add x0, x0, #{number}" for number in range(300)))
    sums = [firsts[4 * n : 4 * n + 4] + word * (n % 5) for n in range(300)]
    costs = block_cycles(sums, "cortex-a72", llvm)
    assert list(costs) == sums
    expected = [1 + n % 5 for n in range(300)]
    assert [costs[code].repeated for code in sums] == pytest.approx(expected, abs=0.1)


def test_instructions_without_a_schedule_take_a_cycle_each(llvm: Llvm, assemble: Assemble) -> None:
    # Blocks of nothing else: atomics that the models lack, undefined ones, and data.
    atomics, undefined = assemble("ldadd w0, w1, [x2]\ncasal w0, w1, [x2]"), assemble("udf #0")
    known = assemble("add x0, x0, #1")
    costs = block_cycles([atomics, undefined, known, atomics + known], "neoverse-n1", llvm)
    assert costs[atomics] == BlockCost(2, 2)
    assert costs[undefined] == BlockCost(1, 1)
    assert costs[atomics + known] == costs[known]
    assert block_cycles([atomics], "neoverse-n1", llvm) == {atomics: BlockCost(2, 2)}


def test_an_unknown_core_is_worded(llvm: Llvm, assemble: Assemble) -> None:
    listing = assemble("ret")
    with pytest.raises(InternalError, match="llvm-mca"):
        block_cycles([listing], "no-such-core", llvm)


def test_prices_are_kept(own_cache: Path, llvm: Llvm, assemble: Assemble) -> None:
    work = Work({assemble(CHAIN): 10.0, assemble(PARALLEL): 5.0}, 0, {})
    told: list[str] = []
    first = Prices([work], A72, llvm, lambda task, _done, _total: told.append(task))
    assert told
    assert list(own_cache.glob("block-costs/*.sqlite"))
    told.clear()
    again = Prices([work], A72, llvm, lambda _task, _done, total: told.append(str(total)))
    assert set(told) <= {"0"}
    assert again.cycles(work) == first.cycles(work) > 0


def test_what_is_not_priced_costs_the_average(
    own_cache: Path, llvm: Llvm, assemble: Assemble
) -> None:
    hot, rare = assemble(CHAIN), assemble("add x0, x1, x2")
    work = Work({hot: 1e6, rare: 1.0}, 0, {})
    prices = Prices([work], A72, llvm)
    per_instruction = prices.cycles(Work({hot: 1.0}, 0, {})) / 8
    assert prices.cycles(Work({rare: 1.0}, 0, {})) == pytest.approx(per_instruction)
    assert own_cache.is_dir()


def test_kept_prices_need_no_llvm(own_cache: Path, llvm: Llvm, assemble: Assemble) -> None:
    codes = [assemble(CHAIN), assemble(PARALLEL)]
    first = priced_blocks(codes, "cortex-a72", llvm)
    absent = replace(llvm, assembler=own_cache / "absent", analyser=own_cache / "absent")
    assert priced_blocks(codes, "cortex-a72", absent) == first
    # Another core's prices are not this one's.
    assert priced_blocks(codes, "cortex-a53", llvm) != first


@pytest.mark.parametrize("damage", ["text", "cut", "no prices"])
def test_damaged_prices_are_computed_again(
    own_cache: Path, llvm: Llvm, assemble: Assemble, damage: str
) -> None:
    codes = [assemble("\n".join([f"add x{r}, x{r}, #1"] * n)) for r in range(9) for n in (1, 2, 3)]
    first = priced_blocks(codes, "cortex-a72", llvm)
    (store,) = own_cache.glob("block-costs/*.sqlite")
    if damage == "no prices":
        with sqlite3.connect(store) as connection:
            connection.execute("UPDATE costs SET overlapped = NULL")
        connection.close()
    else:
        content = b"no database" * 99 if damage == "text" else store.read_bytes()[:5000]
        store.write_bytes(content)
    assert priced_blocks(codes, "cortex-a72", llvm) == first
    absent = replace(llvm, assembler=own_cache / "absent", analyser=own_cache / "absent")
    assert priced_blocks(codes, "cortex-a72", absent) == first


def test_a_store_that_cannot_be_opened_is_worded(
    own_cache: Path, llvm: Llvm, assemble: Assemble
) -> None:
    code = assemble("ret")
    priced_blocks([code], "cortex-a72", llvm)
    (store,) = own_cache.glob("block-costs/*.sqlite")
    store.unlink()
    store.mkdir()
    with pytest.raises(MissingToolError, match=str(store)):
        priced_blocks([code], "cortex-a72", llvm)


def test_only_loops_and_in_order_cores_wait_for_what_a_block_began(
    own_cache: Path, llvm: Llvm, assemble: Assemble
) -> None:
    chain = assemble(CHAIN)
    loop = assemble(f"{CHAIN}\nsubs x0, x0, #1\nb.ne #-36")
    works = [Work({code: 1.0}, 0, {}) for code in (chain, loop)]

    def cycles(*, out_of_order: bool) -> list[float]:
        prices = Prices(works, Pipeline("neoverse-n1", out_of_order), llvm)
        return [prices.cycles(work) for work in works]

    in_order, overlapping = cycles(out_of_order=False), cycles(out_of_order=True)
    assert in_order == pytest.approx([32, 32], rel=0.02)
    assert overlapping == pytest.approx([4, 32], rel=0.02)
    assert own_cache.is_dir()
