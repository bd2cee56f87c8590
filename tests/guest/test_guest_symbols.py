# SPDX-License-Identifier: MIT
"""Names for addresses, and the whole reader against pyelftools."""

from __future__ import annotations

from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment

from openvmi.guest import image
from openvmi.guest.symbols import Symbols


def test_lookup() -> None:
    symbols = Symbols([(100, 20, "first"), (110, 0, "label"), (200, 0, "open"), (200 + (1 << 16) + 10, 4, "last")])
    assert symbols.lookup(99) is None
    assert symbols.lookup(100) == ("first", 0)
    assert symbols.lookup(109) == ("first", 9)
    assert symbols.lookup(110) == ("label", 0)
    assert symbols.lookup(200 + 65535) == ("open", 65535)
    assert symbols.lookup(200 + 65536) is None
    assert symbols.lookup((1 << 64) - 1) is None
    assert (symbols.address("last"), symbols.address("none")) == (200 + 65546, None)
    assert Symbols([]).lookup(0) is None


def test_a_function_covers_what_follows_a_label_of_another() -> None:
    symbols = Symbols([(100, 50, "function"), (110, 2, "table")])
    assert symbols.lookup(111) == ("table", 1)
    assert symbols.lookup(120) == ("function", 20)


def test_same_as_pyelftools(tiny_file: Path) -> None:
    guest = image.load(tiny_file)
    with tiny_file.open("rb") as file:
        elf = ELFFile(file)
        loads = [s for s in elf.iter_segments("PT_LOAD") if s["p_memsz"]]
        assert [(s.virtual, s.physical, s.data, s.memory_size) for s in guest.segments] == [
            (s["p_vaddr"], s["p_paddr"], s.data(), s["p_memsz"]) for s in loads]
        assert guest.entry == elf["e_entry"]
        theirs = {s.name: s["st_value"] for s in elf.get_section_by_name(".symtab").iter_symbols()
                  if s.name and isinstance(s["st_shndx"], int) and s["st_info"]["type"] in
                  ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE")}
        assert theirs and {name: guest.symbols().address(name) for name in theirs} == theirs
        notes = [n for s in elf.iter_segments() if isinstance(s, NoteSegment) for n in s.iter_notes()]
        assert {n["n_name"] for n in notes} == {"OpenVMI"} and len(notes) == 7


def test_finds_names_in_a_guest(tiny_file: Path) -> None:
    guest = image.load(tiny_file)
    assert guest.symbols().lookup(guest.entry + 3) == ("start", 3)
