# SPDX-License-Identifier: MIT
"""The memory file that guest, runner and this process share, and where a guest may be.

    offset          guest-physical  what                            the guest may
    0               the same        RAM                             read, write; execute what its page tables say
    RAM size        the same        ROM text, 2 pages               read, execute
    + 0x2000        the same        ROM data                        read, write; a native guest has no ROM pages
    + 0x3000        none            the runner's bell, a page
    + 0x4000        none            64 areas of 64 KiB: one for each of the runner's other processes

Bell and areas are the runner's own (runner/area.h).
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from openvmi.abi import names
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.linux import private
from openvmi.machine import boot
from openvmi.machine.boot import LOCAL_APIC, Platform, WindowPage
from openvmi.machine.memory import Memory
from openvmi.units import PAGE_SIZE, Gpa, Gva

if TYPE_CHECKING:
    from openvmi.guest.image import GuestImage

NAME = "linux"
FILE_NAME = "openvmi-guest"  #: as /proc shows it

#: Guest-virtual addresses that a guest can have. Below, Linux maps nothing for anybody (vm.mmap_min_addr); above are
#: the runner's own pages, and the upper half is the host kernel's in every process.
LOWEST = 0x1_0000
HIGHEST = private.LNX_USERS

_AREAS = 1 + private.LNX_USER_LIMIT  # the guest kernel's, and one for each address space that has a process
_ROM_PAGES = names.TEXT_LIMIT + names.DATA_LIMIT


#: For a native guest: the selectors that one expects on a PC (libvmi/src/native), which the runner knows, too. Its
#: descriptor slots are in a process's local table, where the runner puts what stands in the guest's own.
_PC = Platform(name=NAME, kernel_cs=0x08, kernel_ss=0x10, user_cs=0x2B, user_ss=0x23,
               descriptor_base=private.LNX_DESCRIPTORS, window=(), pc=True)


def rom_text(memory: int) -> Gpa:
    """Where ROM text is in a guest with that many bytes of RAM."""
    return Gpa(memory)


def rom_data(memory: int) -> Gpa:
    """The same for ROM data."""
    return Gpa(memory + names.TEXT_LIMIT)


def own_size(memory: int) -> int:
    """Bytes of the file's first part, which is the guest's own: RAM and ROM."""
    return memory + _ROM_PAGES


def file_size(memory: int) -> int:
    """Bytes of the whole file."""
    return own_size(memory) + PAGE_SIZE + _AREAS * private.LNX_AREA_SIZE


def native(config: MachineConfig) -> bool:
    """Whether the guest stays native, and is run by trap and emulate."""
    return config.rom is None or boot.option(config.command_line, "vmi") == "off"


def direct_map_end(guest: GuestImage, memory: int, pc: bool) -> Gva:
    """How far the direct map reaches: to the end of memory, or of a PC's devices."""
    return Gva(guest.direct_map + (LOCAL_APIC + PAGE_SIZE if pc else memory))


def platform(memory: int, pc: bool = False) -> Platform:
    """What the guest is told of its machine."""
    if pc:
        return _PC
    text = rom_text(memory)
    return Platform(
        name=NAME,
        kernel_cs=private.LNX_KERNEL_CS,
        kernel_ss=private.LNX_KERNEL_SS,
        user_cs=private.LNX_USER_CS,
        user_ss=private.LNX_USER_SS,
        descriptor_base=private.LNX_DESCRIPTORS,
        window=(
            WindowPage(0, text, executable=True),
            WindowPage(PAGE_SIZE, Gpa(text + PAGE_SIZE), executable=True),
            WindowPage(names.WINDOW_DATA, rom_data(memory), writable=True),
        ),
        pc=False,
    )


def make_file(memory: int) -> int:
    """A descriptor of the file, zeroed, whose size nobody can change. Raises :class:`OSError` when there is no room."""
    file = os.memfd_create(FILE_NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(file, file_size(memory))
        # A process that has it mapped would die of a page behind its end.
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except BaseException:
        os.close(file)
        raise
    return file


def map_file(memory: int, file: int) -> Memory:
    """What the guest can reach of it. Raises :class:`OSError` when there is no room."""
    mapped = Memory(memory, file)
    try:
        mapped.add(rom_text(memory), names.TEXT_LIMIT, writable=False, executable=True)
        mapped.add(rom_data(memory), names.DATA_LIMIT, writable=True, executable=False)
    except BaseException:
        mapped.close()
        raise
    return mapped
