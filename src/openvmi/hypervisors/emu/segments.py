# SPDX-License-Identifier: MIT
"""The descriptor table that the processor uses: one page, read-only for the guest.

      selector   what                    in a guest that traps and is emulated
      0x09       kernel code, ring 1     not present: loading it faults and is emulated
      0x11       kernel data, ring 1
      0x1b       user code, 32-bit       not present
      0x23       user data
      0x2b       user code, 64-bit       not present
      0x33 ...   slots of DescriptorsSet

Formats: Intel SDM volume 3, section 3.4.5.
"""

from __future__ import annotations

import struct

from openvmi.abi import names

KERNEL_CS = 0x09
KERNEL_SS = 0x11
USER_CS32 = 0x1B
USER_SS = 0x23
USER_CS = 0x2B
SLOT_BASE = 0x33

PRESENT = 1 << 47
_ACCESSED = 1 << 40
_CODE = 1 << 43
_SEGMENT = 1 << 44
_LONG = 1 << 53
_FIXED = {
    # Accessed from the start: the processor never writes to the page.
    KERNEL_CS: 0x00AF_BB00_0000_FFFF,
    KERNEL_SS: 0x00CF_B300_0000_FFFF,
    USER_CS32: 0x00CF_FB00_0000_FFFF,
    USER_SS: 0x00CF_F300_0000_FFFF,
    USER_CS: 0x00AF_FB00_0000_FFFF,
}
_ENTRIES = 6 + names.DESCRIPTOR_SLOTS
LIMIT = 8 * _ENTRIES - 1  #: for the descriptor table register


class DescriptorTable:
    """The table in memory, and what each selector stands for."""

    def __init__(self, page: memoryview) -> None:
        self._page = page
        self._known = dict(_FIXED)
        self._emulated = True
        self._shown = False
        self._write()

    def emulate_loads(self, on: bool) -> None:
        """Whether loading a code segment faults, so that the host does it."""
        self._emulated = on
        self._write()

    def show_code(self) -> bool:
        """User mode runs and may load code segments by itself, until :meth:`hide_code`. False if it could already."""
        shown, self._shown = self._shown, True
        if not shown:
            self._write()
        return not shown

    def hide_code(self) -> None:
        """The kernel runs."""
        if self._shown:
            self._shown = False
            self._write()

    def set_slots(self, first: int, descriptors: list[int]) -> bool:
        """DescriptorsSet. False, with nothing changed, when one of them is not allowed or the slots do not exist."""
        if first + len(descriptors) > names.DESCRIPTOR_SLOTS or not all(map(_allowed, descriptors)):
            return False
        for index, descriptor in enumerate(descriptors, first):
            self._known[SLOT_BASE + 8 * index] = descriptor | _ACCESSED if descriptor else 0
        self._write()
        return True

    @property
    def slots(self) -> list[int]:
        """The descriptors in the slots, as they were given but for the accessed bit."""
        return [self._known.get(SLOT_BASE + 8 * index, 0) for index in range(names.DESCRIPTOR_SLOTS)]

    def code(self, selector: int) -> int | None:
        """The descriptor of a code segment, 0 to 3 in the low selector bits included; None when it is none."""
        descriptor = self._known.get(selector, 0)
        return descriptor if descriptor & _CODE else None

    def stack(self, selector: int) -> int | None:
        """The descriptor of a data segment that may be a stack."""
        descriptor = self._known.get(selector, 0)
        return descriptor if descriptor and not descriptor & _CODE else None

    def close(self) -> None:
        """Lets go of the page."""
        self._page.release()

    def _write(self) -> None:
        for selector, descriptor in self._known.items():
            absent = self._emulated and not self._shown and descriptor & _CODE
            struct.pack_into("<Q", self._page, selector & ~7, descriptor & ~PRESENT if absent else descriptor)


def is_long(descriptor: int) -> bool:
    """Whether a code segment is 64-bit."""
    return bool(descriptor & _LONG)


def _allowed(descriptor: int) -> bool:
    """Zero, or a present code or data segment of privilege 3."""
    return not descriptor or (
        bool(descriptor & PRESENT and descriptor & _SEGMENT) and descriptor >> 45 & 3 == 3 and descriptor < 1 << 64
    )
