"""Prices of real code by LLVM's models of the cores."""

import subprocess
from pathlib import Path

import pytest

from edgeml_devices.latency.llvm import Llvm, find_llvm
from edgeml_devices.latency.mca import block_cycles
from edgeml_devices.latency.pricing import Prices
from edgeml_devices.latency.work import Work

CHAIN = "\n".join(["fmla v0.4s, v1.4s, v2.4s"] * 8)
PARALLEL = "\n".join(f"fmla v{i}.4s, v30.4s, v31.4s" for i in range(8))


@pytest.fixture(scope="session")
def llvm() -> Llvm:
    """LLVM, from the usual cache when it is edgeml's own."""
    return find_llvm()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llvm: Llvm) -> Path:
    """A cache folder of the test's own; LLVM was found before."""
    assert llvm.version
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path))
    return tmp_path


def assemble(text: str, llvm: Llvm) -> bytes:
    """Return the code of some instructions."""
    command = [str(llvm.assembler), "-triple=aarch64", "-show-encoding"]
    left = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    words = [
        line.split("encoding: [")[1][:-1] for line in left.stdout.splitlines() if "enc" in line
    ]
    return bytes(int(byte, 16) for word in words for byte in word.split(","))


def test_a_chain_takes_longer_than_independent_instructions(llvm: Llvm) -> None:
    chain, parallel = assemble(CHAIN, llvm), assemble(PARALLEL, llvm)
    costs = block_cycles([chain, parallel], "cortex-a72", llvm)
    assert costs[chain] >= 8 * 3
    assert costs[parallel] <= costs[chain] / 2


def test_cores_differ(llvm: Llvm) -> None:
    code = assemble(PARALLEL, llvm)
    cycles = {cpu: block_cycles([code], cpu, llvm)[code] for cpu in ("cortex-a72", "neoverse-n1")}
    assert cycles["neoverse-n1"] < cycles["cortex-a72"]


def test_a_batch_gives_what_single_blocks_give(llvm: Llvm) -> None:
    codes = [assemble(text, llvm) for text in (CHAIN, PARALLEL, "add x0, x1, x2", "ret")]
    together = block_cycles(codes, "cortex-a72", llvm)
    assert together == {c: block_cycles([c], "cortex-a72", llvm)[c] for c in codes}


def test_prices_are_kept(own_cache: Path, llvm: Llvm) -> None:
    work = Work({assemble(CHAIN, llvm): 10.0, assemble(PARALLEL, llvm): 5.0}, 0, {})
    told: list[str] = []
    first = Prices([work], "cortex-a72", llvm, lambda task, _done, _total: told.append(task))
    assert told
    assert list(own_cache.glob("block-costs/*.sqlite"))
    told.clear()
    again = Prices([work], "cortex-a72", llvm, lambda _task, _done, total: told.append(str(total)))
    assert set(told) <= {"0"}
    assert again.cycles(work) == first.cycles(work) > 0


def test_what_is_not_priced_costs_the_average(own_cache: Path, llvm: Llvm) -> None:
    hot, rare = assemble(CHAIN, llvm), assemble("add x0, x1, x2", llvm)
    work = Work({hot: 1e6, rare: 1.0}, 0, {})
    prices = Prices([work], "cortex-a72", llvm)
    per_instruction = prices.cycles(Work({hot: 1.0}, 0, {})) / 8
    assert prices.cycles(Work({rare: 1.0}, 0, {})) == pytest.approx(per_instruction)
    assert own_cache.is_dir()
