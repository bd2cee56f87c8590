# SPDX-License-Identifier: MIT
"""Model-specific registers (Intel SDM volume 4). Those that a call replaces exist only while that call is native."""

from __future__ import annotations

from openvmi.hypervisors.emu.clock import Clock
from openvmi.hypervisors.emu.cpu import EFER
from openvmi.hypervisors.emu.vcpu import Vcpu
from openvmi.machine.boot import LOCAL_APIC
from openvmi.machine.paging import canonical

TSC = 0x10
APIC_BASE = 0x1B
PAT = 0x277
EFER_NUMBER = 0xC000_0080
STAR, LSTAR, CSTAR, FLAG_MASK = 0xC000_0081, 0xC000_0082, 0xC000_0083, 0xC000_0084
FS_BASE, GS_BASE, KERNEL_GS_BASE = 0xC000_0100, 0xC000_0101, 0xC000_0102
TSC_AUX = 0xC000_0103

_APIC_ENABLED = 1 << 11 | 1 << 8  #: enabled, boot processor
_PAT_DEFAULT = 0x0007_0406_0007_0406
_ADDRESSES = frozenset({LSTAR, CSTAR, FS_BASE, GS_BASE, KERNEL_GS_BASE})
#: Not for a linked guest: the ROM has them, or calls do.
_NATIVE_ONLY = frozenset({STAR, LSTAR, CSTAR, FLAG_MASK, GS_BASE})


class Msrs:
    """The registers of the virtual processor."""

    def __init__(self, vcpu: Vcpu, clock: Clock) -> None:
        self._vcpu = vcpu
        self._clock = clock
        self._kept = {PAT: _PAT_DEFAULT, STAR: 0, LSTAR: 0, CSTAR: 0, FLAG_MASK: 0, TSC_AUX: 0}

    @property
    def syscall_entry(self) -> int:
        """LSTAR."""
        return self._kept[LSTAR]

    @property
    def syscall_mask(self) -> int:
        """The flags that SYSCALL clears."""
        return self._kept[FLAG_MASK]

    def read(self, number: int) -> int | None:
        """The contents; None for a register that does not exist."""
        vcpu = self._vcpu
        if vcpu.linked and number in _NATIVE_ONLY:
            return None
        if number == TSC:
            return self._clock.now()
        if number == EFER_NUMBER:
            return EFER
        if number == APIC_BASE:
            return LOCAL_APIC | _APIC_ENABLED
        if number == FS_BASE:
            return vcpu.cpu.fs_base
        if number == GS_BASE:
            return vcpu.cpu.gs_base
        if number == KERNEL_GS_BASE:
            return vcpu.user_gs
        return self._kept.get(number)

    def write(self, number: int, value: int) -> bool:
        """False for a register that does not exist, or does not take the value."""
        vcpu = self._vcpu
        if (vcpu.linked and number in _NATIVE_ONLY) or (number in _ADDRESSES and not canonical(value)):
            return False
        if number == EFER_NUMBER:
            return value == EFER
        if number == FS_BASE:
            vcpu.cpu.fs_base = value
        elif number == GS_BASE:
            vcpu.cpu.gs_base = value
        elif number == KERNEL_GS_BASE:
            vcpu.user_gs = value
        elif number in self._kept:
            self._kept[number] = value
        else:
            return False
        return True
