"""Which instruction of which library a board's processor refused.

QEMU's ``-strace`` prints the address of the fault and every ``mmap`` of a library, from which
library and file offset follow; llvm-mc puts the four bytes there into words. Must not know which
program was run.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml_devices.device import Device
from edgeml_devices.process import run

_FAULT = re.compile(r"--- SIGILL \{.*si_addr ?= ?(?:0x)?([0-9a-f]+)")
_OPEN = re.compile(r"\bopen(?:at)?\((?:AT_FDCWD,)?\"([^\"]+)\".*\) = (\d+)\s*$")
_CLOSE = re.compile(r"\bclose\((\d+)\)")
_MMAP = re.compile(
    r"\bmmap(2?)\((?:NULL|0x[0-9a-f]+),(\d+|0x[0-9a-f]+),[^,]*,[^,]*,(-?\d+),(\d+|0x[0-9a-f]+)\)"
    r" = 0x([0-9a-f]+)"
)
_PAGE_BYTES = 4096  # the unit of mmap2, by which 32-bit programs map files


@dataclass(frozen=True)
class _Mapping:
    start: int
    length: int
    offset: int
    file: str


def explain_sigill(
    command: Sequence[str], environment: Mapping[str, str], device: Device, timeout_s: float = 600
) -> str:
    """Run *command* again and say where it met the illegal instruction.

    Args:
        command: QEMU, its options, the program and its arguments.
        environment: The whole environment.
        device: The board.
        timeout_s: Give up after this time.

    Returns:
        Such as ``fmov v1.4h, #0.5 at offset 0xb28f4 of libfoo.so``; empty when it cannot be told.
    """
    with TemporaryDirectory(prefix="edgeml-") as scratch:
        log = Path(scratch) / "strace.log"
        traced = [command[0], "-strace", "-D", str(log), *command[1:]]
        try:
            run(traced, environment, timeout_s)
        except subprocess.TimeoutExpired:
            return ""
        if not log.is_file():
            return ""
        with log.open(encoding="utf-8", errors="replace") as lines:
            place = locate_fault(lines)
    if place is None:
        return ""
    file, offset = place
    text = _disassemble(Path(file), offset, device)
    return f"{text}at offset {offset:#x} of {Path(file).name}"


def locate_fault(trace: Iterator[str]) -> tuple[str, int] | None:
    """Return file and offset of the illegal instruction that a ``-strace`` log ends with.

    ``None`` when the log has no such fault, or the fault is not in a mapped file.
    """
    descriptors: dict[str, str] = {}
    mappings: list[_Mapping] = []
    for line in trace:
        if found := _OPEN.search(line):
            descriptors[found[2]] = found[1]
        elif found := _MMAP.search(line):
            in_pages, length, descriptor, offset, start = found.groups()
            offset_bytes = int(offset, 0) * (_PAGE_BYTES if in_pages else 1)
            file = descriptors.get(descriptor, "")
            mappings.append(_Mapping(int(start, 16), int(length, 0), offset_bytes, file))
        elif found := _CLOSE.search(line):
            descriptors.pop(found[1], None)
        elif found := _FAULT.search(line):
            return _place(int(found[1], 16), mappings)
    return None


def _place(address: int, mappings: Sequence[_Mapping]) -> tuple[str, int] | None:
    for mapping in reversed(mappings):  # the latest lies on top
        if mapping.start <= address < mapping.start + mapping.length:
            offset = address - mapping.start + mapping.offset
            return (mapping.file, offset) if mapping.file else None
    return None


def _disassemble(file: Path, offset: int, device: Device) -> str:
    program = shutil.which("llvm-mc-19")
    if program is None or device.arch != "aarch64" or not file.is_file():
        return ""
    with file.open("rb") as stream:
        stream.seek(offset)
        code = " ".join(f"{byte:#04x}" for byte in stream.read(4))
    with TemporaryDirectory(prefix="edgeml-") as scratch:
        source = Path(scratch) / "code"
        source.write_text(code)
        options = ["--disassemble", "--triple=aarch64", "--mattr=+all"]
        left = run([program, *options, str(source)], timeout_s=60)
    words = [line.split() for line in left.stdout.splitlines() if line.startswith("\t")]
    instruction = next((" ".join(w) for w in words if not w[0].startswith(".")), "")
    instruction = re.sub(r"(#-?\d+\.\d+?)0+$", r"\1", instruction)  # llvm-mc writes #0.50000000
    return f"{instruction} " if instruction else ""
