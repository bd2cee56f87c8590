# SPDX-License-Identifier: MIT
"""Names for addresses, and the whole reader against pyelftools."""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from elftools.elf.segments import NoteSegment

from openvmi import resources
from openvmi.guest import image, symbols
from openvmi.guest.symbols import Symbols


def test_lookup() -> None:
    known = Symbols([(100, 20, "first"), (110, 0, "label"), (200, 0, "open"), (200 + (1 << 16) + 10, 4, "last")])
    assert known.lookup(99) is None
    assert known.lookup(100) == ("first", 0)
    assert known.lookup(109) == ("first", 9)
    assert known.lookup(110) == ("label", 0)
    assert known.lookup(200 + 65535) == ("open", 65535)
    assert known.lookup(200 + 65536) is None
    assert known.lookup((1 << 64) - 1) is None
    assert (known.address("last"), known.address("none")) == (200 + 65546, None)
    assert Symbols([]).lookup(0) is None


def test_a_function_covers_what_follows_a_label_of_another() -> None:
    known = Symbols([(100, 50, "function"), (110, 2, "table")])
    assert known.lookup(111) == ("table", 1)
    assert known.lookup(120) == ("function", 20)


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


def test_functions() -> None:
    with (resources.built("guests") / "hello.elf").open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        theirs = {(s["st_value"], s["st_size"]) for s in table.iter_symbols() if s["st_info"]["type"] == "STT_FUNC"}
    found = image.load(resources.built("guests") / "hello.elf").functions()
    assert found == sorted(place for place in theirs if place[1]) and len(found) > 50
    assert symbols.functions(bytes(64)) == []


def test_functions_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a table says: two names for one, one inside another, beyond the address space."""
    said = [(100, 50, "outer", 2), (110, 7, "inner", 2), (110, 9, "alias", 2), (300, 0, "empty", 2),
            (200, 4, "data", 1), (400, 1 << 64, "long", 2)]  # fmt: skip
    monkeypatch.setattr(symbols, "_read", lambda data: iter(said))
    assert symbols.functions(b"") == [(100, 10), (110, 9), (400, (1 << 64) - 400)]


def test_finds_names_in_a_guest(tiny_file: Path) -> None:
    guest = image.load(tiny_file)
    assert guest.symbols().lookup(guest.entry + 3) == ("start", 3)
