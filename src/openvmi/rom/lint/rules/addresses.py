# SPDX-License-Identifier: MIT
"""Which memory a ROM touches by addresses of its own. Pointers that the guest passes are the calls' business."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from openvmi.abi.names import TEXT_LIMIT, VCPU_BLOCK_SIZE, VCPU_ROM_OFFSET, WINDOW_DATA, WINDOW_SIZE
from openvmi.rom.lint.program import PRIVATE

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Access, Analysis



def address(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """Memory at an absolute address, or relative to RIP or GS outside text, data, window and the ROM's part of the VCPU
    block.

    The kernel maps the ROM where it likes: at any other address there is something else, or nothing.

    Use .data, the window or %gs:rom_vcpu; declare (rule address) what the hypervisor guarantees to be at a fixed place.
    """
    told = set()
    for access in analysis.accesses.values():
        offset = access.instruction.offset
        if offset not in told and (said := _wrong(analysis, access)):
            told.add(offset)
            yield offset, said
    for offset, found in analysis.reached.items():
        if found.short and found.memories and found.mnemonic not in ("lea", "nop"):
            yield offset, "takes 32 bits of an address: memory below 4 GiB, which is user mode's"


def _wrong(analysis: Analysis, access: Access) -> str:
    form, *where = access.address
    size = access.size if access.exact else 1
    if access.segment == "fs":
        return "uses the FS segment, which is user mode's"
    if access.segment == "gs":
        return _vcpu(analysis, access, where[-1], size) if form == "c" else "GS plus an address of its own"
    if form == "w":
        return _window(analysis, access, where[0], size)
    return _absolute(analysis, access, where[0]) if form == "c" else ""


def _vcpu(analysis: Analysis, access: Access, start: int, size: int) -> str:
    end = VCPU_ROM_OFFSET + analysis.program.image.descriptor.vcpu_size
    if access.writes and not VCPU_ROM_OFFSET <= start <= start + size <= end:
        return f"writes byte {start} of the VCPU block; the ROM's are {VCPU_ROM_OFFSET} to {end - 1}"
    if start + size > min(max(end, VCPU_ROM_OFFSET), VCPU_BLOCK_SIZE):
        return f"reads byte {start} of the VCPU block, which belongs to nobody"
    return ""


def _window(analysis: Analysis, access: Access, start: int, size: int) -> str:
    program = analysis.program
    data = WINDOW_DATA, WINDOW_DATA + program.image.descriptor.data_memory
    for low, high in ((0, len(program.text)), data, (PRIVATE, WINDOW_SIZE)):
        if low <= start and start + size <= high:
            return ""
    if access.writes and 0 <= start < TEXT_LIMIT:
        return ""  # text-write tells
    return f"memory at {start:#x} from the window's start, where the ROM has nothing"


def _absolute(analysis: Analysis, access: Access, start: int) -> str:
    program, offset = analysis.program, access.instruction.offset
    if any(each.start <= start < each.start + each.size for each in program.table.memory):
        return ""
    if program.declared.use("address", program.symbol(offset), offset):
        return ""
    return f"memory at the absolute address {start:#x}"


def text_write(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A write to the ROM's own text.

    Text is mapped read-only, and the same pages serve every VCPU: the write faults, and nobody would check what it
    changes.

    Keep what changes in .data or in the VCPU block.
    """
    told = set()
    for access in analysis.accesses.values():
        offset = access.instruction.offset
        inside = access.address[0] == "w" and not access.segment and 0 <= access.address[1] < TEXT_LIMIT
        if access.writes and inside and offset not in told:
            told.add(offset)
            yield offset, f"writes to text+{access.address[1]:#x}"
