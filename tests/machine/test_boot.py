# SPDX-License-Identifier: MIT
"""The boot contract, byte by byte."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve

from openvmi.abi.layouts import BootInfo, MemoryRange, Module
from openvmi.abi.names import MemoryType
from openvmi.errors import RefusedError
from openvmi.machine import boot
from openvmi.machine.memory import Memory
from openvmi.machine.paging import AddressSpace
from openvmi.units import Gpa, Gva
from tests.machine.fakes import FakeGuest, FakeRom, FakeSegment, config

PLATFORM = boot.Platform(
    name="test", kernel_cs=0x09, kernel_ss=0x11, user_cs=0x2B, user_ss=0x23, descriptor_base=0x33, pc=True,
    window=(boot.WindowPage(0, Gpa(0xF000_0000), executable=True),
            boot.WindowPage(0x2000, Gpa(0xF000_2000), writable=True)),
)  # fmt: skip
DIRECT = 0x1_0000_0000


def _load(**values: Any) -> tuple[Memory, boot.Entry, BootInfo]:
    setup = config(**values)
    memory = Memory(setup.memory)
    entry = boot.load(setup, memory, PLATFORM)
    info = memory.read(Gpa(entry.rdi - DIRECT), BootInfo.SIZE)
    assert info is not None
    return memory, entry, BootInfo.unpack(info)


def _text(memory: Memory, address: int) -> bytes:
    raw = memory.read(Gpa(address), 64)
    assert raw is not None
    return raw[: raw.index(0)]


def _entry(memory: Memory, root: int, address: int, levels: int) -> int:
    table = root
    for level in range(levels):
        (entry,) = struct.unpack_from("<Q", memory.ram.view, table + 8 * (address >> (39 - 9 * level) & 511))
        table = entry & 0x000F_FFFF_FFFF_F000
        if level < levels - 1:
            assert entry & 0xFFF == 0x003, "upper entries leave all but USER to the leaves"
    return entry


def test_entry_state() -> None:
    memory, entry, info = _load()
    assert entry.rip == 0x4000_0010
    assert entry.rsp % 16 == 8 and entry.rsp > DIRECT
    assert memory.read(Gpa(entry.rsp - DIRECT), 8) == bytes(8)
    assert entry.page_root == info.page_root


def test_boot_info() -> None:
    memory, _, info = _load(rom=FakeRom(), command_line="one two=2")
    assert struct.pack("<I", info.magic) == b"VMIB" and info.size == 152
    assert (info.major, info.minor, info.flags, info.vcpu_count) == (4, 1, 1, 1)
    assert _text(memory, info.command_line) == b"one two=2" and info.command_line_size == 9
    assert memory.read(Gpa(info.rom), 1024) == FakeRom().data and info.rom_size == 1024 and info.rom % 4096 == 0
    assert (info.window, info.direct_map) == (0x4010_0000, DIRECT)
    assert (info.image_start, info.image_end, info.image) == (0x4000_0000, 0x4000_5000, 0x10_0000)
    assert (info.kernel_cs, info.kernel_ss, info.user_cs, info.user_ss) == (0x09, 0x11, 0x2B, 0x23)
    assert info.descriptor_base == 0x33 and info.hypervisor == b"test" + bytes(12)


def test_without_rom_and_modules() -> None:
    _, _, info = _load()
    assert (info.rom, info.rom_size, info.module_count, info.modules) == (0, 0, 0, 0)


def test_segments_are_where_they_were_linked() -> None:
    memory, _, _ = _load()
    assert memory.read(Gpa(0x10_0000), 2) == b"\x90\x90"
    assert memory.read(Gpa(0x10_3000), 5) == b"data\0"


def test_memory_map() -> None:
    memory, entry, info = _load(rom=FakeRom(), modules=(("first", b"abc"), ("second", b"x" * 5000)))
    raw = memory.read(Gpa(info.memory_map), info.memory_map_count * MemoryRange.SIZE)
    assert raw is not None
    ranges = [MemoryRange.unpack(raw, at) for at in range(0, len(raw), MemoryRange.SIZE)]
    assert [MemoryType(item.type).name for item in ranges] == [
        "RESERVED", "USABLE", "IMAGE", "BOOT", "MODULE", "MODULE", "USABLE",
    ]  # fmt: skip
    assert ranges[0].start == 0 and ranges[0].size == 4096
    assert (ranges[2].start, ranges[2].size) == (0x10_0000, 0x5000)
    for one, other in pairwise(ranges):
        assert one.start + one.size == other.start
    assert ranges[-1].start + ranges[-1].size == 16 << 20
    boot_range = ranges[3]
    for place in (info.memory_map, info.command_line, info.rom, info.page_root, entry.rdi - DIRECT,
                  entry.rsp - DIRECT, info.modules):
        assert boot_range.start <= place < boot_range.start + boot_range.size


def test_modules() -> None:
    memory, _, info = _load(modules=(("first", b"abc"), ("second", b"x" * 5000)))
    raw = memory.read(Gpa(info.modules), 2 * Module.SIZE)
    assert raw is not None and info.module_count == 2
    one, two = Module.unpack(raw), Module.unpack(raw, Module.SIZE)
    assert _text(memory, one.name) == b"first" and memory.read(Gpa(one.start), one.size) == b"abc"
    assert _text(memory, two.name) == b"second" and two.size == 5000 and two.start % 4096 == 0


@pytest.mark.parametrize(
    ("address", "levels", "expected"),
    [
        pytest.param(0x4000_1000, 4, 0x0000_0000_0010_1001, id="code: read, execute"),
        pytest.param(0x4000_4000, 4, 0x8000_0000_0010_4003, id="data: write, no execute"),
        pytest.param(0x4000_2000, 4, 0, id="the hole between the segments"),
        pytest.param(0x4010_0000, 4, 0x0000_0000_F000_0001, id="ROM text"),
        pytest.param(0x4010_2000, 4, 0x8000_0000_F000_2003, id="ROM data"),
        pytest.param(0x4010_1000, 4, 0, id="window page that the hypervisor did not give"),
        pytest.param(DIRECT, 3, 0x8000_0000_0000_0083, id="direct map: 2 MiB, write, no execute"),
        pytest.param(DIRECT + (14 << 20), 3, 0x8000_0000_00E0_0083, id="its last page"),
        pytest.param(DIRECT + (16 << 20), 3, 0, id="after it"),
        pytest.param(DIRECT + 0xFEE0_0000, 4, 0x8000_0000_FEE0_001B, id="local APIC: uncached"),
        pytest.param(DIRECT + 0xFEC0_0000, 4, 0x8000_0000_FEC0_001B, id="I/O APIC: uncached"),
    ],
)
def test_page_tables(address: int, levels: int, expected: int) -> None:
    memory, entry, _ = _load()
    assert _entry(memory, entry.page_root, address, levels) == expected


def test_upper_half() -> None:
    guest = FakeGuest(
        segments=(FakeSegment(Gva(0xFFFF_FFFF_8010_0000), Gpa(0x10_0000), b"code", 4096, executable=True),),
        image_start=Gva(0xFFFF_FFFF_8010_0000), image_end=Gva(0xFFFF_FFFF_8010_1000),
        window=Gva(0xFFFF_FFFF_8020_0000), direct_map=Gva(0xFFFF_8000_0000_0000),
    )  # fmt: skip
    setup = config(guest=guest)
    memory = Memory(setup.memory)
    entry = boot.load(setup, memory, PLATFORM)
    space = AddressSpace(memory.read, memory.write, lambda: entry.page_root)
    assert space.read(Gva(0xFFFF_FFFF_8010_0000), 4) == b"code"
    assert space.translate(Gva(0xFFFF_8000_0030_0000), write=True) == 0x30_0000


GUEST = FakeGuest()


@pytest.mark.parametrize(
    ("guest", "message"),
    [
        (evolve(GUEST, window=Gva(0x4010_0800)), "not a multiple of 4096"),
        (evolve(GUEST, direct_map=Gva(0x1_0010_0000)), "not a multiple of 1 GiB"),
        (evolve(GUEST, window=Gva(0x4000_4000)), r"ROM window at 0x40004000 .* overlaps its image"),
        (evolve(GUEST, window=Gva(0x1_0010_0000)), "direct map at 0x100000000 .* overlaps its ROM window"),
        (evolve(GUEST, direct_map=Gva(0)), "overlaps its image"),
        (evolve(GUEST, direct_map=Gva(0x7FFF_C000_0000)), "not in the address space"),
        (evolve(GUEST, window=Gva(0x10_0000_0000)), "more than 2 GiB"),
        (evolve(GUEST, segments=(FakeSegment(Gva(0x4000_0000), Gpa(0), b"", 4096),)), "first page, .* reserved; link"),
        (
            evolve(GUEST, segments=(FakeSegment(Gva(0x4000_0000), Gpa(0xFF_F000), b"", 4096),)),
            r"needs 16793600 bytes .* has 16777216; .*--memory 18M",
        ),
        (
            evolve(GUEST, segments=(FakeSegment(Gva(0x4000_0000), Gpa(0xFF_B000), b"", 4096),)),
            "boot information and modules need at least 16781312 bytes .* are 16777216",
        ),
    ],
)
def test_layouts_that_do_not_fit_are_refused(guest: FakeGuest, message: str) -> None:
    memory = Memory(16 << 20)
    with pytest.raises(RefusedError, match=message):
        boot.load(config(guest=guest), memory, PLATFORM)


@pytest.mark.parametrize("size", [0, 1 << 20, (16 << 20) + 4096, 2 << 30, -(16 << 20)])
def test_memory_sizes_that_are_refused(size: int) -> None:
    with pytest.raises(RefusedError, match="--memory"):
        boot.check_memory(size)


@pytest.mark.parametrize("line", ["x" * 5000, "a\0b", "smörgås"])
def test_command_lines_that_are_refused(line: str) -> None:
    with pytest.raises(RefusedError, match="command line"):
        boot.load(config(command_line=line), Memory(16 << 20), PLATFORM)


def test_modules_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RefusedError, match="--memory"):
        boot.load(config(modules=(("big", bytes(15 << 20)),)), Memory(16 << 20), PLATFORM)
