"""Blocks of guest code: which are loops, which are the same, which matter.

Knows the branches of AArch64; must not know what an instruction costs.
"""

from collections.abc import Iterable, Sequence

from edgeml_devices.emulation.plugin import TranslationBlock

_INSTRUCTION_BYTES = 4
# Blocks of one loop body run about equally often; beyond this ratio they belong to two loops.
_SAME_LOOP_RATIO = 2.0


def loop_indices(blocks: Sequence[TranslationBlock]) -> frozenset[int]:
    """Return the indices in *blocks* of those that are iterations of a loop."""
    loops = loop_blocks(blocks)
    return frozenset(index for index, block in enumerate(blocks) if block in loops)


def loop_blocks(blocks: Iterable[TranslationBlock]) -> frozenset[TranslationBlock]:
    """Return the blocks that form the body of a loop.

    A block of QEMU is no basic block: the first pass of a loop is mostly fused with the code before
    it, and a body may span several blocks. So a loop is a block that ends with a branch backwards,
    together with the adjacent blocks from the branch's target up to it, as long as they ran about
    as often.
    """
    by_address: dict[int, TranslationBlock] = {}
    for block in blocks:
        kept = by_address.get(block.address)
        if kept is None or block.executions > kept.executions:
            by_address[block.address] = block
    found: set[TranslationBlock] = set()
    for block in by_address.values():
        target = branch_target(block)
        if target is not None and target <= block.address:
            found.update(_loop_body(by_address, target, block))
    return frozenset(found)


def _loop_body(
    by_address: dict[int, TranslationBlock], target: int, last: TranslationBlock
) -> list[TranslationBlock]:
    body = []
    address = target
    while address < last.address:
        block = by_address.get(address)
        if block is None or not _similar(block.executions, last.executions):
            return []
        body.append(block)
        address += len(block.code)
    return [*body, last] if address == last.address else []


def _similar(one: int, other: int) -> bool:
    return max(one, other) <= _SAME_LOOP_RATIO * min(one, other)


def repeats_itself(code: bytes) -> bool:
    """Return whether the block *code* ends with a direct jump back into itself."""
    target = _target(0, code)
    return target is not None and 0 <= target < len(code)


def branch_target(block: TranslationBlock) -> int | None:
    """Return where the direct jump at the end of *block* leads, or ``None`` when it has none.

    Calls, returns and indirect jumps are no such jumps.
    """
    return _target(block.address, block.code)


def _target(start: int, code: bytes) -> int | None:
    # Encodings: Arm Architecture Reference Manual for A-profile, section C4.1 (branches).
    address = start + len(code) - _INSTRUCTION_BYTES
    word = int.from_bytes(code[-_INSTRUCTION_BYTES:], "little")
    if word >> 26 == 0b000101:  # B
        offset = _signed(word & 0x3FFFFFF, 26)
    elif word >> 24 == 0b01010100 or (word >> 25) & 0x3F == 0b011010:  # B.cond, CBZ, CBNZ
        offset = _signed((word >> 5) & 0x7FFFF, 19)
    elif (word >> 25) & 0x3F == 0b011011:  # TBZ, TBNZ
        offset = _signed((word >> 5) & 0x3FFF, 14)
    else:
        return None
    return address + offset * _INSTRUCTION_BYTES


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value
