# SPDX-License-Identifier: MIT
"""The boot shim on the real Xen: the boot contract, as a guest finds it, and what the ROM gets besides.

What it refuses is in shim/test_shim_checks.py.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import evolve, frozen

from openvmi.abi.layouts import BootInfo, MemoryRange, Module
from openvmi.guest import definition
from openvmi.guest.build import build_defined
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.xen.package import Package
from openvmi.rom import build as builder
from openvmi.rom.compile import Workshop, headers
from openvmi.rom.definition import RomDefinition, Shim, read
from openvmi.rom.image import RomImage
from openvmi.rom.inputs import Places
from openvmi.units import PAGE_SIZE, page_up
from tests.guest import elf_maker
from tests.hypervisors.xen.shim.domain import LARGE, PRESENT, Domain, split, start

pytestmark = pytest.mark.needs("qemu-system-x86_64", "/boot/xen*.gz")

FOLDER = Path(__file__).parent / "shim"
LOW = (0x40000000, 0x100000000000)  # image, direct map
HIGH = (0xFFFFFFFF80000000, 0xFFFF888000000000)  # as Linux has them
SHIM = 0xFFFFC00000000000
MODULES = ((b"one", bytes(range(250)) * 20), (b"empty", b""), (b"", b"nameless"))
USABLE, RESERVED, BOOT, IMAGE, MODULE = range(1, 6)
HANDOVER = ("magic", "direct_map", "p2m", "pages", "frames", "pool", "pool_pages", "root", "gdt", "flags",
            "timer_port", "console_port", "ipi_port")


@pytest.fixture(scope="module")
def cache(top: Path) -> Path:
    return top / "build" / "cache"


def linked(about: RomDefinition, shim: Shim, cache: Path) -> bytes:
    """The ELF file of a boot shim."""
    return builder.link_shim(about, shim, Places(about.folder, headers()), Workshop(cache))[1].elf


@pytest.fixture(scope="module")
def shim(top: Path, cache: Path) -> bytes:
    rom = read(top / "roms" / "xen")
    assert rom.shim
    return linked(rom, rom.shim, cache)


@pytest.fixture(scope="module")
def rom(top: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> RomImage:
    """Any ROM will do: nobody calls it."""
    return builder.build(top / "roms" / "emu", tmp_path_factory.mktemp("rom") / "emu.rom", cache)


@pytest.fixture(scope="module")
def link(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], GuestImage]:
    """Builds the guest for an image base and a direct map."""
    folder = tmp_path_factory.mktemp("entered")

    def make(base: int, direct_map: int) -> GuestImage:
        script = folder / f"{base:x}.lds"
        text = (FOLDER / "entered.lds").read_text()
        script.write_text(text.replace("BASE", hex(base)).replace("DIRECT_MAP", hex(direct_map)))
        about = evolve(definition.read(FOLDER), script=script)
        return build_defined(about, folder / f"{base:x}.elf", cache)

    return make


@frozen
class Entered:
    """A guest that was entered, and ended by itself."""

    guest: GuestImage
    domain: Domain

    def symbol(self, name: str, count: int) -> tuple[int, ...]:
        address = self.guest.symbols().address(name)
        assert address is not None
        return self.domain.numbers(address, count)

    @cached_property
    def info(self) -> BootInfo:
        return BootInfo.unpack(self.domain.read(self.symbol("state", 17)[14], BootInfo.SIZE))

    @cached_property
    def handover(self) -> dict[str, int]:
        return dict(zip(HANDOVER, self.domain.numbers(self.guest.window + 0x3000, len(HANDOVER)), strict=True))

    @cached_property
    def p2m(self) -> tuple[int, ...]:
        return self.domain.numbers(self.handover["p2m"], self.handover["pages"])

    @cached_property
    def frames(self) -> tuple[int, ...]:
        return self.domain.numbers(self.handover["frames"], self.handover["pages"], "I")

    @cached_property
    def ranges(self) -> list[tuple[int, int, int]]:
        """First page, first page behind, type."""
        info = self.info
        data = self.at(info.memory_map, info.memory_map_count * MemoryRange.SIZE)
        ranges = [MemoryRange.unpack(data, at) for at in range(0, len(data), MemoryRange.SIZE)]
        assert not any((item.start | item.size) % PAGE_SIZE or item.reserved for item in ranges)
        return [(item.start // PAGE_SIZE, (item.start + item.size) // PAGE_SIZE, item.type) for item in ranges]

    def at(self, address: int, size: int) -> bytes:
        """Guest-physical memory, by way of the direct map."""
        return self.domain.read(self.guest.direct_map + address, size)

    def kind(self, address: int) -> int:
        """What the memory map says of a guest-physical address."""
        page = address // PAGE_SIZE
        (kind,) = [kind for first, end, kind in self.ranges if first <= page < end]
        return kind


def enter(shim: bytes, guest: GuestImage, package: bytes, memory: int = 64, line: str = "") -> Iterator[Entered]:
    domain = start(shim, package, memory, line)
    try:
        assert domain.console == "" and domain.end.was_reset
        assert domain.numbers(guest.window + 0x3000 + 256, 2, "I") == (0x54495845, 0)
        yield Entered(guest, domain)
    finally:
        domain.close()


@pytest.fixture(scope="module", params=[LOW, HIGH], ids=["low", "high"])
def entered(request: pytest.FixtureRequest, shim: bytes, rom: RomImage,
            link: Callable[[int, int], GuestImage]) -> Iterator[Entered]:
    """A guest with everything, linked low and linked high."""
    guest = link(*request.param)
    package = bytearray(Package(guest.data, rom.data, b"vmi.verbose a=b", MODULES).pack())
    struct.pack_into("<Q", package, 16 + 5 * 32 + 24, 0)  # the last module has no name
    struct.pack_into("<Q", package, 16 + 24, 0xFFFF_FFFF_FFFF_FFFF)  # every flag that there can be
    yield from enter(shim, guest, bytes(package), line="of Xen")


def test_state(entered: Entered) -> None:
    *registers, rdi, rsp, rflags = entered.symbol("state", 17)
    assert registers == [0] * 14
    assert rflags & ~(1 << 9 | 1 << 6 | 1 << 2) == 2  # the last operation's ZF and PF; hardware's IF is Xen's affair
    direct = entered.guest.direct_map
    assert entered.domain.flags(rsp) == "rw" and rsp % 16 == 8
    assert entered.domain.read(rsp, 8) == bytes(8)
    assert [entered.kind(rdi - direct), entered.kind(rsp - direct), entered.kind(rsp - 0x3F00 - direct)] == [BOOT] * 3
    mask, = entered.domain.read(entered.guest.window + 0x4001, 1)
    assert mask == 1


def test_boot_info(entered: Entered, rom: RomImage) -> None:
    info, guest = entered.info, entered.guest
    assert (info.magic, info.size, info.major, info.minor, info.flags) == (0x42494D56, 152, 4, 1, 0x1E)
    assert (info.vcpu_count, info.descriptor_base, info.reserved) == (1, 0x33, 0)
    assert (info.kernel_cs, info.kernel_ss, info.user_cs, info.user_ss) == (0xE030, 0xE02B, 0xE033, 0xE02B)
    assert info.hypervisor == b"xen".ljust(16, b"\0")
    assert (info.window, info.direct_map) == (guest.window, guest.direct_map)
    assert (info.image_start, info.image_end) == (guest.image_start, guest.image_end)
    assert entered.at(info.command_line, info.command_line_size + 1) == b"vmi.verbose a=b of Xen\0"
    assert entered.at(info.rom, info.rom_size) == rom.data
    assert entered.p2m[info.page_root // PAGE_SIZE] * PAGE_SIZE == entered.domain.root
    assert [entered.kind(at) for at in (info.rom, info.command_line, info.memory_map, info.modules)] == [BOOT] * 4
    assert entered.kind(info.page_root) == RESERVED


def test_image(entered: Entered) -> None:
    domain, info, guest = entered.domain, entered.info, entered.guest
    rights = {(False, False): "r", (False, True): "rx", (True, False): "rw"}
    end = guest.image_start
    for segment in guest.segments:
        for address in range(end, segment.virtual, PAGE_SIZE):
            assert domain.flags(address) == ""
        end = segment.virtual + page_up(segment.memory_size)
        for address in range(segment.virtual, end, PAGE_SIZE):
            assert domain.flags(address) == rights[segment.writable, segment.executable]
            page = (info.image + address - info.image_start) // PAGE_SIZE
            assert domain.frame(address) == entered.p2m[page]
        if not segment.writable:
            assert domain.read(segment.virtual, len(segment.data)) == segment.data
    data = guest.segments[-1]
    rest = domain.read(data.virtual + len(data.data), end - data.virtual - len(data.data))
    assert len(rest) > 3 * PAGE_SIZE and not any(rest)
    assert {entered.kind(at) for at in range(info.image, info.image + end - info.image_start, PAGE_SIZE)} == {IMAGE}


def test_window(entered: Entered, rom: RomImage) -> None:
    domain, window = entered.domain, entered.guest.window
    flags = [domain.flags(window + page * PAGE_SIZE) for page in range(16)]
    assert flags == ["rx", "rx", "rw", "rw", "rw", "rx", "rw", "rw", *[""] * 8]
    assert domain.read(window, 0x2000) == rom.text.ljust(0x2000, b"\0")
    assert domain.read(window + 0x2000, 0x1000) == rom.data_page.ljust(0x1000, b"\0")
    assert domain.read(window + 0x6000, 0x2000) == bytes(0x2000)
    frames = [domain.frame(window + page * PAGE_SIZE) for page in (0, 1, 2, 3, 5, 6, 7)]
    assert {entered.kind(entered.p2m.index(frame) * PAGE_SIZE) for frame in frames} == {RESERVED}
    assert domain.frame(window + 0x4000) not in entered.p2m  # Xen's page
    time = domain.numbers(window + 0x4000 + 32, 4)
    assert time[1] and time[2]  # TSC and system time, by which a pvclock is known


def test_handover(entered: Entered) -> None:
    handover, info = entered.handover, entered.info
    assert handover["magic"] == 0x564F444E4148494D
    assert (handover["direct_map"], handover["pages"]) == (info.direct_map, 64 << 8)
    assert handover["root"] == info.page_root
    assert handover["flags"] == 1
    ports = [handover[f"{name}_port"] for name in ("timer", "console", "ipi")]
    assert len(set(ports)) == 3 and all(0 < port < 64 for port in ports)
    text = entered.domain.read(entered.guest.window + 0x3000 + 128, 64)
    assert re.fullmatch(rb"4\.\d+(\.\S+)?\0+", text), "the version that xl info says"
    assert 512 <= handover["pool_pages"] < 512 + 16  # one page of 32, and what was spared in tables


def test_machine_frames(entered: Entered) -> None:
    """Xen's own table says the same the other way round."""
    assert len(set(entered.p2m)) == len(entered.p2m)
    inverse = entered.domain.numbers(0xFFFF800000000000, max(entered.p2m) + 1)
    assert [inverse[frame] for frame in entered.p2m] == list(range(len(entered.p2m)))


def tables(entered: Entered) -> dict[int, int]:
    """Frame and level of each table that the guest's addresses are translated by, the root's included."""
    found, level = {entered.domain.root // PAGE_SIZE: 4}, 4
    places = [entered.domain.root]
    while level > 1:
        level -= 1
        entries = [entry for place in places for slot, entry in enumerate(entered.domain.table(place))
                   if entry & PRESENT and (level != 3 or slot not in range(256, 272))]  # Xen's own
        assert not any(entry & LARGE for entry in entries)
        places = sorted({entry & 0x000FFFFFFFFFF000 for entry in entries})
        found |= {place // PAGE_SIZE: level for place in places}
    return found


def test_frames(entered: Entered) -> None:
    marked = {entered.p2m[page]: what & 7 for page, what in enumerate(entered.frames) if what}
    shadow = entered.p2m[entered.handover["pool"] // PAGE_SIZE]
    assert marked == tables(entered) | {shadow: 4}
    root = entered.info.page_root // PAGE_SIZE
    assert [(page, what) for page, what in enumerate(entered.frames) if what >> 3] == [(root, 4 | 1 << 3)]


def test_direct_map(entered: Entered) -> None:
    """All of memory and nothing else, writable but for what Xen keeps the kernel from writing to."""
    handover, domain = entered.handover, entered.domain
    pool = handover["pool"] // PAGE_SIZE
    read_only = {handover["gdt"] // PAGE_SIZE, *range(pool, pool + handover["pool_pages"])}
    read_only |= {page for page, what in enumerate(entered.frames) if what}
    base = entered.guest.direct_map
    entries: list[int] = []
    for address in range(base, base + handover["pages"] * PAGE_SIZE, 512 * PAGE_SIZE):
        assert domain.flags(address)  # checks the upper levels
        entries += domain.table(domain.entries(address)[2])
    assert len(entries) == handover["pages"]
    for page, entry in enumerate(entries):
        rights = 0x8010000000000005 | (0 if page in read_only else 2)
        assert entry & ~0x60 == entered.p2m[page] * PAGE_SIZE | rights
    assert domain.flags(base + handover["pages"] * PAGE_SIZE) == ""


def test_read_only_area(entered: Entered) -> None:
    handover = entered.handover
    assert entered.at(handover["pages"] * PAGE_SIZE - 4, 4) == b"dirt"  # what it would be without the shim
    pool = entered.at(handover["pool"], handover["pool_pages"] * PAGE_SIZE)
    assert not any(pool[PAGE_SIZE:])
    shadow = split(pool[:PAGE_SIZE], "Q")
    assert not any(shadow[:256]) and not any(shadow[272:])  # what is between is Xen's
    places = [handover["gdt"], handover["pool"], handover["pool"] + len(pool) - 1]
    for what, size in (("p2m", 8), ("frames", 4)):
        first = handover[what] - entered.guest.direct_map
        places += [first, first + size * handover["pages"] - 1]
    assert {entered.kind(place) for place in places} == {RESERVED}


def test_of_xen(entered: Entered) -> None:
    """A descriptor was set in the GDT and loaded; the table of user mode was pinned."""
    assert entered.symbol("answers", 3) == (0, 0x33, 0)
    assert entered.at(entered.handover["gdt"], 64) == bytes(48) + struct.pack("<Q", 0x00CFF3000000FFFF) + bytes(8)


def test_memory_map(entered: Entered) -> None:
    ranges, handover = entered.ranges, entered.handover
    assert ranges[0][:1] + ranges[0][2:] == (0, RESERVED) and ranges[-1][1:] == (handover["pages"], USABLE)
    assert all(first[1] == second[0] for first, second in pairwise(ranges))
    assert all(first < end for first, end, _ in ranges)
    sizes = {kind: sum(end - first for first, end, found in ranges if found == kind) for kind in range(1, 6)}
    assert sizes[MODULE] == 3 and sizes[IMAGE] == (entered.info.image_end - entered.info.image_start) // PAGE_SIZE
    assert sizes[USABLE] > handover["pages"] * 7 // 8 and sizes[BOOT] < 8 << 8
    marked = {page for page, what in enumerate(entered.frames) if what}
    assert {entered.kind(page * PAGE_SIZE) for page in marked} == {RESERVED}


def test_modules(entered: Entered) -> None:
    info = entered.info
    data = entered.at(info.modules, info.module_count * Module.SIZE)
    modules = [Module.unpack(data, at) for at in range(0, len(data), Module.SIZE)]
    assert [(module.size, module.reserved) for module in modules] == [(5000, 0), (0, 0), (8, 0)]
    for module, (name, contents) in zip(modules, MODULES, strict=True):
        assert entered.at(module.start, module.size) == contents and module.start % PAGE_SIZE == 0
        assert entered.at(module.name, len(name) + 1) == name + b"\0"
        assert not module.size or entered.kind(module.start) == MODULE


def test_nothing_but_a_guest(shim: bytes, link: Callable[[int, int], GuestImage]) -> None:
    guest = link(*LOW)
    for entered in enter(shim, guest, Package(guest.data, None, b"").pack()):
        info = entered.info
        assert (info.rom, info.rom_size, info.modules, info.module_count) == (0, 0, 0, 0)
        assert info.command_line_size == 0 and entered.at(info.command_line, 1) == b"\0"
        assert entered.domain.read(guest.window, 0x3000) == bytes(0x3000)
        assert {kind for _, _, kind in entered.ranges} == {USABLE, RESERVED, BOOT, IMAGE}


def test_many_modules(shim: bytes, link: Callable[[int, int], GuestImage]) -> None:
    """As many as a package can have; every second one is empty."""
    guest = link(*LOW)
    modules = tuple((b"%d" % number, bytes([number]) * (number % 2)) for number in range(94))
    for entered in enter(shim, guest, Package(guest.data, None, b"", modules).pack()):
        assert entered.info.module_count == 94
        places = [first for first, _, kind in entered.ranges if kind == MODULE]
        assert [entered.at(page * PAGE_SIZE, 2) for page in places] == [bytes([n, 0]) for n in range(1, 94, 2)]


@pytest.mark.parametrize("memory", [6, 256, 1024])
def test_sizes(memory: int, shim: bytes, link: Callable[[int, int], GuestImage]) -> None:
    guest = link(*LOW)
    for entered in enter(shim, guest, Package(guest.data, None, b"").pack(), memory):
        pages = memory << 8
        assert entered.handover["pages"] == pages == entered.ranges[-1][1]
        assert pages // 32 <= entered.handover["pool_pages"] < pages // 32 + 16
        assert entered.domain.frame(guest.direct_map + (pages - 1) * PAGE_SIZE) == entered.p2m[-1]
        assert entered.domain.flags(guest.direct_map + pages * PAGE_SIZE) == ""


def record(domain: Domain) -> tuple[int, int, int, str]:
    """Of an exit, in the page of the shim."""
    text = domain.read(SHIM + 272, 240).partition(b"\0")[0].decode()
    return (*domain.numbers(SHIM + 256, 3, "I"), text)  # type: ignore[return-value]


def packed(memory: int = 8 << 20, line: bytes = b"") -> bytes:
    """A package with a guest of that many bytes and more."""
    maker = elf_maker.Maker()
    maker.programs[3].memory = memory
    maker.notes[elf_maker.ROM_WINDOW] = struct.pack("<Q", elf_maker.BASE + (64 << 20))
    return Package(maker.bytes(), None, line).pack()


@pytest.mark.parametrize(("package", "line", "says"), [
    (b"no package", "", "the module has 10 bytes, expected a package; give Xen one behind this kernel"),
    (packed(), "", "the domain has 8192 KiB of memory and needs 12"),
    (packed(memory=PAGE_SIZE, line=b"y" * 3996), "x" * 100, "the command line has 4097 bytes and more"),
    (packed(memory=PAGE_SIZE, line=b"y\xff"), "", "the command line has the byte 0xff at 1, expected ASCII"),
    (packed(memory=PAGE_SIZE, line=b"\0"), "", "the command line has the byte 0x0 at 0, expected ASCII without NUL"),
])
def test_refusal(package: bytes, line: str, says: str, shim: bytes) -> None:
    """It is told on the console and to the host, and the domain ends. Other refusals are tested without Xen."""
    domain = start(shim, package, 8, line)
    try:
        assert domain.console.startswith("vmi: refused: " + says) and "\n" not in domain.console
        assert record(domain)[:3] == (0x54495845, 3, 0)
        assert record(domain)[3] == domain.console.removeprefix("vmi: refused: ")[:239]
        assert domain.end.was_reset
    finally:
        domain.close()


@pytest.mark.parametrize(("line", "says"), [
    (b"undefined", "exception 6 at {} in the boot shim, error code 0x0, address 0x0; please report this"),
    (b"page", "exception 14 at {} in the boot shim, error code 0x2, address 0x123000; please report this"),
])
def test_fault(line: bytes, says: str, top: Path, cache: Path, link: Callable[[int, int], GuestImage]) -> None:
    """A fault of the shim is told like a refusal. This one is built with a fault in place of a check."""
    about = read(top / "roms" / "xen")
    assert about.shim
    sources = [FOLDER / "faulty.c" if source.name == "rom.c" else source for source in about.shim.sources]
    shim = linked(about, evolve(about.shim, sources=sources), cache)
    domain = start(shim, Package(link(*LOW).data, line, b"").pack())
    try:
        *_, text = record(domain)
        assert domain.console == f"vmi: crashed: {text}"
        place = text.split()[3]
        assert text == says.format(place) and SHIM + PAGE_SIZE <= int(place, 16) < SHIM + (16 << 10)
        assert record(domain)[:3] == (0x54495845, 2, 0)
    finally:
        domain.close()
