# SPDX-License-Identifier: MIT
"""Traps for what does not fault by itself in a native guest, which runs in ring 3 (runner/privileged.c does the rest).

    pushfq        9c      shows the host's interrupt flag    becomes 6c      INSB, which faults and nobody needs
    cpuid         0f a2   shows the host's processor         becomes 6e 90   OUTSB
    insb, outsb   6c, 6e  would now mean these               become 1e       no instruction in 64-bit mode (PUSH DS)

Bytes that are no instruction would do for all of them, but cost three times as much where a hypervisor below this Linux
looks at those first. Prefixes are replaced, too: the new first byte stands where the old instruction began, and NOPs
fill it up. Only the loaded image is changed, never the file. What is looked through: the places where the guest makes
calls, and what its symbol table says is a function. A stripped guest has the former only; elsewhere PUSHFQ shows
interrupts as enabled, and what CPUID shows depends on whether the host can have it fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from openvmi.errors import RefusedError
from openvmi.hypervisors.linux.layout import NAME
from openvmi.units import Gpa

if TYPE_CHECKING:
    from openvmi.guest.image import GuestImage

#: What the first byte becomes.
PLANTED = {"pushfq": b"\x6c", "cpuid": b"\x6e"} | dict.fromkeys(
    (f"{repeat}{name}" for repeat in ("", "rep ", "repne ") for name in ("insb", "outsb")), b"\x1e")
_NOP = b"\x90"
_CODE_LIMIT = 64 << 20  # bytes to look through


def plant(guest: GuestImage, ram: memoryview) -> int:
    """Changes a loaded guest and returns the number of places.

    Raises :class:`RefusedError` for one with more code than anybody would look through.
    """
    found = list(places(guest))
    for address, code in found:
        ram[address : address + len(code)] = code
    return len(found)


def places(guest: GuestImage) -> Iterator[tuple[Gpa, bytes]]:
    """Where, and what is to be there."""
    total, done = 0, set()
    for start, size in [(record.address, record.size) for record in guest.site_records()] + guest.functions():
        segment = next((s for s in guest.segments if s.executable and s.holds(start, size)), None)
        if segment is None:
            continue
        total += size
        if total > _CODE_LIMIT:
            raise RefusedError(f"{guest.path}: it has more than {_CODE_LIMIT >> 20} MiB of code, and {NAME} would have"
                               " to look through for it to stay native; use --on emu")  # fmt: skip
        at = start - segment.virtual
        for offset, code in find(segment.data[at : at + size]):
            address = Gpa(segment.physical + at + offset)
            if address not in done:
                done.add(address)
                yield address, code


def find(code: bytes) -> Iterator[tuple[int, bytes]]:
    """The same for a run of instructions, by offset. What follows something that is none is not looked at."""
    import capstone

    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    for offset, size, name, _ in decoder.disasm_lite(code, 0):
        if name in PLANTED:
            yield offset, PLANTED[name] + _NOP * (size - 1)

