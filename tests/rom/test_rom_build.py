# SPDX-License-Identifier: MIT
"""The builder: the same bytes everywhere, the linked code unchanged, and a named reason for everything it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from openvmi import resources
from openvmi.abi.names import Call, LinkKind, RelocationKind
from openvmi.errors import BuildError, UsageError
from openvmi.rom import build as builder
from openvmi.rom.build import build
from openvmi.rom.compile import Workshop, link
from openvmi.rom.definition import read
from openvmi.rom.image import RomImage
from openvmi.rom.inputs import Places
from openvmi.rom.recipe import Step
from openvmi.rom.toml import find
from openvmi.toolchain import X86_64

Sources = Callable[..., Path]


def _recipe(name: str, *lines: str) -> dict[str, str]:
    return {name: "\n".join([f"ROM_RECIPE VMI_CALL_{name}", *lines, "ROM_END"])}


def test_emu_in_full(emu: RomImage) -> None:
    assert (emu.name, emu.hypervisor) == ("emu", "emu")
    assert (emu.licence, emu.licence_class.name) == ("MIT OR GPL-2.0-only", "GPL")
    assert emu.descriptor.text_size <= 8192
    assert [g.group for g in emu.groups] == [0, 1, 2, 3, 4, 5, 7, 9, 10]
    clock = emu.call(Call.CLOCK_READ)
    assert clock is not None and clock.kind == LinkKind.CALL
    # movl $0x400, %eax; outl %eax, $0x56; ret
    assert emu.text[clock.target:clock.target + 8] == bytes.fromhex("b800040000 e756 c3")
    enable = emu.call(Call.IRQ_ENABLE)
    assert enable is not None and enable.kind == LinkKind.INLINE
    # orb $2, %gs:disp32; jns +2; outb %al, $0x57
    assert emu.recipe(enable) == bytes.fromhex("65800c25 00000000 02 7902 e657")
    flag, = emu.relocations_of(enable)
    assert (flag.kind, flag.offset, flag.target, flag.addend) == (RelocationKind.VCPU, 4, 1, 0)
    assert set(emu.manifest["sources"]) == {
        "rom/calls.S", "rom/private.h", "rom/rom.toml", "include/vmi/abi.h", "include/vmi/asm.h", "include/vmi/rom.h",
        "link/rom.lds"}


def test_text_is_what_the_linker_made(work: Path, emu: RomImage) -> None:
    top = resources.checkout()
    assert top is not None
    folder, script = top / "roms" / "emu", top / "src" / "openvmi" / "rom" / "rom.lds"
    step = Step.of(X86_64, builder.FLAGS, builder._LINK, "link/rom.lds")
    elf = link("emu", Places(folder, top / "libvmi" / "include", script), read(folder).sources, script, step,
               Workshop(work)).elf
    path = work / "linked.elf"
    path.write_bytes(elf)
    with path.open("rb") as file:
        assert ELFFile(file).get_section_by_name(".text").data() == emu.text


def test_same_bytes_from_any_folder(work: Path, tmp_path: Path, emu: RomImage) -> None:
    top = resources.checkout()
    assert top is not None
    folder = tmp_path / "somewhere else" / "deeper"
    shutil.copytree(top / "roms" / "emu", folder)
    again = build(folder, tmp_path / "out" / "x.rom", tmp_path / "cache")
    assert again.data == emu.data == (tmp_path / "out" / "x.rom").read_bytes()
    assert str(top).encode() not in emu.data and b"/tmp" not in emu.data


def test_compiled_c_and_data(sources: Sources, work: Path, tmp_path: Path) -> None:
    folder = sources({"CLOCK_READ": "ROM_CALL VMI_CALL_CLOCK_READ, clock"} | _recipe(
        "IRQ_SAVE", "movl count+4(%rip), %eax"), toml=lambda t: t.replace('"calls.S"', '"calls.S", "clock.c"'))
    (folder / "clock.c").write_text("""
        #include <vmi/abi.h>
        static const int table[] = {1, 2, 3, 4};
        int count[2] = {5, 6};
        static long zero;
        long clock(unsigned a);
        long clock(unsigned a) { return count[0]++ + zero++ + table[a & 3]; }
    """)
    image = build(folder, tmp_path / "c.rom", work)
    assert image.data_page.endswith(bytes([5, 0, 0, 0, 6, 0, 0, 0]))
    assert image.descriptor.data_memory >= image.descriptor.data_size + 8
    save = image.call(Call.IRQ_SAVE)
    assert save is not None
    (relocation,) = image.relocations_of(save)
    assert relocation.kind == RelocationKind.DATA
    assert image.data_page[relocation.target] == 6
    clock = image.call(Call.CLOCK_READ)
    assert clock is not None and image.symbol_at(clock.target) == "clock"  # type: ignore[arg-type]


def test_relocation_before_the_end_of_its_instruction(sources: Sources, work: Path, tmp_path: Path) -> None:
    """The addend counts from the field to the end of the instruction, so that the target is the datum itself."""
    folder = sources(_recipe("IRQ_ENABLE", "movb $1, flag+2(%rip)"), ".data\n.quad 0\nflag: .quad 0")
    call = (image := build(folder, tmp_path / "d.rom", work)).call(Call.IRQ_ENABLE)
    assert call is not None
    (relocation,) = image.relocations_of(call)
    assert (relocation.target, relocation.addend, relocation.offset) == (10, -5, 2)


#: Reason -> answers, further source, what the message says.
REFUSED: dict[str, tuple[dict[str, str | None], str, str]] = {
    "text": ({}, ".fill 8193, 1, 0x90", r"8193 bytes of text, expected at most 8192"),
    "data": ({}, ".data\n.fill 4000, 1, 1\n.bss\n.skip 97", r"4097 bytes of data, expected at most 4096"),
    "vector": ({}, "pxor %xmm0, %xmm0", r"text\+0x0: `pxor %xmm0, %xmm0` uses vector"),
    "vector in a recipe": (_recipe("IRQ_ENABLE", "nop", "movd %eax, %mm1"), "",
                           r"recipe of IRQ_ENABLE\+0x1: `movd %eax, %mm1` uses vector"),
    "x87": ({}, "fninit", "`fninit` uses vector or"),
    "x87 register": ({}, "nop\nfld %st(1)", r"text\+0x1: `fld %st\(1\)`"),
    "mask": ({}, "kmovw %eax, %k1", "`kmovw %eax, %k1` uses vector"),
    "vector state": ({}, "ldmxcsr (%rax)", "uses vector"),
    "all vectors": ({}, "vzeroupper", "uses vector"),
    "whole state": ({}, "fxsave64 (%rax)", r"`fxsave64 \(%rax\)` uses vector"),
    "data in text": ({}, ".byte 0x06", r"text\+0x0: 06 is not an instruction"),
    "unknown call": ({}, "ROM_NOP 0x00ff", r"unknown call 0x00ff; expected"),
    "vendor call": ({}, "ROM_NOP 0xe000", r"unknown call 0xe000"),
    "twice": ({}, "ROM_NATIVE VMI_CALL_IRET", "call Iret is answered twice"),
    "undefined": ({}, "call nowhere", "undefined symbol nowhere; a ROM is linked with"),
    "undefined target": ({"INIT": "ROM_CALL VMI_CALL_INIT, nowhere"}, "", "undefined symbol nowhere"),
    "weak": ({}, ".weak nowhere\ncall nowhere", "R_X86_64_PLT32 against nowhere"),
    "absolute": ({}, "movq $there, %rax\nthere:", r"text\+0x3: relocation R_X86_64_32S against"),
    "absolute 64": ({}, "movabsq $there, %rax\nthere:", r"text\+0x2: relocation R_X86_64_64 against"),
    "pointer in data": ({}, "there: nop\n.data\n.quad there", r"data\+0x0: relocation R_X86_64_64 against"),
    "absolute in a recipe": (_recipe("IRQ_ENABLE", "movl there, %eax"), ".data\nthere: .long 0",
                             r"recipes\+0x0?3: relocation R_X86_64_32S? against"),
    "recipe to recipe": (_recipe("IRQ_ENABLE", "jmp 1f") | {"IRQ_RESTORE": "\n".join(
        ["ROM_RECIPE VMI_CALL_IRQ_RESTORE", "nop", "1: nop", "ROM_END"])}, "", "leaves the recipe for a place"),
    "recipe memory": (_recipe("IRQ_ENABLE", "1: movl 1b(%rip), %eax"), "", "reads memory near the recipe"),
    "past the data": (_recipe("IRQ_ENABLE", "movl there+8(%rip), %eax"), ".data\nthere: .long 0", "R_X86_64_PC32"),
    "recipe too long": (_recipe("HALT", *["nop"] * 7), "", "a recipe of 7 bytes for Halt, expected 1 to 5"),
    "empty recipe": (_recipe("HALT"), "", "a recipe of 0 bytes for Halt"),
    "returns": (_recipe("IRQ_ENABLE", "ret"), "", r"recipe of IRQ_ENABLE\+0x0: `retq` returns"),
    "indirect": (_recipe("IRQ_ENABLE", "call *%rax"), "", r"`callq \*%rax` is an indirect branch"),
    "indirect memory": (_recipe("IRQ_ENABLE", "jmp *(%rax)"), "", "is an indirect branch"),
    "into an instruction": (_recipe("IRQ_ENABLE", ".byte 0xeb, 1", "movl $1, %eax"), "", "leaves the recipe"),
    "no answer": ({"HALT": None, "IRQ_SAVE": None}, "", "group irq is claimed, but IrqSave, Halt has no answer"),
    "not claimed": ({}, "ROM_NATIVE VMI_CALL_VCPU_ID", "call VcpuId is answered, but its group smp is not in rom.toml"),
    "jump": ({"INIT": "ROM_JUMP VMI_CALL_INIT, 1f\n1: ud2"}, "", "JUMP for Init, expected a call that returns"),
    "call of iret": ({"IRET": "ROM_CALL VMI_CALL_IRET, 1f\n1: ud2"}, "", "CALL for Iret, expected no return address"),
    "target in data": ({"INIT": "ROM_CALL VMI_CALL_INIT, there"}, ".data\nthere: .quad 0", "not in .text"),
    "vcpu size": (_recipe("IRQ_ENABLE", "movq $0, %gs:rom_vcpu + 9"), "", "17 bytes of the VCPU block are used"),
    "vcpu size in text": ({}, "movl %gs:rom_vcpu + 13, %eax", "17 bytes of the VCPU block"),
    "vcpu without gs": (_recipe("IRQ_ENABLE", "movl rom_vcpu, %eax"), "", "not in the ROM's part"),
    "vcpu of the kernel": (_recipe("IRQ_ENABLE", "movl %gs:rom_vcpu - 8, %eax"), "", "not in the ROM's part"),
    "vcpu as number": ({}, "movl $rom_vcpu, %eax", "rom_vcpu is used as a number"),
    "section": ({}, '.section .mine, "a"\n.long 1', "section .mine has no place in a ROM"),
    "records": ({}, '.section .vmi.calls, "a"\n.long 1', "expected records of 12"),
    "syntax": ({}, "mov nothing", "compiling calls.S failed"),
}


def carrying(toml: str) -> str:
    return toml.replace("vcpu_size", "carries_vectors = true\nvcpu_size")


def test_vectors_are_carried_as_a_whole(sources: Sources, work: Path, tmp_path: Path) -> None:
    image = build(sources({}, "fxsave64 (%rax)\nfxrstor64 (%rax)", toml=carrying), tmp_path / "x.rom", work)
    assert bytes.fromhex("480fae00 480fae08") in image.text


@pytest.mark.parametrize(("answers", "extra", "says"), [
    ({}, "fxrstor64 (%rax)\nldmxcsr (%rax)", r"text\+0x4: `ldmxcsr"), ({}, "fxrstor (%rax)", "`fxrstor "),
    (_recipe("IRQ_ENABLE", "fxsave64 (%rax)"), "", "recipe of IRQ_ENABLE"),
])  # fmt: skip
def test_only_so_and_in_text(sources: Sources, work: Path, tmp_path: Path, answers: dict[str, str | None], extra: str,
                             says: str) -> None:
    with pytest.raises(BuildError, match=says):
        build(sources(answers, extra, toml=carrying), tmp_path / "x.rom", work)


@pytest.mark.parametrize("reason", REFUSED)
def test_source_is_refused(reason: str, sources: Sources, work: Path, tmp_path: Path) -> None:
    answers, extra, says = REFUSED[reason]
    with pytest.raises(BuildError, match=says):
        build(sources(answers, extra), tmp_path / "x.rom", work)
    assert not (tmp_path / "x.rom").exists()


#: What is replaced in the definition, by what, what the message says.
DEFINITIONS = [
    ('licence = "MIT"', "", "the licence is empty; say under which licence"),
    ('licence = "MIT"', 'licence = " "', "the licence is empty"),
    ('licence = "MIT"', 'licence = "Foo"', "licence 'Foo': Unknown license key"),
    ('licence = "MIT"', 'licence = "MIT OR"', "licence 'MIT OR'"),
    ('licence = "MIT"', "licence = 1", "licence = 1, expected str"),
    ('"calls.S"', '"calls.S", "gone.c"', "source gone.c does not exist"),
    ('"calls.S"', '"../calls.S"', "inside the ROM's folder"),
    ('"calls.S"', '"/calls.S"', "inside the ROM's folder"),
    ('"calls.S"', '"calls.o"', "expected a .S or .c file"),
    ('"calls.S"', "1", "expected a .S or .c file"),
    ('["calls.S"]', "[]", "sources is empty"),
    ('"calls.S"', '"calls.S", "calls.S"', "named twice"),
    ('profile = "base"', 'profile = "paged"', "profile paged needs the groups mmu too"),
    ('profile = "base"', 'profile = "huge"', "profile 'huge', expected one of base, paged"),
    ("stack = 8", "stack = 8\ncarries_vectors = 1", "carries_vectors = 1, expected bool"),
    ("stack = 8", "stack = 257", "stack = 257, expected 0 to 256"),
    ("stack = 8", "", "stack is missing"),
    ("vcpu_size = 16", "vcpu_size = 193", "vcpu_size = 193, expected 0 to 192"),
    ("vcpu_size = 16", "vcpu_size = true", "vcpu_size = True, expected int"),
    ("stack = 8", "stack = 8\nstuck = 9", "unknown stuck"),
    ("[groups]", "[other]\n[groups]", "unknown other"),
    ("[groups]", "[groups]\nnope = {}", r"\[groups\] nope, expected one of base"),
    ("irq = { revision = 2", "irq = { revision = 3", "revision = 3, expected 2 to 2"),
    ("irq = { revision = 2", "irq = { revision = 1", "revision = 1, expected 2 to 2"),
    ("irq = { revision = 2", "irq = { revison = 2", "revision is missing"),
    ("irq = { revision = 2, may_be_native = true }", "irq = 1", r"\[groups\] irq, expected"),
    ("base = { revision = 1, may_be_native = false", "base = { revision = 1, may_be_native = true", "never leaves"),
    ('version = "1.2"', 'version = "1"', "expected MAJOR.MINOR"),
    ('version = "1.2"', 'version = "1.256"', "expected MAJOR.MINOR"),
    ('name = "tiny"', 'name = "\\u001b"', "expected a short text"),
    ("[rom]", "[rom", "not TOML"),
]


@pytest.mark.parametrize(("old", "new", "says"), DEFINITIONS)
def test_definition_is_refused(old: str, new: str, says: str, sources: Sources) -> None:
    with pytest.raises(BuildError, match=says):
        read(sources(toml=lambda text: text.replace(old, new)))


def test_find() -> None:
    assert find("emu").name == "emu"
    with pytest.raises(UsageError, match=r"known are .*emu"):
        find("nosuch")


def test_recipe_may_end_in_iret_and_stand_alone(sources: Sources, work: Path, tmp_path: Path) -> None:
    image = build(sources(_recipe("IRET", "iretq")), tmp_path / "i.rom", work)
    call = image.call(Call.IRET)
    assert call is not None and image.recipe(call) == b"\x48\xcf"
    assert image.text == b"" and image.version == "1.2"
