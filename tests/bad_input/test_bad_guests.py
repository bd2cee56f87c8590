# SPDX-License-Identifier: MIT
"""The real guest with one thing wrong in it: each is refused by name before it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.abi.names import SITE_LIMIT, WINDOW_SIZE, NoteType
from openvmi.guest.elf import MEMORY_LIMIT
from openvmi.status import Status
from openvmi.units import PAGE_SIZE
from tests.bad_input.command import Done, openvmi, refused, together
from tests.bad_input.damage import DATA, NOTES, RODATA, TEXT, Elf

IMAGE, PHYSICAL = 0x40000000, 0x200000  # where libvmi's linker script puts a guest
WINDOW = 0x40020000
GIB, TOP = 1 << 30, 1 << 64

FILE = {
    "flipped magic": (lambda g: g.flip(1), "not an ELF file"),
    "32 bit": (lambda g: g.header("class", 1), "build the guest for x86-64"),
    "big endian": (lambda g: g.header("order", 2), "build the guest for x86-64"),
    "other machine": (lambda g: g.header("machine", 183), "machine at 0x12 is 183, expected 62"),
    "object file": (lambda g: g.header("type", 1), "type at 0x10 is 1, expected 2"),
    "no segments": (lambda g: g.header("count", 0), "0 program headers"),
    "headers outside": (lambda g: g.header("table", TOP - 1), "is it truncated?"),
    "header size": (lambda g: g.header("entry_size", 32), "header sizes at 0x34"),
    "entry outside": (lambda g: g.header("entry", IMAGE).address(NoteType.ENTRY, IMAGE), "is not in the guest's code"),
    "entries differ": (lambda g: g.flip(24), "use the same symbol"),
}
SEGMENTS = {
    "outside the file": (lambda g: g.program(TEXT, "offset", TOP - PAGE_SIZE), "the file ends at"),
    "more file than memory": (lambda g: g.program(TEXT, "memory_size", 1), "bytes in the file for 1 of memory"),
    "overlapping": (lambda g: g.program(RODATA, "memory_size", 16 * PAGE_SIZE), "overlaps"),
    "unsorted": (lambda g: g.program(RODATA, "virtual", WINDOW + WINDOW_SIZE), "expected ascending pages"),
    "not canonical": (lambda g: g.program(DATA, "virtual", 1 << 47), "not canonical addresses"),
    "wrapping": (lambda g: g.program(DATA, "virtual", TOP - PAGE_SIZE), "not canonical addresses"),
    "unaligned": (lambda g: g.program(TEXT, "virtual", IMAGE + 0x2010), "expected page aligned"),
    "unaligned physical": (lambda g: g.program(TEXT, "physical", PHYSICAL + 0x2010), "expected page aligned"),
    "writable code": (lambda g: g.program(TEXT, "flags", 7), "writable and executable"),
    "huge": (lambda g: g.program(DATA, "memory_size", TOP - PAGE_SIZE), f"a guest may have {MEMORY_LIMIT:#x}"),
    "scattered": (lambda g: g.program(DATA, "physical", PHYSICAL), "use one AT() offset"),
    "nothing to load": (lambda g: g.program(RODATA, "type", 6).program(TEXT, "type", 6).program(DATA, "type", 6),
                        "no segment to load"),
}
NOTE = {
    "all missing": (lambda g: g.program(NOTES, "type", 6), "not an OpenVMI guest"),
    "truncated": (lambda g: g.program(NOTES, "file_size", 24), "its segment ends at"),
    "outside the file": (lambda g: g.program(NOTES, "offset", TOP - 16), "the file ends at"),
    "contents outside": (lambda g: g.note_size(NoteType.SITES, 0xFFFFFFFF), "its segment ends at"),
    "duplicate": (lambda g: g.note_type(NoteType.GROUPS, NoteType.VERSION), "second VERSION note"),
    "unknown type": (lambda g: g.note_type(NoteType.GROUPS, 99), "unknown type 99"),
    "wrong size": (lambda g: g.note_size(NoteType.ENTRY, 4), "ENTRY note at 0x"),
    "profile": (lambda g: g.note(NoteType.VERSION, b"\4\0\0\0\x63"), "asks for profile 99"),
    "licence": (lambda g: g.note(NoteType.LICENCE, b"\x1b[m"), "not an SPDX expression"),
}
NOTE |= {f"no {kind.name}": (lambda g, kind=kind: g.without(kind), f"no {kind.name} note")
         for kind in NoteType if kind not in (NoteType.GROUPS, NoteType.POLICY)}
SITES = {
    "table backwards": (lambda g: g.address(NoteType.SITES, WINDOW), "expected records of 8 bytes"),
    "table nowhere": (lambda g: g.address(NoteType.SITES, IMAGE - 0x1000 + 8), "no segment holds"),
    "outside": (lambda g: g.site(0, "distance", -(1 << 31)), "is not in the guest's code"),
    "in data": (lambda g: g.site(0, "distance", 0), "is not in the guest's code"),
    "bytes differ": (lambda g: g.flip(g.code_of_site(0)), "the file is damaged or was patched"),
    "overlapping": (lambda g: g.site(1, "distance", 0) and overlap(g), "overlaps the site"),
    "too long": (lambda g: g.site(0, "size", SITE_LIMIT + 1), f"expected 1 to {SITE_LIMIT}"),
    "wrong length": (lambda g: g.site(0, "size", 1), "rebuild the guest"),
    "empty": (lambda g: g.site(0, "size", 0), "has 0 bytes"),
}
PLACES = {
    "window 0": (lambda g: g.address(NoteType.WINDOW, 0), "other than 0"),
    "window misaligned": (lambda g: g.address(NoteType.WINDOW, WINDOW + 8), f"ROM window at {WINDOW + 8:#x}"),
    "window not canonical": (lambda g: g.address(NoteType.WINDOW, 1 << 47), "canonical"),
    "window over the image": (lambda g: g.address(NoteType.WINDOW, IMAGE), "overlaps the image"),
    "window out of reach": (lambda g: g.address(NoteType.WINDOW, 4 * GIB), "not within 2 GiB"),
    "direct map misaligned": (lambda g: g.address(NoteType.DIRECT_MAP, GIB // 2), "canonical multiple of 0x40000000"),
    "direct map not canonical": (lambda g: g.address(NoteType.DIRECT_MAP, 1 << 62), "canonical multiple of"),
    "direct map over the image": (lambda g: g.address(NoteType.DIRECT_MAP, IMAGE), "overlaps the image"),
}


def overlap(guest: Elf) -> Elf:
    """Points the second site record one byte past the first site's start."""
    distance = int.from_bytes(guest.data[guest.site_at(0):guest.site_at(0) + 4], "little", signed=True)
    return guest.site(1, "distance", distance - (guest.site_at(1) - guest.site_at(0)) + 1)


CASES = {f"{part}: {name}": case for part, cases in (
    ("file", FILE), ("segment", SEGMENTS), ("note", NOTE), ("site", SITES), ("place", PLACES),
) for name, case in cases.items()}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What each case came to."""
    folder = tmp_path_factory.mktemp("guests")
    spoil: Callable[[Elf], Elf]
    commands = {}
    for number, (name, (spoil, _)) in enumerate(CASES.items()):
        path = folder / f"bad{number}.elf"
        path.write_bytes(spoil(Elf()).data)
        commands[name] = ["run", path]
    return together(commands)


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, done: dict[str, Done]) -> None:
    refused(done[name], Status.BAD_FILE, f"bad{list(CASES).index(name)}.elf: ", CASES[name][1])


def test_inspect_refuses_as_run_does(tmp_path: Path) -> None:
    path = tmp_path / "bad.elf"
    path.write_bytes(SITES["bytes differ"][0](Elf()).data)
    inspected, run = openvmi("guest", "inspect", path), openvmi("run", path)
    refused(inspected, Status.BAD_FILE)
    assert inspected == run
