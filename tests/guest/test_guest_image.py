# SPDX-License-Identifier: MIT
"""Reading a guest: what a sound file says, and one file for each check that refuses."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from elf_maker import (
    BASE,
    CODE,
    DIRECT,
    ENTRY,
    GROUPS,
    LICENCE,
    LOAD,
    PHYSICAL,
    ROM_WINDOW,
    SITES,
    TEXT,
    VERSION,
    Maker,
    Program,
    R,
    Record,
    W,
    X,
)

from openvmi.abi.names import MINOR
from openvmi.errors import BadFileError, BadGuestError, UsageError
from openvmi.guest import image
from openvmi.guest.sites import SiteRecord


def test_sound() -> None:
    guest = image.parse(Maker().bytes(), "there/some.elf")
    assert (guest.name, guest.path, guest.licence, guest.version, guest.profile) == (
        "some", "there/some.elf", "MIT", (4, 0), 1)
    assert (guest.entry, guest.window, guest.direct_map) == (0x40001000, 0x40010000, 0x80000000)
    assert (guest.image_start, guest.image_end) == (0x40000000, 0x40005000)
    assert [(s.virtual, s.physical, len(s.data), s.memory_size, s.writable, s.executable) for s in guest.segments] == [
        (0x40000000, 0x200000, 32, 32, False, False),
        (0x40001000, 0x201000, 31, 31, False, True),
        (0x40002000, 0x202000, 4, 0x3000, True, False),
    ]
    assert [(g.group, g.revision, g.flags) for g in guest.groups] == [(9, 1, 0)]
    assert guest.site_records() == [
        SiteRecord(0x40001000, 0x0100, 15), SiteRecord(0x4000100F, 0x0000, 5),
        SiteRecord(0x40001014, 0x030C, 5), SiteRecord(0x40001019, 0x0204, 5),
    ]
    assert len(guest.symbols()) == 0


def test_groups_and_sites_may_be_absent() -> None:
    maker = Maker()
    del maker.notes[GROUPS]
    maker.notes[SITES] = struct.pack("<QQ", 0, 0)
    guest = image.parse(maker.bytes(), "g")
    assert guest.groups == () and guest.site_records() == []


def test_upper_half() -> None:
    """A kernel in the top 2 GiB, as Linux has it."""
    up = 0xFFFFFFFF80000000 - BASE
    maker = Maker(entry=CODE + up)
    for program in maker.programs:
        program.virtual += up if program.type == LOAD else 0
    maker.notes |= {ENTRY: q(CODE + up), ROM_WINDOW: q(0x40010000 + up), DIRECT: q(0xFFFF888000000000),
                    SITES: q(BASE + up) + q(BASE + up + 32)}
    assert image.parse(maker.bytes(), "g").site_records()[0].address == CODE + up


def test_other_owners_notes_are_skipped() -> None:
    other = struct.pack("<III", 4, 5, 1) + b"GNU\0" + b"12345\0\0\0"
    assert image.parse(Maker(extra_notes=other).bytes(), "g").licence == "MIT"


def test_vendor_calls_and_newer_minors_may_be_unknown() -> None:
    maker = Maker()
    maker.records[0].call = 0xE001
    assert image.parse(maker.bytes(), "g").site_records()[0].call == 0xE001
    maker = Maker()
    maker.records[0].call = 0x01F0
    maker.notes[VERSION] = struct.pack("<HHI", 4, MINOR + 1, 99)
    assert image.parse(maker.bytes(), "g").profile == 99


def test_a_guest_that_needs_no_more_may_know_newer_calls() -> None:
    """Its version is the one that it needs; where a call is missing it does without."""
    maker = Maker()
    maker.records[0].call = 0x01F0
    assert image.parse(maker.bytes(), "g").site_records()[0].call == 0x01F0


def q(value: int) -> bytes:
    """An address as notes have it."""
    return struct.pack("<Q", value)


def change(**fields: object) -> Callable[[Maker], None]:
    """Sets fields of the maker."""
    return lambda maker: [setattr(maker, name, value) for name, value in fields.items()] and None


def program(index: int, **fields: object) -> Callable[[Maker], None]:
    """Sets fields of a program header."""
    return lambda maker: [setattr(maker.programs[index], name, value) for name, value in fields.items()] and None


def note(number: int, contents: bytes) -> Callable[[Maker], None]:
    """Replaces a note."""
    return lambda maker: maker.notes.update({number: contents})


def site(index: int, **fields: int) -> Callable[[Maker], None]:
    """Sets fields of a site record."""
    return lambda maker: [setattr(maker.records[index], name, value) for name, value in fields.items()] and None


def text(offset: int, new: bytes) -> Callable[[Maker], None]:
    """Overwrites code."""
    return program(2, data=TEXT[:offset] + new + TEXT[offset + len(new):])


BROKEN = {
    "not ELF": (change(ident=b"MZ" + bytes(14)), "not an ELF file"),
    "32 bit": (change(ident=b"\x7fELF\x01\x01\x01" + bytes(9)), "build the guest for x86-64"),
    "big endian": (change(ident=b"\x7fELF\x02\x02\x01" + bytes(9)), "build the guest for x86-64"),
    "ARM": (change(machine=183), "machine at 0x12 is 183"),
    "shared object": (change(type=3), "without -pie"),
    "header size": (change(header_size=63), "header sizes at 0x34"),
    "program header size": (change(program_size=32), "header sizes at 0x34"),
    "no program headers": (change(program_count=0), "0 program headers"),
    "too many program headers": (change(program_count=65), "65 program headers"),
    "program headers outside": (change(program_offset=1 << 63), "is it truncated?"),
    "nothing to load": (change(programs=[Program(6, R, 0, 0), Program(4, R, 0, 0, align=4)]), "no segment to load"),
    "segment outside the file": (program(2, offset=1 << 40), "program header 2 covers"),
    "segment past the end": (program(3, file_size=1 << 20), "the file ends at"),
    "file larger than memory": (program(2, memory=3), "has 31 bytes in the file for 3"),
    "virtual not aligned": (program(2, virtual=CODE + 16), "expected page aligned"),
    "physical not aligned": (program(2, physical=PHYSICAL + 0x1010), "expected page aligned"),
    "segment over 1 GiB": (program(3, memory=(1 << 30) + 1), "a guest may have 0x40000000"),
    "physical too high": (program(2, physical=1 << 52), "a guest may have"),
    "not canonical": (program(2, virtual=1 << 47), "not canonical"),
    "wraps around": (program(3, virtual=(1 << 64) - 4096), "not canonical"),
    "writable code": (program(2, flags=R | W | X), "writable and executable"),
    "overlap": (program(2, virtual=BASE, physical=PHYSICAL), "overlaps or comes before"),
    "descending": (program(3, virtual=BASE - 0x8000, physical=PHYSICAL - 0x8000), "overlaps or comes before"),
    "overlap in a page": (program(0, memory=0x1001), "program header 2 at 0x40001000 overlaps"),
    "span over 1 GiB": (program(3, virtual=BASE + (1 << 30), physical=PHYSICAL + (1 << 30)), "a guest may span"),
    "not contiguous": (program(3, physical=PHYSICAL + 0x3000), "expected 0x202000: the image is contiguous"),
    "no OpenVMI notes": (change(owner=b"GNU\0"), "an ELF file, but not an OpenVMI guest"),
    "owner without NUL": (change(owner=b"OpenVMI"), "an ELF file, but not an OpenVMI guest"),
    "no note segment": (lambda maker: maker.programs.pop(1), "an ELF file, but not an OpenVMI guest"),
    "unknown note": (note(9, b""), "note of unknown type 9 at 0x"),
    "policy of another size": (note(8, bytes(4)), "POLICY note at 0x"),
    "policy of an unknown class": (note(8, struct.pack("<II", 4, 0)), "licence class 4 with flags 0x0; known are"),
    "policy with an unknown flag": (note(8, struct.pack("<II", 0, 3)), "licence class 0 with flags 0x3; known are"),
    "note twice": (lambda maker: setattr(maker, "extra_notes", maker.note(LICENCE, b"MIT")), "second LICENCE note"),
    "note past its segment": (
        change(extra_notes=struct.pack("<III", 8, 1 << 31, 1) + b"OpenVMI\0"), "its segment ends"),
    "note name past its segment": (change(extra_notes=struct.pack("<III", 1 << 31, 8, 1)), "its segment ends"),
    "version size": (note(VERSION, bytes(4)), "VERSION note at 0x"),
    "profile": (note(VERSION, struct.pack("<HHI", 4, 0, 9)), "asks for profile 9; VMI 4.0 has 1 (base)"),
    "groups size": (note(GROUPS, bytes(5)), "GROUPS note has 5 bytes"),
    "group twice": (note(GROUPS, bytes([9, 1, 0, 0, 9, 2, 0, 0])), "names a group twice"),
    "licence empty": (note(LICENCE, b"\0"), "not an SPDX expression"),
    "licence control": (note(LICENCE, b"MIT\x1b[2J"), "not an SPDX expression"),
    "licence not ASCII": (note(LICENCE, b"M\xffT"), "not an SPDX expression"),
    "entry in data": (lambda m: (change(entry=BASE + 0x2000)(m), note(ENTRY, q(BASE + 0x2000))(m)), "not in the guest"),
    "entries differ": (change(entry=CODE + 1), "use the same symbol"),
    "window not aligned": (note(ROM_WINDOW, q(0x40010001)), "ROM window at 0x40010001, expected a page-aligned"),
    "window 0": (note(ROM_WINDOW, q(0)), "other than 0"),
    "window not canonical": (note(ROM_WINDOW, q(1 << 47)), "ROM window at 0x800000000000"),
    "window over the image": (note(ROM_WINDOW, q(BASE - 0xF000)), "overlaps the image"),
    "window out of reach": (note(ROM_WINDOW, q(BASE + (1 << 31))), "not within 2 GiB"),
    "direct map not aligned": (note(DIRECT, q(0x80001000)), "direct map at 0x80001000"),
    "direct map not canonical": (note(DIRECT, q(1 << 62)), "direct map at"),
    "direct map over the image": (note(DIRECT, q(0x40000000)), "overlaps the image"),
    "direct map over the window": (
        lambda m: (note(DIRECT, q(0x80000000))(m), note(ROM_WINDOW, q(0x80010000))(m)), "overlaps the ROM window"),
    "sites backwards": (note(SITES, q(BASE + 32) + q(BASE)), "expected records of 8 bytes"),
    "sites not whole": (note(SITES, q(BASE) + q(BASE + 31)), "expected records of 8 bytes"),
    "sites outside": (note(SITES, q(BASE + 0x10000) + q(BASE + 0x10020)), "which no segment holds"),
    "sites past the file": (note(SITES, q(BASE) + q(BASE + 40)), "which no segment holds"),
    "site outside": (site(0, address=CODE + 0x8000), "site of call 0x0100 at 0x40009000 is not in the guest's code"),
    "site in data": (site(0, address=BASE + 0x2000), "is not in the guest's code"),
    "site past the code": (site(3, address=CODE + 27), "is not in the guest's code"),
    "site size 0": (site(0, size=0), "has 0 bytes"),
    "site too large": (site(0, size=33), "expected 1 to 32"),
    "sites overlap": (site(1, address=CODE + 14), "overlaps the site that ends at 0x4000100f"),
    "wrong size": (site(0, size=14), "has 14 bytes; IrqDisable has 15"),
    "native form": (text(0, b"\xfb"), "at 0x40001000 holds fb 2e"),
    "prefix": (text(1, b"\x90"), "the file is damaged or was patched"),
    "call form": (text(15, b"\xe9"), "expected e8 and a 32-bit distance for Init"),
    "jump form": (text(25, b"\xe8"), "expected e9 and a 32-bit distance for SysRet"),
    "empty form": (text(20, b"\x90"), "expected 0f 1f 44 00 00 for LazyEnter"),
}
for _number, _name in ((VERSION, "VERSION"), (ENTRY, "ENTRY"), (ROM_WINDOW, "WINDOW"), (DIRECT, "DIRECT_MAP"),
                       (LICENCE, "LICENCE"), (SITES, "SITES")):
    BROKEN[f"no {_name}"] = (lambda maker, number=_number: maker.notes.pop(number), f"no {_name} note; a guest has all")


@pytest.mark.parametrize("name", BROKEN)
def test_refused(name: str) -> None:
    spoil, said = BROKEN[name]
    maker = Maker()
    spoil(maker)
    with pytest.raises(BadGuestError) as caught:
        image.parse(maker.bytes(), "some.elf")
    assert str(caught.value).startswith("some.elf: ")
    assert said in str(caught.value)


def test_every_truncation_is_refused_or_harmless() -> None:
    data = Maker().bytes()
    for size in range(len(data)):
        with pytest.raises(BadGuestError):
            image.parse(data[:size], "g")


def test_load_says_what_is_wrong_with_the_path(tmp_path, monkeypatch) -> None:
    with pytest.raises(UsageError, match="No such file"):
        image.load(tmp_path / "none.elf")
    monkeypatch.setattr("openvmi.guest.image.read_bounded", lambda path, what: (_ for _ in ()).throw(
        BadFileError(f"{path}: larger")))
    with pytest.raises(BadFileError, match="larger"):
        image.load(tmp_path / "large.elf")


def test_records_keep_wrapped_addresses_apart() -> None:
    """A distance that leads below zero is an address at the top, not a negative one."""
    maker = Maker(records=[Record(CODE, 0x0100, 15)])
    maker.programs[0].data = struct.pack("<iHBB", -(1 << 31), 0x0100, 15, 0)
    maker.notes[SITES] = q(BASE) + q(BASE + 8)
    with pytest.raises(BadGuestError, match="0xffffffffc0000000 is not in the guest's code"):
        image.parse(maker.bytes(), "g")
