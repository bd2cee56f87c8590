# SPDX-License-Identifier: MIT
"""The structures of the classic interface: the C compiler, the assembler, Python and the definition agree."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from openvmi.abi import classic, load
from openvmi.abi.classic import ApState, Header, Pci, Pnp
from openvmi.abi.layout import Layout, offset_of
from openvmi.toolchain import I386, X86_64, Target, Toolchain

CLASSES: dict[str, type[Layout]] = {"header": Header, "pci": Pci, "pnp": Pnp, "ap_state": ApState}
STRUCTS = load.classic().structs


def compiled(top: Path, work: Path, name: str, source: str, target: Target) -> bytes:
    """The read-only data of a file that includes vmi/classic.h."""
    (work / name).write_text(f"#include <vmi/classic.h>\n{source}\n")
    Toolchain(top / "build" / "cache", target).compile(work / name, work / "out.o", includes=[top / "libvmi/include"])
    with (work / "out.o").open("rb") as file:
        return ELFFile(file).get_section_by_name(".rodata").data()


@pytest.mark.parametrize("target", [I386, X86_64], ids=lambda t: t.emulation)
def test_compiler_agrees(top: Path, tmp_path: Path, target: Target) -> None:
    said, numbers = [], []
    for s in STRUCTS:
        said += [f"sizeof(struct vmi3_{s.name})", *[f"offsetof(struct vmi3_{s.name}, {f.name})" for f in s.fields]]
        numbers += [s.size, *[f.offset for f in s.fields]]
    data = compiled(top, tmp_path, "all.c", f"const unsigned numbers[] = {{ {', '.join(said)} }};", target)
    assert list(struct.unpack(f"<{len(numbers)}I", data)) == numbers


def test_assembler_agrees(top: Path, tmp_path: Path) -> None:
    """Every name that the assembler sees has the number that Python has."""
    numbers: dict[str, int] = {"VMI3_MAJOR": 3, "VMI3_MINOR": 0, "VMI3_CALL_COUNT": 74}
    numbers |= {f"VMI3_CALL_{c.name}": c.value for c in classic.Call}
    numbers |= {f"VMI3_RELOCATION_{r.name}": r.value for r in classic.Relocation}
    numbers |= {f"VMI3_{c.name}": getattr(classic, c.name) for c in load.classic().constants}
    for name, kind in CLASSES.items():
        numbers[f"VMI3_SIZE_{name.upper()}"] = kind.SIZE
        numbers |= {f"VMI3_{name.upper()}_{field.rstrip('_').upper()}": offset for field, offset, _ in kind.FIELDS}
    defined = [line.split()[1] for line in (top / "libvmi/include/vmi/classic.h").read_text().splitlines()
               if line.startswith("#define VMI3_")]
    assert sorted(defined) == sorted(numbers)
    data = compiled(top, tmp_path, "all.S", ".section .rodata\n" + "\n".join(f".long {name}" for name in numbers), I386)
    assert list(struct.unpack(f"<{len(numbers)}I", data)) == list(numbers.values())


def test_literal_offsets() -> None:
    """What Linux's compiler made of its declarations."""
    assert {name: kind.SIZE for name, kind in CLASSES.items()} == {"header": 144, "pci": 24, "pnp": 18, "ap_state": 92}
    wanted: dict[type[Layout], dict[str, int]] = {
        Header: {"rom_entry": 3, "vrom_signature": 8, "api_version_maj": 13, "virtual_top": 16, "license_offs": 22,
                 "pci_header_offs": 24, "pnp_header_offs": 26, "vmi_init": 0x80, "get_reloc": 0x88},
        Pci: {"vendorID": 4, "deviceID": 6, "class_": 13, "chunks": 16, "rom_version_min": 18, "lastRom": 21},
        Pnp: {"devID": 10, "manufacturer_offset": 14, "product_offset": 16},
        ApState: {"efer": 16, "eip": 24, "esp": 48, "cs": 64, "ldtr": 76, "gdtr_limit": 78, "gdtr_base": 80,
                  "idtr_base": 84, "idtr_limit": 88},
    }
    for kind, offsets in wanted.items():
        assert {name: offset_of(kind, name) for name in offsets} == offsets


@pytest.mark.parametrize("s", STRUCTS, ids=lambda s: s.name)
def test_classes_are_what_the_definition_says(s) -> None:
    kind = CLASSES[s.name]
    assert kind.FORMAT.size == kind.SIZE == s.size
    assert [(name.rstrip("_"), offset, count) for name, offset, count in kind.FIELDS] == [
        (f.name, f.offset, f.count) for f in s.fields]
    assert kind().pack() == bytes(kind.SIZE)
    with pytest.raises(ValueError, match=f"needs {kind.SIZE} bytes"):
        kind.unpack(bytes(kind.SIZE - 1))


@pytest.mark.parametrize("kind", CLASSES.values(), ids=lambda c: c.__name__)
@given(data=st.data())
def test_round_trip(kind: type[Layout], data: st.DataObject) -> None:
    raw = data.draw(st.binary(min_size=kind.SIZE, max_size=kind.SIZE))
    assert kind.unpack(raw).pack() == raw
