# SPDX-License-Identifier: MIT
"""Binary structures: the C compiler, the Python classes and the definition agree, and packing is exact."""

from __future__ import annotations

import struct
from pathlib import Path

import attrs
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from openvmi.abi import layouts, load
from openvmi.abi.layout import Layout, offset_of
from openvmi.toolchain import Toolchain

STRUCTS = load.interface().structs
CLASSES = [c for c in vars(layouts).values() if isinstance(c, type) and issubclass(c, Layout) and c is not Layout]


def python_class(name: str) -> type[Layout]:
    """The generated class of a structure."""
    return getattr(layouts, "".join(part.capitalize() for part in name.split("_")))


def test_compiler_agrees(top: Path, tmp_path: Path) -> None:
    numbers, said = [], []
    for s in STRUCTS:
        said.append(f"sizeof(struct vmi_{s.name})")
        numbers.append(python_class(s.name).SIZE)
        for field in s.fields:
            said.append(f"offsetof(struct vmi_{s.name}, {field.name})")
            numbers.append(field.offset)
    source = tmp_path / "layout.c"
    source.write_text("#include <stddef.h>\n#include <vmi/layout.h>\nconst unsigned numbers[] = { "
                      + ", ".join(said) + " };\n")
    Toolchain(top / "build" / "cache").compile(source, tmp_path / "layout.o", includes=[top / "libvmi" / "include"])
    with (tmp_path / "layout.o").open("rb") as file:
        data = ELFFile(file).get_section_by_name(".rodata").data()
    assert list(struct.unpack(f"<{len(numbers)}I", data)) == numbers


def test_every_structure_has_its_class() -> None:
    assert {python_class(s.name) for s in STRUCTS} == set(CLASSES) and len(CLASSES) == len(STRUCTS)
    for s in STRUCTS:
        kind = python_class(s.name)
        assert kind.FORMAT.size == kind.SIZE == s.size
        assert [(offset, count) for _, offset, count in kind.FIELDS] == [(f.offset, f.count) for f in s.fields]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda c: c.__name__)
@given(data=st.data())
def test_round_trip(kind: type[Layout], data: st.DataObject) -> None:
    raw = data.draw(st.binary(min_size=kind.SIZE, max_size=kind.SIZE))
    assert kind.unpack(raw).pack() == raw
    assert kind.unpack(b"123" + raw, 3) == kind.unpack(raw)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda c: c.__name__)
def test_zero_and_bounds(kind: type[Layout]) -> None:
    assert kind().pack() == bytes(kind.SIZE)
    with pytest.raises(ValueError, match=f"needs {kind.SIZE} bytes"):
        kind.unpack(bytes(kind.SIZE - 1))
    with pytest.raises(ValueError, match="needs"):
        kind.unpack(bytes(kind.SIZE), -1)


def test_offset_of() -> None:
    assert offset_of(layouts.BootInfo, "rom") == 56
    with pytest.raises(KeyError):
        offset_of(layouts.BootInfo, "gone")


def test_values_outside_their_field() -> None:
    name = attrs.fields(layouts.Site)[1].name
    with pytest.raises(struct.error):
        layouts.Site(**{name: 1 << 16}).pack()
