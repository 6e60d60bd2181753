"""The plugin under QEMU, on programs whose every instruction is known."""

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation.plugin import CacheShape, Counts, build_plugin, read_counts
from edgeml_devices.emulation.qemu import find_qemu
from edgeml_devices.latency.llvm import Llvm, find_llvm
from edgeml_runtime.errors import InternalError

Count = Callable[..., Counts]

_LOAD_ADDRESS = 0x400000
_HEADERS_BYTES = 64 + 56
_SHF_EXECINSTR = 4
_BSS_BYTES = 1 << 20

L1D = CacheShape("l1d", 4096, 2, 64)
L2 = CacheShape("l2", 65536, 16, 64)

_MACROS = """
.macro mark event
    mov x0, #(0xe100 + \\event)
    movk x0, #0xedc, lsl #16
    mov x8, #125
    svc #0
.endm
.macro finish
    mov x0, #0
    mov x8, #93
    svc #0
.endm
"""
_MARK_INSTRUCTIONS = 4
ATTACH, CALL_BEGIN, RUN_BEGIN, RUN_END, CALL_END, BASELINE = range(6)


@pytest.fixture(scope="session")
def qemu(rpi4: Device) -> Path:
    """Return the emulator, from the usual cache when it is edgeml's own."""
    return find_qemu(rpi4)


@pytest.fixture(scope="session")
def llvm() -> Llvm:
    """Return LLVM, from the usual cache when it is edgeml's own."""
    return find_llvm()


@pytest.fixture(scope="session")
def plugin_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache folder of the tests' own, so that the plugin is compiled in them."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def count_guest(
    qemu: Path, llvm: Llvm, plugin_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Counts]:
    """Return a call that runs AArch64 assembly under the plugin and returns the counts."""
    monkeypatch.setenv("EDGEML_CACHE", str(plugin_cache))

    def count(assembly: str, caches: tuple[CacheShape, ...] = ()) -> Counts:
        program = tmp_path / "guest"
        program.write_bytes(_executable(_machine_code(assembly, llvm, tmp_path)))
        program.chmod(0o755)
        report = tmp_path / "counts.json"
        plugin = build_plugin().argument(report, caches)
        command = [str(qemu), "-plugin", plugin, str(program)]
        subprocess.run(command, check=True, timeout=60)
        return read_counts(report)

    return count


def _machine_code(assembly: str, llvm: Llvm, folder: Path) -> bytes:
    linked = folder / "guest.o"
    command = [str(llvm.assembler), "-triple=aarch64", "-filetype=obj", "-o", str(linked)]
    subprocess.run(command, input=assembly, text=True, check=True)
    return _executable_section(linked.read_bytes())


def _executable_section(elf: bytes) -> bytes:
    (table,) = struct.unpack_from("<Q", elf, 0x28)
    entry_bytes, entries = struct.unpack_from("<HH", elf, 0x3A)
    for entry in range(table, table + entry_bytes * entries, entry_bytes):
        _, _, flags, _, offset, size = struct.unpack_from("<IIQQQQ", elf, entry)
        if flags & _SHF_EXECINSTR:
            return elf[offset : offset + size]
    raise AssertionError("no code")


def _executable(code: bytes) -> bytes:
    # A static ELF of one segment, for code without relocations, with zeroed memory behind it.
    entry = _LOAD_ADDRESS + _HEADERS_BYTES
    size = _HEADERS_BYTES + len(code)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, 183, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack(
        "<IIQQQQQQ", 1, 7, 0, _LOAD_ADDRESS, _LOAD_ADDRESS, size, size + _BSS_BYTES, 0x1000
    )
    return header + segment + code


def program(work: str, before: str = "") -> str:
    return f"""{_MACROS}
        mark {ATTACH}
        {before}
        mark {CALL_BEGIN}
        nop
        mark {RUN_BEGIN}
        {work}
        mark {RUN_END}
        nop
        mark {CALL_END}
        finish
    """


def loop(label: str, iterations: int, body: str = "") -> str:
    return f"""
        mov x1, #{iterations}
        {label}:
        {body}
        subs x1, x1, #1
        b.ne {label}
    """


def test_counts_every_instruction_between_the_markers(count_guest: Count) -> None:
    counts = count_guest(program(loop("first", 1000)))
    in_run = 1 + 2 * 1000 + _MARK_INSTRUCTIONS
    assert counts.run_instructions == in_run
    assert counts.call_instructions == in_run + 2 * _MARK_INSTRUCTIONS + 2
    assert sum(b.instructions * b.executions for b in counts.blocks) == in_run
    assert counts.target == "aarch64"
    assert counts.caches == {}


def test_counts_blocks_once_for_each_execution(count_guest: Count) -> None:
    counts = count_guest(program(loop("first", 500, "add x2, x2, #1")))
    # The first pass is fused with the code before the loop, so the loop's own block runs once less.
    iterations = [b.executions for b in counts.blocks if b.instructions == 3]
    assert iterations == [499]
    for block in counts.blocks:
        assert len(block.code) == 4 * block.instructions


def test_subtracts_the_baseline(count_guest: Count) -> None:
    # The same markers and call around nothing, then around some work: only the work is left.
    counts = count_guest(f"""{_MACROS}
        mark {ATTACH}
        adr x6, nothing
        bl marked
        mark {BASELINE}
        adr x6, some
        bl marked
        mark {CALL_END}
        finish
    marked:
        mov x20, lr
        mark {RUN_BEGIN}
        blr x6
        mark {RUN_END}
        ret x20
    nothing:
        ret
    some:
        {loop("pass", 100)}
        ret
    """)
    assert counts.run_instructions == 1 + 2 * 100 + 1


def test_run_counts_only_its_last_pass(count_guest: Count) -> None:
    twice = count_guest(program(loop("second", 10), before=program_part(loop("first", 1000))))
    once = count_guest(program(loop("second", 10)))
    assert twice.run_instructions == once.run_instructions


def program_part(work: str) -> str:
    return f"mark {RUN_BEGIN}\n{work}\nmark {RUN_END}"


def test_simulates_the_caches_of_a_stream(count_guest: Count) -> None:
    lines = 512
    # Reads one word of each line of 32 KiB behind the program, which fits L2 and not L1.
    sweep = "adr x3, end\n" + loop("first", lines, "ldr x4, [x3], #64")
    counts = count_guest(program(sweep) + "\n.balign 64\nend:", (L1D, L2))
    assert counts.caches["l1d"].accesses == lines
    assert counts.caches["l1d"].misses == lines
    assert counts.caches["l2"].misses == lines
    assert counts.caches["l2"].write_backs == 0


def test_caches_stay_filled_from_before_the_run(count_guest: Count) -> None:
    sweep = "adr x3, end\n{loop}"
    first = sweep.format(loop=loop("first", 512, "ldr x4, [x3], #64"))
    second = sweep.format(loop=loop("second", 512, "ldr x4, [x3], #64"))
    counts = count_guest(program(second, before=first) + "\n.balign 64\nend:", (L1D, L2))
    assert counts.caches["l1d"].misses == 512
    assert counts.caches["l2"].misses == 0


def test_stores_are_written_back_once_evicted(count_guest: Count) -> None:
    store = "adr x3, end\n" + loop("first", 512, "str x4, [x3], #64")
    counts = count_guest(program(store) + "\n.balign 64\nend:", (L1D, L2))
    assert counts.caches["l1d"].accesses == 512
    assert counts.caches["l1d"].misses == 512
    assert counts.caches["l1d"].write_backs == 512 - L1D.size_bytes // L1D.line_bytes


def test_an_access_across_lines_touches_both(count_guest: Count) -> None:
    straddle = "adr x3, end\n and x3, x3, #~63\n ldr x4, [x3, #124]"
    counts = count_guest(program(straddle) + "\n.balign 64\nend:", (L1D,))
    assert counts.caches["l1d"].accesses == 2


def test_two_runs_are_the_same(count_guest: Count) -> None:
    text = program(loop("first", 1000, "ldr x4, [sp]"))
    assert count_guest(text, (L1D, L2)) == count_guest(text, (L1D, L2))


def test_without_markers_there_is_no_report(count_guest: Count) -> None:
    with pytest.raises(InternalError, match="without a report"):
        count_guest(f"{_MACROS} finish")


def test_bad_arguments_stop_the_emulator(qemu: Path, tmp_path: Path) -> None:
    plugin = build_plugin()
    for argument in ("l1d=1000:2", "l1d=many", "colour=red"):
        command = [str(qemu), "-plugin", f"{plugin.path},out={tmp_path / 'o'},{argument}", "x"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode != 0
        assert "edgeml_count:" in result.stderr
