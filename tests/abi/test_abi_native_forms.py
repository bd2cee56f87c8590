# SPDX-License-Identifier: MIT
"""The native forms against the assembler: the bytes that the definition records are what its text assembles to."""

from __future__ import annotations

from pathlib import Path

import capstone
import pytest
from elftools.elf.elffile import ELFFile

from openvmi.abi import load
from openvmi.abi.layouts import Site
from openvmi.abi.model import Call
from openvmi.toolchain import FREESTANDING, Toolchain

CALLS = load.interface().calls


def expected(call: Call) -> bytes:
    """A site as the compiler leaves it, distances not yet filled in."""
    native = call.native
    if not native.target:
        return native.code
    return b"\x2e" * (call.site - 5) + (b"\xe8" if native.call else b"\xe9") + bytes(4)


def compiled(top: Path, work: Path, name: str, source: str) -> list[tuple[int, int, bytes]]:
    """Compiles a file; returns call, size and bytes of each site in it."""
    path = work / name
    path.write_text(source)
    Toolchain(top / "build" / "cache").compile(path, work / "out.o", includes=[top / "libvmi" / "include"])
    with (work / "out.o").open("rb") as file:
        elf = ELFFile(file)
        records = elf.get_section_by_name(".vmi.sites").data()
        text = elf.get_section_by_name(".text").data()
        # The address field of a record is a relocation against the text; its addend says where the site is.
        where = [r["r_addend"] for r in elf.get_section_by_name(".rela.vmi.sites").iter_relocations()]
    assert len(records) == Site.SIZE * len(where)
    sites = [Site.unpack(records, at) for at in range(0, len(records), Site.SIZE)]
    return [(s.call, s.size, text[at:at + s.size]) for s, at in zip(sites, where, strict=True)]


@pytest.fixture(scope="module")
def wanted() -> list[tuple[int, int, bytes]]:
    """What every call's site must be."""
    return [(c.number, c.site, expected(c)) for c in CALLS]


def test_assembler_macros(top: Path, tmp_path: Path, wanted: list[tuple[int, int, bytes]]) -> None:
    lines = [f"VMI_{call.snake.upper()}" for call in CALLS]
    found = compiled(top, tmp_path, "all.S", "#include <vmi/asm.h>\n" + "\n".join(lines) + "\n")
    assert found == wanted


def test_c_functions(top: Path, tmp_path: Path, wanted: list[tuple[int, int, bytes]]) -> None:
    """One caller for each that C can make; a result that nobody uses must not remove the site."""
    made = [c for c in CALLS if c.convention != "jump"]
    callers = [f"void use_{c.snake}(void) {{ pv_{c.snake}({', '.join('0' for _ in c.arguments)}); }}" for c in made]
    source = "#include <vmi/layout.h>\n#include <vmi/pv.h>\n" + "\n".join(callers) + "\n"
    assert compiled(top, tmp_path, "all.c", source) == [w for c, w in zip(CALLS, wanted, strict=True) if c in made]


@pytest.mark.parametrize("call", [c for c in CALLS if c.native.code], ids=lambda c: c.name)
def test_native_code_disassembles_whole(call: Call) -> None:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    instructions = list(decoder.disasm(call.native.code, 0))
    assert sum(i.size for i in instructions) == call.site
    # As many instructions as anyone would write: a site costs none of its own.
    assert len(instructions) == (len([part for part in call.native.asm.split(";") if not part.strip().endswith(":")])
                                 if call.native.asm else 1)
    silently_wrong_without_ring_0 = {"popfq", "sgdt", "sidt", "smsw"}
    assert not silently_wrong_without_ring_0 & {i.mnemonic for i in instructions}


@pytest.mark.parametrize(("name", "line"), [("plain.S", "VMI_IRQ_DISABLE; VMI_IRET"),
                                            ("plain.c", "void f(void) { pv_irq_disable(); pv_lazy_enter(); }")])
def test_without_sites_the_instructions_stand_alone(top: Path, tmp_path: Path, name: str, line: str) -> None:
    """VMI_NO_SITES: what benchmarks/native.py compares with."""
    source = tmp_path / name
    header = "asm.h" if name.endswith(".S") else "pv.h"
    source.write_text(f"#include <vmi/{header}>\n{line}\n")
    Toolchain(top / "build" / "cache").compile(source, tmp_path / "out.o", [*FREESTANDING, "-DVMI_NO_SITES"],
                                               [top / "libvmi" / "include"])
    with (tmp_path / "out.o").open("rb") as file:
        elf = ELFFile(file)
        assert elf.get_section_by_name(".vmi.sites") is None
        text = elf.get_section_by_name(".text").data()
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    found = [(i.mnemonic, i.size) for i in decoder.disasm(text, 0)]
    assert ("cli", 1) in found and not any(mnemonic.startswith("nop") for mnemonic, _ in found)
