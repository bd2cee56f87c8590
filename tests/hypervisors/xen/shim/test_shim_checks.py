# SPDX-License-Identifier: MIT
"""What the shim refuses: a wrong package, guest or ROM for each check that it makes, and damage of every kind."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomDescriptor
from openvmi.hypervisors.xen.package import Package
from openvmi.rom.build import build
from openvmi.rom.form import Form
from openvmi.rom.image import RomImage
from openvmi.units import PAGE_SIZE
from tests.guest import elf_maker as elf
from tests.guest.elf_maker import Maker
from tests.hypervisors.xen.shim.checker import Checker

GIB = 1 << 30
TOP = 1 << 64  # first address that there is not
FAR = 0xFFFFFFFF


@pytest.fixture(scope="session")
def checker(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return Checker(top, tmp_path_factory.mktemp("checks"))


@pytest.fixture(scope="session")
def emu(top: Path, tmp_path_factory: pytest.TempPathFactory) -> RomImage:
    """Any ROM will do: the shim looks at no call."""
    output = tmp_path_factory.mktemp("rom") / "emu.rom"
    return build(top / "roms" / "emu", output, top / "build" / "cache", form=Form(None))


def packed(guest: bytes, rom: bytes | None = None) -> bytes:
    return Package(guest, rom, b"line", ((b"one", b"1" * 5000), (b"two", b"2"))).pack()


def test_package_as_large_as_can_be(checker: Checker) -> None:
    modules = tuple((b"", b"") for _ in range(94))
    assert checker.refusal(Package(Maker().bytes(), None, b"", modules).pack()) == ""  # the last begins where it ends


def put(form: str, offset: int, *values: int) -> Callable[[bytearray], None]:
    """A change of numbers in place."""
    return lambda data: struct.pack_into(form, data, offset, *values)


def put_into(data: bytes, form: str, offset: int, *values: int) -> bytes:
    """The data with the change."""
    changed = bytearray(data)
    put(form, offset, *values)(changed)
    return bytes(changed)


def entry(number: int, offset: int, form: str, value: int) -> Callable[[bytearray], None]:
    """A change of a field of an entry of the package."""
    return put(form, 16 + 32 * number + offset, value)


def test_accepted(checker: Checker, emu: RomImage) -> None:
    assert checker.refusal(packed(Maker().bytes())) == ""
    assert checker.refusal(packed(Maker().bytes(), emu.data)) == ""


#: Entries of the package: 0 the guest at 0x1000, 1 the command line, 2 and 3 the modules; five pages of contents.
PACKAGES = {
    "magic": (put("<Q", 0, 7), "the module begins with 0x7, expected a package, 0x314b4341504d4956"),
    "no entry": (put("<II", 8, 0, 16), "package: 0 entries, expected 1 to 96"),
    "many entries": (put("<II", 8, 97, 16 + 97 * 32), "package: 97 entries, expected 1 to 96"),
    "size": (put("<I", 12, 143), "header and entries have 143 bytes of 24576, expected 144"),
    "kind": (entry(3, 0, "<I", 5), "entry 3 has kind 5, expected 1 to 4"),
    "no kind": (entry(3, 0, "<I", 0), "entry 3 has kind 0"),
    "reserved": (entry(2, 4, "<I", 1), "entry 2 has 0x1388 bytes at 0x3000, expected whole pages"),
    "second guest": (entry(1, 0, "<I", 1), "entry 1 is a second guest, expected one"),
    "second ROM": (lambda data: (entry(1, 0, "<I", 2)(data), entry(2, 0, "<I", 2)(data)), "entry 2 is a second ROM"),
    "second line": (entry(2, 0, "<I", 3), "entry 2 is a second command line, expected one"),
    "no guest": (entry(0, 0, "<I", 4), "no guest in 4 entries, expected one"),
    "not aligned": (entry(0, 8, "<Q", 0x1008), "entry 0 has 0x227 bytes at 0x1008, expected whole pages"),
    "in the header": (entry(0, 8, "<Q", 0), "entry 0 has 0x227 bytes at 0x0, expected whole pages behind the one "
                                            "before, at or after 0x90"),
    "overlap": (entry(3, 8, "<Q", 0x4000), "entry 3 has 0x1 bytes at 0x4000, expected whole pages behind the one "
                                           "before, at or after 0x5000 and within 0x6000"),
    "order": (entry(1, 8, "<Q", 0x5000), "entry 2 has 0x1388 bytes at 0x3000, expected whole pages"),
    "offset outside": (entry(3, 8, "<Q", 0x7000), "entry 3 has 0x1 bytes at 0x7000, expected whole pages behind the "
                                                  "one before, at or after 0x5000 and within 0x6000"),
    "offset far": (entry(3, 8, "<Q", TOP - PAGE_SIZE), "entry 3 has 0x1 bytes at 0xfffffffffffff000"),
    "size outside": (entry(3, 16, "<Q", 0x1001), "entry 3 has 0x1001 bytes at 0x5000"),
    "size far": (entry(3, 16, "<Q", TOP - 1), "entry 3 has 0xffffffffffffffff bytes at 0x5000"),
    "name outside": (entry(2, 24, "<Q", 0x6000), "the name of entry 2 at 0x6000 has no end within 0x6000 bytes"),
    "name far": (entry(2, 24, "<Q", TOP - 1), "the name of entry 2 at 0xffffffffffffffff has no end"),
    "name without end": (lambda data: (entry(3, 16, "<Q", 0x1000)(data), entry(3, 24, "<Q", 0x5ffe)(data),
                                       data.__setitem__(slice(0x5ffe, 0x6000), b"xx")),
                         "the name of entry 3 at 0x5ffe has no end"),
}


@pytest.mark.parametrize("what", PACKAGES)
def test_package(what: str, checker: Checker) -> None:
    change, says = PACKAGES[what]
    data = bytearray(packed(Maker().bytes()))
    change(data)
    assert says in checker.refusal(bytes(data))


@pytest.mark.parametrize("size", [0, 1, 15])
def test_package_without_header(size: int, checker: Checker) -> None:
    says = checker.refusal(packed(Maker().bytes())[:size])
    assert says == f"the module has {size} bytes, expected a package; give Xen one behind this kernel"


def test_package_that_ends_early(checker: Checker) -> None:
    package = packed(Maker().bytes())
    assert checker.refusal(put_into(package[:16], "<II", 8, 0, 16)).startswith("package: 0 entries")
    assert checker.refusal(package[:143]).startswith("package: header and entries have 144 bytes of 143")
    assert checker.refusal(package[:144]).startswith("package: entry 0 has")


def note(number: int, contents: bytes) -> Callable[[Maker], None]:
    return lambda maker: maker.notes.__setitem__(number, contents)


def address(number: int, value: int) -> Callable[[Maker], None]:
    return note(number, struct.pack("<Q", value))


def field(**values: object) -> Callable[[Maker], None]:
    def change(maker: Maker) -> None:
        for name, value in values.items():
            setattr(maker, name, value)
    return change


def program(number: int, **values: object) -> Callable[[Maker], None]:
    def change(maker: Maker) -> None:
        for name, value in values.items():
            setattr(maker.programs[number], name, value)
    return change


def moved(base: int) -> Callable[[Maker], None]:
    """All of the image at another place, window and direct map where they were."""
    def change(maker: Maker) -> None:
        for item in maker.programs:
            if item.type == elf.LOAD:
                item.virtual = (item.virtual - elf.BASE + base) % TOP
        maker.notes[elf.ENTRY] = struct.pack("<Q", base + 0x1000)
        maker.notes[elf.ROM_WINDOW] = struct.pack("<Q", (base + 0x10000) % TOP)
    return change


GUESTS: dict[str, tuple[Callable[[Maker], None], str]] = {
    "magic": (field(ident=b"\x7fELG\x02\x01\x01" + bytes(9)), "bytes that are no ELF executable for x86-64"),
    "class": (field(ident=b"\x7fELF\x01\x01\x01" + bytes(9)), "no ELF executable"),
    "byte order": (field(ident=b"\x7fELF\x02\x02\x01" + bytes(9)), "no ELF executable"),
    "type": (field(type=3), "no ELF executable"),
    "machine": (field(machine=183), "no ELF executable"),
    "header size": (field(header_size=52), "4 program headers of 56 bytes"),
    "program size": (field(program_size=32), "4 program headers of 32 bytes at 0x40, expected 1 to 64 of 56"),
    "no program": (field(program_count=0), "0 program headers"),
    "many programs": (field(program_count=65), "65 program headers"),
    "programs outside": (field(program_offset=0x148), "program headers of 56 bytes at 0x148, expected 1 to 64 of 56"),
    "programs far": (field(program_offset=TOP - 8), "program headers of 56 bytes at 0xfffffffffffffff8"),
    "programs not aligned": (field(program_offset=65), "program headers of 56 bytes at 0x41"),
    "contents outside": (program(3, offset=0x224), "header 3 has 0x4 bytes at 0x224, expected them within 0x227"),
    "contents far": (program(3, offset=TOP - 1), "program header 3 has 0x4 bytes at 0xffffffffffffffff"),
    "contents long": (program(3, file_size=TOP - 1, memory=TOP - 1), "has 0xffffffffffffffff bytes at"),
    "notes outside": (program(1, offset=TOP - 4), "program header 1 has"),
    "more file than memory": (program(3, memory=3), "program header 3 has 0x4 bytes in the file for 0x3 of memory"),
    "much memory": (program(3, memory=GIB + 1), "has 0x4 bytes in the file for 0x40000001 of memory"),
    "not a page": (program(2, virtual=elf.CODE + 8), "header 2 covers 0x40001008 to 0x40002007, expected"),
    "not canonical": (moved(1 << 47), "program header 0 covers 0x800000000000 to"),
    "last page": (lambda maker: (moved(TOP - 0x5000)(maker), address(elf.ROM_WINDOW, TOP - 0x20000)(maker)),
                  "program header 3 covers 0xffffffffffffd000 to 0xffffffffffffffff, expected canonical"),
    "wraps": (program(3, virtual=TOP - 0x1000), "program header 3 covers 0xfffffffffffff000 to 0x1fff"),
    "writable code": (program(2, flags=elf.R | elf.W | elf.X), "at 0x40001000 is writable and executable"),
    "overlap": (program(3, virtual=elf.CODE), "header 3 covers 0x40001000 to 0x40003fff, expected it"),
    "order": (program(3, virtual=elf.BASE - 0x10000), "program header 3 covers 0x3fff0000 to"),
    "span": (program(3, virtual=elf.BASE + GIB), "covers 0x80000000 to 0x80002fff, expected it behind the segments at "
                                                 "0x40000000 to 0x40002000 and within 0x40000000 bytes"),
    "no segment": (lambda maker: [setattr(p, "type", 6) for p in maker.programs if p.type == elf.LOAD],
                   "0 segments and notes"),
    "other owner": (field(owner=b"OpenVMJ\0"), "3 segments and notes 0x0 (bit per type), expected"),
    "no version": (lambda maker: maker.notes.pop(elf.VERSION), "3 segments and notes 0xfc"),
    "no entry": (lambda maker: maker.notes.pop(elf.ENTRY), "3 segments and notes 0xf6"),
    "no window": (lambda maker: maker.notes.pop(elf.ROM_WINDOW), "3 segments and notes 0xee"),
    "no direct map": (lambda maker: maker.notes.pop(elf.DIRECT), "3 segments and notes 0xde"),
    "notes of eight": (program(1, align=8), "3 segments and notes 0x0 "),
    "short note": (note(elf.ENTRY, bytes(4)), "note 3 has 4 bytes, expected 8"),
    "long version": (note(elf.VERSION, bytes(12)), "note 1 has 12 bytes, expected 8"),
    "long note": (field(extra_notes=struct.pack("<III", 8, 1, 1) + b"OpenVMI\0"), "a note needs 0x15 bytes, its "
                                                                                  "segment has 0x14 left"),
    "longest note": (field(extra_notes=struct.pack("<III", FAR, FAR, 1)), "a note needs 0x20000000b bytes"),
    "two notes": (field(extra_notes=Maker().note(elf.ENTRY, bytes(8))), "two notes of type 3, expected one"),
    "major": (note(elf.VERSION, struct.pack("<HHI", 5, 2, 1)), "built for interface version 5.2, expected 4"),
    "entry in data": (address(elf.ENTRY, elf.BASE + 0x2000), "its ENTRY note says 0x40002000, expected"),
    "entry behind code": (address(elf.ENTRY, elf.CODE + len(elf.TEXT)), "its ENTRY note says"),
    "window not a page": (address(elf.ROM_WINDOW, elf.WINDOW + 1), "ROM window at 0x40010001"),
    "no window at 0": (address(elf.ROM_WINDOW, 0), "ROM window at 0x0"),
    "window far": (address(elf.ROM_WINDOW, 1 << 32), "at 0x100000000, expected it within 2 GiB of the image"),
    "window in image": (address(elf.ROM_WINDOW, elf.BASE + 0x4000), "its image at 0x40000000 to 0x40004fff overlaps "
                                                                  "ROM window at 0x40004000 to 0x40013fff"),
    "direct map of 2 MiB": (address(elf.DIRECT, 0x80200000), "direct map at 0x80200000, expected multiples of"),
    "direct map in image": (address(elf.DIRECT, elf.BASE), "overlaps direct map at 0x40000000 to 0x43ffffff"),
    "direct map not canonical": (address(elf.DIRECT, 1 << 47), "its direct map at 0x800000000000 to 0x800003ffffff"),
    "direct map in Xen": (address(elf.DIRECT, 0xffff807fc0000000), "overlaps Xen at 0xffff800000000000 to"),
    "direct map in the shim": (address(elf.DIRECT, 0xffffc07fc0000000), "its direct map at 0xffffc07fc0000000 to "
                               "0xffffc07fc3ffffff overlaps the boot shim at 0xffffc00000000000 to 0xffffc07fffffffff"),
    "image in Xen": (moved(0xffff87ffffff0000), "its image at 0xffff87ffffff0000"),
    "image in the shim": (moved(0xffffc00000000000), "its image at 0xffffc00000000000"),
}


@pytest.mark.parametrize("what", GUESTS)
def test_guest(what: str, checker: Checker) -> None:
    change, says = GUESTS[what]
    maker = Maker()
    change(maker)
    refusal = checker.refusal(packed(maker.bytes()))
    assert refusal.startswith("guest: ") and says in refusal


def test_guest_window_below(checker: Checker) -> None:
    """The window may be on either side of the image, as far as a rel32 reaches."""
    maker = Maker()
    moved(1 << 40)(maker)
    far = "expected it within 2 GiB"
    for start, says in ((-(2 << 30) + 0x5000, ""), (-(2 << 30) + 0x4000, far), ((2 << 30) - 0x10000, ""),
                        ((2 << 30) - 0xf000, far)):
        maker.notes[elf.ROM_WINDOW] = struct.pack("<Q", (1 << 40) + start)
        maker.programs[1].data = b""
        assert says in (refusal := checker.refusal(packed(maker.bytes()))) and bool(says) == bool(refusal)


def test_highest_guest(checker: Checker) -> None:
    """All but the last page can be used."""
    maker = Maker()
    moved(TOP - 0x20000)(maker)
    address(elf.ROM_WINDOW, TOP - 0x11000)(maker)
    address(elf.DIRECT, 0xffff880000000000)(maker)
    assert checker.refusal(packed(maker.bytes())) == ""


def test_largest_guest(checker: Checker) -> None:
    maker = Maker()
    maker.programs[3].memory = GIB - 0x2000
    address(elf.ROM_WINDOW, elf.BASE - 0x10000)(maker)
    assert checker.refusal(packed(maker.bytes()), 1 << 19) == ""


def test_unusual_guests(checker: Checker) -> None:
    """A segment without contents at the end of the file, a header of another type, headers behind everything, and notes
    that end without padding."""
    maker = Maker()
    maker.programs += [elf.Program(elf.LOAD, elf.R | elf.W, elf.BASE + 0x5000, 0, memory=0x1000),
                       elf.Program(0x6474e551, elf.R, 0, 0, offset=TOP - 1, file_size=1)]
    maker.extra_notes = struct.pack("<III", 8, 1, 31) + b"OpenVMI\0" + b"x"
    data = maker.bytes()
    data += bytes(-len(data) % 8)
    data = put_into(data + data[64 : 64 + 6 * 56], "<Q", 32, len(data))
    assert checker.refusal(packed(data)) == ""


def test_memory(checker: Checker) -> None:
    maker = Maker()
    package = packed(maker.bytes())
    # GDT; tables for image, window and direct map, which is over 4 MiB; pool; pages of the window; frames; image.
    needs = 1024 + 1 + (3 + 3 + 5) + 33 + 7 + 2 + 5
    assert checker.refusal(package, needs) == ""
    assert checker.refusal(package, needs - 1) == (
        f"the domain has {(needs - 1) * 4} KiB of memory and needs {needs * 4} KiB to start this guest; give it more, "
        "with the guest's own needs on top")


@pytest.mark.parametrize(("pages", "pool"), [(1 << 14, 512), (0xffff << 5, 0xffff), (1 << 23, 0xffff)])
def test_pool(pages: int, pool: int, checker: Checker) -> None:
    """One page in 32, as many as can be named."""
    maker = Maker()
    address(elf.DIRECT, 1 << 44)(maker)
    assert checker.refusal(packed(maker.bytes()), pages) == ""
    assert checker.pool() == pool


def descriptor(name: str, value: int) -> Callable[[RomImage, bytearray], None]:
    return lambda rom, data: struct.pack_into("<I", data, rom.header.descriptor + offset_of(RomDescriptor, name), value)


def header(form: str, offset: int, value: int) -> Callable[[RomImage, bytearray], None]:
    return lambda rom, data: struct.pack_into(form, data, offset, value)


SIZE = 3072  # of the ROM, without its source

ROMS: dict[str, tuple[Callable[[RomImage, bytearray], None], str]] = {
    "short": (lambda rom, data: data.__delitem__(slice(287, None)), "287 bytes, expected at least a header and"),
    "signature": (header("<H", 0, 0xAA54), "begins with 0xaa54 and has 0x696d5663 at 0x8, expected 0xaa55 and"),
    "classic signature": (header("<I", 8, 1), "begins with 0xaa55 and has 0x1 at 0x8"),
    "length": (header("<B", 2, 4), f"its length says 2048 bytes, there are {SIZE}"),
    "no length": (header("<B", 2, 0), "its length says 0 bytes"),
    "major": (header("<H", 12, 0x307), "interface version 3.7, expected 4"),
    "descriptor": (header("<I", 28, SIZE - 140), f"descriptor at {SIZE - 140:#x}, expected a multiple of 4 and"),
    "descriptor not aligned": (header("<I", 28, 145), "descriptor at 0x91, expected a multiple of 4"),
    "descriptor far": (header("<I", 28, 0xfffffffc), "descriptor at 0xfffffffc"),
    "descriptor magic": (descriptor("magic", 3), "descriptor magic 0x3, expected 0x34494d56"),
    "much text": (descriptor("text_size", 8193), "8193 bytes of text at"),
    "text outside": (descriptor("text", SIZE), f"of text at {SIZE:#x}, expected at most 8192 and within {SIZE:#x}"),
    "text far": (descriptor("text", 0xffffffff), "of text at 0xffffffff"),
    "text long": (descriptor("text_size", 0xffffffff), "4294967295 bytes of text"),
    "much data": (descriptor("data_size", 4097), "4097 bytes of data at"),
    "data behind": (descriptor("data", SIZE + 1), f"of data at {SIZE + 1:#x}"),
    "data outside": (descriptor("data", SIZE - 1),
                     f"of data at {SIZE - 1:#x}, expected at most 4096 and within {SIZE:#x}"),
}


@pytest.mark.parametrize("what", ROMS)
def test_rom(what: str, checker: Checker, emu: RomImage) -> None:
    change, says = ROMS[what]
    data = bytearray(emu.data)
    assert len(data) == SIZE
    change(emu, data)
    refusal = checker.refusal(packed(Maker().bytes(), bytes(data)))
    assert refusal.startswith("ROM: ") and says in refusal


def test_rom_to_its_end(checker: Checker, emu: RomImage) -> None:
    data = bytearray(emu.data)
    for what in ("text", "data"):
        descriptor(what, len(data) - getattr(emu.descriptor, f"{what}_size"))(emu, data)
    assert checker.refusal(packed(Maker().bytes(), bytes(data))) == ""


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
       st.integers(0, 1 << 16))
def test_damage(checker: Checker, emu: RomImage, changes: list[tuple[int, bytes]], cut: int) -> None:
    """Whatever is there instead, wherever it ends: it is accepted or refused, and nothing outside is read."""
    data = bytearray(packed(Maker().bytes(), emu.data))
    for offset, new in changes:
        offset %= len(data) - len(new)
        data[offset : offset + len(new)] = new
    checker.refusal(bytes(data[: len(data) - cut % PAGE_SIZE * (cut & 1)]))
