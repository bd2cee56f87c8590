# SPDX-License-Identifier: MIT
"""The boot contract: what is where in memory, and in which state a guest is entered (design section 6).

Guest-physical memory after :func:`load`, from 0 up; what is not named is USABLE:

    0           one page, RESERVED
    image       the guest's segments, where they were linked: IMAGE
    after it    boot information, memory map, strings, stack, ROM image, page tables: BOOT
    after it    modules: MODULE
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from openvmi.abi import names
from openvmi.abi.layouts import BootInfo, MemoryRange, Module
from openvmi.errors import RefusedError
from openvmi.hypervisors.base import MachineConfig
from openvmi.machine.memory import Memory
from openvmi.machine.paging import LARGE_PAGE, canonical
from openvmi.machine.tables import PageTables
from openvmi.units import PAGE_MASK, PAGE_SIZE, Gpa, Gva, page_up

if TYPE_CHECKING:
    from openvmi.guest.image import GuestImage

MEMORY_LEAST = 8 << 20
MEMORY_MOST = 1 << 30
COMMAND_LINE_LIMIT = 4096
MODULE_LIMIT = 64
STACK_SIZE = 16 << 10
IOAPIC = Gpa(0xFEC0_0000)  #: where a PC has it, as the native drivers expect
LOCAL_APIC = Gpa(0xFEE0_0000)
_REACH = 1 << 31  #: how far a rel32 reaches


@frozen
class WindowPage:
    """A page that the hypervisor maps into the ROM window."""

    offset: int  #: bytes from the start of the window
    page: Gpa
    writable: bool = False
    executable: bool = False


@frozen
class Platform:
    """What a hypervisor brings to the contract."""

    name: str
    kernel_cs: int
    kernel_ss: int
    user_cs: int
    user_ss: int
    descriptor_base: int
    window: tuple[WindowPage, ...]
    pc: bool  #: the PC's ports and interrupt controllers exist


@frozen
class Entry:
    """The state to enter the guest in; everything else is zero and interrupts are off."""

    rip: Gva
    rsp: Gva
    rdi: Gva
    page_root: Gpa


def check_memory(size: int) -> None:
    """Refuses a memory size, in bytes, that the direct map cannot cover."""
    if size % LARGE_PAGE or not MEMORY_LEAST <= size <= MEMORY_MOST:
        raise RefusedError(
            f"{size} bytes of guest memory asked for; it must be a multiple of 2 MiB from {MEMORY_LEAST >> 20} to"
            f" {MEMORY_MOST >> 20} MiB; choose another --memory"
        )


def check_layout(guest: GuestImage, memory: int, pc: bool) -> None:
    """Refuses a guest whose image, ROM window and direct map do not go together in the memory given."""
    if guest.window & PAGE_MASK:
        raise RefusedError(
            f"{guest.path}: its ROM window is at {guest.window:#x}, which is not a multiple of {PAGE_SIZE};"
            " align it in the guest's linker script"
        )
    if guest.direct_map & (1 << 30) - 1:
        raise RefusedError(
            f"{guest.path}: its direct map is at {guest.direct_map:#x}, not a multiple of 1 GiB; correct its note"
        )
    start, size = guest.image_start, guest.image_end - guest.image_start
    ranges = [
        ("image", start, size),
        ("ROM window", guest.window, names.WINDOW_SIZE),
        ("direct map", guest.direct_map, LOCAL_APIC + PAGE_SIZE if pc else memory),
    ]
    for what, base, length in ranges:
        if not (canonical(base) and canonical(base + length - 1)):
            raise RefusedError(
                f"{guest.path}: its {what} at {base:#x} ({length:#x} bytes) is not in the address space;"
                " link it elsewhere"
            )
    for index, (what, base, length) in enumerate(ranges):
        for other, base2, length2 in ranges[:index]:
            if base < base2 + length2 and base2 < base + length:
                raise RefusedError(
                    f"{guest.path}: its {what} at {base:#x} ({length:#x} bytes) overlaps its {other} at {base2:#x}"
                    f" ({length2:#x} bytes); move one of them in the guest's linker script"
                )
    if max(guest.window + names.WINDOW_SIZE - start, start + size - guest.window) > _REACH:
        raise RefusedError(
            f"{guest.path}: its ROM window at {guest.window:#x} is more than 2 GiB from its image at {start:#x};"
            " put it next to the code"
        )
    image = guest.segments[0].physical
    if image < PAGE_SIZE:
        raise RefusedError(f"{guest.path}: it is linked at guest-physical {image:#x}, in the first page, which is"
                           " reserved; link it higher")
    if image + size > memory:
        room = (1 << 20) + size // 512  # for boot information, ROM and page tables
        least = -(-(image + size + room) // LARGE_PAGE) * LARGE_PAGE
        raise RefusedError(
            f"{guest.path}: it needs {image + size} bytes of guest memory (its image ends there) and has {memory};"
            f" give it at least --memory {least >> 20}M"
        )


def option(line: str, name: str) -> str | None:
    """The value of an option as libvmi reads it (libvmi/src/options.c): of the first word of that name."""
    for word in line.split(" "):
        if word == name or word.startswith(f"{name}="):
            return word[len(name) + 1 :]
    return None


class _Loader:
    """Fills memory from the end of the image upwards."""

    def __init__(self, config: MachineConfig, memory: Memory, platform: Platform) -> None:
        self._config = config
        self._guest = config.guest
        self._memory = memory
        self._platform = platform
        self._image = self._guest.segments[0].physical
        self._boot = Gpa(self._image + self._guest.image_end - self._guest.image_start)
        self._next = self._boot

    def _allocate(self, size: int) -> Gpa:
        """Zeroed whole pages."""
        start = self._next
        self._next = Gpa(start + page_up(size))
        if self._next > self._memory.size:
            raise RefusedError(
                f"{self._guest.path}: image, boot information and modules need at least {self._next} bytes of guest"
                f" memory, there are {self._memory.size}; give it more with --memory"
            )
        return start

    def _put(self, data: bytes) -> Gpa:
        start = self._allocate(len(data))
        self._memory.ram.view[start : start + len(data)] = data
        return start

    def load(self) -> Entry:
        guest, config, rom = self._guest, self._config, self._config.rom
        for segment in guest.segments:
            self._memory.ram.view[segment.physical : segment.physical + len(segment.data)] = segment.data
        line = _command_line(config.command_line)
        info = self._allocate(PAGE_SIZE)
        command_line = self._put(line + b"\0")
        stack = self._allocate(STACK_SIZE) + STACK_SIZE
        image = self._put(rom.data) if rom else Gpa(0)
        root = self._tables()
        map_place = self._allocate(PAGE_SIZE)
        modules_place = self._put(bytes(Module.SIZE * len(config.modules)))
        module_names = [self._put(name.encode("ascii", "replace") + b"\0") for name, _ in config.modules]
        boot_end = self._next
        modules = [
            Module(start=self._put(data), size=len(data), name=name)
            for (_, data), name in zip(config.modules, module_names, strict=True)
        ]
        self._memory.write(modules_place, b"".join(module.pack() for module in modules))
        ranges = self._ranges(boot_end, modules)
        self._memory.write(map_place, b"".join(item.pack() for item in ranges))
        boot_info = BootInfo(
            magic=names.BOOT_MAGIC,
            size=BootInfo.SIZE,
            major=names.MAJOR,
            minor=names.MINOR,
            flags=config.boot_flags | (names.BOOT_PC if self._platform.pc else 0),
            memory_map=map_place,
            memory_map_count=len(ranges),
            module_count=len(modules),
            modules=modules_place if modules else 0,
            command_line=command_line,
            command_line_size=len(line),
            vcpu_count=1,
            rom=image,
            rom_size=len(rom.data) if rom else 0,
            descriptor_base=self._platform.descriptor_base,
            window=guest.window,
            direct_map=guest.direct_map,
            image_start=guest.image_start,
            image_end=guest.image_end,
            image=self._image,
            page_root=root,
            kernel_cs=self._platform.kernel_cs,
            kernel_ss=self._platform.kernel_ss,
            user_cs=self._platform.user_cs,
            user_ss=self._platform.user_ss,
            hypervisor=self._platform.name.encode("ascii"),
        )
        self._memory.write(info, boot_info.pack())
        direct = guest.direct_map
        # The eight zero bytes above RSP, never written, are the return address that ends a back-trace.
        return Entry(guest.entry, Gva(direct + stack - 8), Gva(direct + info), root)

    def _tables(self) -> Gpa:
        guest = self._guest
        tables = PageTables(self._memory.ram, self._allocate)
        for segment in guest.segments:
            size = page_up(segment.memory_size)
            tables.map(
                segment.virtual, segment.physical, size, writable=segment.writable, executable=segment.executable
            )
        for page in self._platform.window:
            address = Gva(guest.window + page.offset)
            tables.map(address, page.page, PAGE_SIZE, writable=page.writable, executable=page.executable)
        tables.map_large(guest.direct_map, Gpa(0), self._memory.size)
        if self._platform.pc:
            for device in (IOAPIC, LOCAL_APIC):
                address = Gva(guest.direct_map + device)
                tables.map(address, device, PAGE_SIZE, writable=True, executable=False, device=True)
        return tables.root

    def _ranges(self, boot_end: Gpa, modules: list[Module]) -> list[MemoryRange]:
        kind = names.MemoryType
        taken: list[tuple[int, int, names.MemoryType]] = [
            (0, PAGE_SIZE, kind.RESERVED),
            (self._image, self._boot, kind.IMAGE),
            (self._boot, boot_end, kind.BOOT),
        ]
        taken += [(module.start, module.start + page_up(module.size), kind.MODULE) for module in modules if module.size]
        ranges, at = [], 0
        for start, end, what in [*taken, (self._memory.size, self._memory.size, kind.USABLE)]:
            if at < start:
                ranges.append(MemoryRange(start=at, size=start - at, type=kind.USABLE))
            if start < end:
                ranges.append(MemoryRange(start=start, size=end - start, type=what))
            at = end
        return ranges


def _command_line(text: str) -> bytes:
    line = text.encode("ascii", "replace")
    if not text.isascii() or "\0" in text or len(line) > COMMAND_LINE_LIMIT:
        raise RefusedError(
            f"the guest's command line has {len(line)} bytes; it must be ASCII without NUL and at most"
            f" {COMMAND_LINE_LIMIT} bytes; shorten what --append gives"
        )
    return line


def load(config: MachineConfig, memory: Memory, platform: Platform) -> Entry:
    """Puts guest, ROM and modules into memory as the contract says.

    Raises :class:`RefusedError` when they do not fit; `memory.size` has passed :func:`check_memory`.
    """
    check_layout(config.guest, memory.size, platform.pc)
    if len(config.modules) > MODULE_LIMIT:
        raise RefusedError(f"{len(config.modules)} boot modules given, a guest takes at most {MODULE_LIMIT};"
                           " put several files into one")
    return _Loader(config, memory, platform).load()
