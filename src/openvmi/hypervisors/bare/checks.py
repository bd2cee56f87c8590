# SPDX-License-Identifier: MIT
"""What a PC refuses, before one is started."""

from __future__ import annotations

import struct

from openvmi.errors import RefusedError
from openvmi.guest import elf
from openvmi.guest.image import GuestImage
from openvmi.guest.linux import LOAD_ADDRESS
from openvmi.hypervisors.base import LinuxConfig, MachineConfig
from openvmi.machine import boot
from openvmi.units import Gpa

MEMORY_LEAST = 16 << 20
MEMORY_MOST = 3 << 30  #: where a PC's devices begin
CPUS_MOST = 32  #: what Linux for i386 of the classic interface's time was built for at most
_MIB = 1 << 20
_LOW = 1 << 20  # below are the first megabyte's BIOS and screen
_FIRMWARE = 1 << 20  # bytes at the end of memory that SeaBIOS keeps its tables and itself in while it works
#: Bytes with the NUL; what the option ROM by which QEMU enters a PVH kernel copies (pc-bios/optionrom/pvh_main.c).
_COMMAND_LINE_BUFFER = 4096

_OWNER = b"Xen\0"
_PHYS32_ENTRY = 18  # Xen public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY
_NOTE = struct.Struct("<III")


def check(config: MachineConfig) -> None:
    """Raises :class:`RefusedError` for the first thing about a configuration that a PC cannot do."""
    if config.rom is not None and config.rom.hypervisor != "bare":
        raise RefusedError(
            f"the ROM {config.rom.name} is for the hypervisor {config.rom.hypervisor}; on bare hardware give one that"
            " is for bare, such as template, or none"
        )
    _check_memory(config.memory)
    boot.check_layout(config.guest, config.memory, pc=True)
    _check_place(config.guest, config.memory)
    pvh_entry(config.guest)
    _check_command_line(config.command_line, _COMMAND_LINE_BUFFER - 1)
    if len(config.modules) > 1:
        raise RefusedError(
            f"{len(config.modules)} boot modules given; QEMU hands one to a kernel that is booted by PVH; give one"
            " that contains the others"
        )


def check_linux(config: LinuxConfig, line: str) -> None:
    """The same for a Linux kernel with the command line that it gets."""
    kernel = config.kernel
    _check_memory(config.memory)
    if not 1 <= config.cpus <= CPUS_MOST:
        raise RefusedError(f"{config.cpus} processors asked for; on bare there are 1 to {CPUS_MOST}; choose --cpus so")
    if kernel.is_64bit:
        raise RefusedError(f"{kernel.path}: a kernel of 64 bits (xloadflags), and bare boots Linux kernels on a"
                           " processor of 32 bits; give one that was built for i386")
    _check_command_line(line, min(kernel.command_line_limit, _COMMAND_LINE_BUFFER - 1))
    end = LOAD_ADDRESS + len(kernel.data) - kernel.setup_size
    initrd = len(config.initrd or b"")
    top = min(config.memory - _FIRMWARE, kernel.initrd_end + 1 if initrd else config.memory)
    if end + initrd > top:
        raise RefusedError(
            f"{kernel.path}: kernel and initrd end at {end + initrd} bytes of guest memory, and what they may use ends"
            f" at {top}; give more --memory (there are {config.memory} bytes), or a smaller --initrd"
        )


def _check_memory(size: int) -> None:
    if size % _MIB or not MEMORY_LEAST <= size <= MEMORY_MOST:
        raise RefusedError(
            f"{size} bytes of guest memory asked for; on bare it must be a multiple of 1 MiB from"
            f" {MEMORY_LEAST >> 20} to {MEMORY_MOST >> 20} MiB; choose another --memory"
        )


def _check_place(guest: GuestImage, memory: int) -> None:
    start = guest.segments[0].physical
    end = start + guest.image_end - guest.image_start
    if start < _LOW:
        raise RefusedError(
            f"{guest.path}: it is linked at guest-physical {start:#x}; below {_LOW:#x} a PC has its firmware;"
            " link it higher"
        )
    if end + _FIRMWARE > memory:
        raise RefusedError(
            f"{guest.path}: its image ends at {end} bytes of guest memory, of which there are {memory}; the firmware"
            f" needs {_FIRMWARE} behind it; give it at least --memory {-(-(end + _FIRMWARE) // _MIB)}M"
        )


def _check_command_line(text: str, most: int) -> None:
    line = text.encode("ascii", "replace")
    if not text.isascii() or "\0" in text or len(line) > most:
        raise RefusedError(
            f"the guest's command line has {len(line)} bytes; on bare it must be ASCII without NUL and at most"
            f" {most} bytes; shorten what --append gives"
        )


def pvh_entry(guest: GuestImage) -> Gpa:
    """Where a PC enters the guest, in 32-bit mode. Raises :class:`RefusedError` when the guest does not say."""
    _, headers = elf.program_headers(guest.data)
    for offset, end in elf.note_ranges(headers):
        while offset + _NOTE.size <= end:
            name_size, size, number = _NOTE.unpack_from(guest.data, offset)
            name = offset + _NOTE.size
            contents = name + (name_size + 3 & ~3)
            owner = guest.data[name : name + name_size]
            if owner == _OWNER and number == _PHYS32_ENTRY and size >= 4 and contents + 4 <= end:
                return _in_code(guest, int.from_bytes(guest.data[contents : contents + 4], "little"))
            offset = contents + (size + 3 & ~3)
    raise RefusedError(
        f"{guest.path}: it has no PVH entry (note of owner Xen, type {_PHYS32_ENTRY}), which booting without a"
        " hypervisor needs; it was built with an older libvmi, or with another; build it again"
    )


def _in_code(guest: GuestImage, entry: int) -> Gpa:
    for segment in guest.segments:
        if segment.executable and segment.physical <= entry < segment.physical + len(segment.data):
            return Gpa(entry)
    raise RefusedError(
        f"{guest.path}: its PVH entry is guest-physical {entry:#x}, which is not in its code; correct the note"
    )
