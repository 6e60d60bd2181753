"""The real emulator and LLVM, from the usual cache; fetched when they are not there."""

import pytest

from edgeml_devices.emulation.qemu import loads_plugins
from edgeml_devices.latency.llvm import Llvm, locate_llvm
from edgeml_devices.latency.mca import block_cycles
from edgeml_devices.toolkit import Tool, ensure_tool, load_recipe

# fmla v0.4s, v1.4s, v2.4s; four of them, into four registers.
_CODE = bytes.fromhex("20cc224e 63cc224e 84cc224e a5cc224e".replace(" ", ""))


@pytest.fixture(scope="module")
def own_llvm() -> Llvm:
    """The toolkit's LLVM, whatever this machine has."""
    tool: Tool = ensure_tool(load_recipe("llvm"))
    return Llvm(tool.program("llvm-mc"), tool.program("llvm-mca"), tool.version)


@pytest.mark.parametrize("program", ["qemu-aarch64", "qemu-arm"])
def test_the_emulator_loads_plugins(program: str) -> None:
    assert loads_plugins(str(ensure_tool(load_recipe("qemu")).program(program)))


def test_the_models_price_code(own_llvm: Llvm) -> None:
    (a72,) = block_cycles([_CODE], "cortex-a72", own_llvm).values()
    (n1,) = block_cycles([_CODE], "neoverse-n1", own_llvm).values()
    assert 4 <= n1.repeated < a72.repeated


def test_this_machines_own_models_agree(own_llvm: Llvm) -> None:
    found = locate_llvm()
    assert found is not None
    assert block_cycles([_CODE], "cortex-a72", found) == block_cycles(
        [_CODE], "cortex-a72", own_llvm
    )
