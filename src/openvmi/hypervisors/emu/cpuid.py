# SPDX-License-Identifier: MIT
"""What CPUID says (Intel SDM volume 2, CPUID). The same on every host, so that a guest's choices are too."""

from __future__ import annotations

import struct

from openvmi.hypervisors.emu.clock import FREQUENCY

HYPERVISOR_BASE = 0x4000_0000
SIGNATURE = b"OpenVMIemu\0\0"
_TIMING = 0x4000_0010  #: TSC and local APIC timer frequency in kHz, as VMware gives them
_VENDOR = b"OpenVMI Emul"
_BRAND = b"OpenVMI emu processor".ljust(48, b"\0")

# FPU PSE TSC MSR PAE CX8 APIC PGE CMOV PAT CLFLUSH MMX FXSR SSE SSE2
_FEATURES_EDX = sum(1 << bit for bit in (0, 3, 4, 5, 6, 8, 9, 13, 15, 16, 19, 23, 24, 25, 26))
# SSE3 CX16 HYPERVISOR
_FEATURES_ECX = sum(1 << bit for bit in (0, 13, 31))
_FSGSBASE = 1 << 0
# SYSCALL NX RDTSCP LONG-MODE
_EXTENDED_EDX = sum(1 << bit for bit in (11, 20, 27, 29))
_LAHF = 1 << 0
_INVARIANT_TSC = 1 << 8
_FAMILY = 0x0000_0F00  #: family 15, model 0, stepping 0
_CLFLUSH_SIZE = 8 << 8  #: 64 bytes, in units of 8
_ADDRESS_BITS = 48 << 8 | 40


def _text(value: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(value) // 4}I", value)


def _leaves() -> dict[int, tuple[int, ...]]:
    ebx, edx, ecx = _text(_VENDOR)
    khz = FREQUENCY // 1000
    leaves = {
        0: (7, ebx, ecx, edx),
        1: (_FAMILY, _CLFLUSH_SIZE, _FEATURES_ECX, _FEATURES_EDX),
        7: (0, _FSGSBASE, 0, 0),
        HYPERVISOR_BASE: (_TIMING, *_text(SIGNATURE)),
        _TIMING: (khz, khz, 0, 0),
        0x8000_0000: (0x8000_0008, ebx, ecx, edx),
        0x8000_0001: (_FAMILY, 0, _LAHF, _EXTENDED_EDX),
        0x8000_0007: (0, 0, 0, _INVARIANT_TSC),
        0x8000_0008: (_ADDRESS_BITS, 0, 0, 0),
    }
    for part in range(3):
        leaves[0x8000_0002 + part] = _text(_BRAND[16 * part : 16 * part + 16])
    return leaves


_LEAVES = _leaves()


def cpuid(leaf: int, subleaf: int) -> tuple[int, ...]:
    """EAX, EBX, ECX, EDX; zeros for a leaf that does not exist."""
    if leaf == 7 and subleaf:
        return (0, 0, 0, 0)
    return _LEAVES.get(leaf, (0, 0, 0, 0))
