# SPDX-License-Identifier: MIT
"""The builder of classic ROMs: the same bytes everywhere, the code as linked, a named reason for what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openvmi import resources
from openvmi.abi.classic import Call, Header, Relocation
from openvmi.classic.answers import ask
from openvmi.classic.build import build
from openvmi.classic.definition import read
from openvmi.classic.image import ClassicRom
from openvmi.cli.rom import app
from openvmi.errors import BadRomError, BuildError, UsageError
from tests.rom.classic_rom import image, put

#: What roms/classic shall be at most.
FULL_LIMIT = 8192


def _build(folder: Path, work: Path, name: str = "tiny-more") -> ClassicRom:
    definition = read(folder)
    variant = next(variant for variant in definition.variants if variant.name == name)
    return build(definition, variant, folder.parent / f"{name}.rom", work)


def test_tiny_in_full(tiny: Path, work: Path) -> None:
    rom = _build(tiny, work)
    assert (rom.api, rom.rom_version, rom.licence) == ((3, 0), (2, 7), "GPL")
    assert (rom.manufacturer, rom.product) == ("OpenVMI", "tiny-more")
    assert rom.file == Path(rom.path).read_bytes() and len(rom.data) == 1536 and rom.capsule
    assert rom.data[0x1C0:0x1C3] == bytes.fromhex("31c0c3")  # vmi_init
    assert rom.data[0x80:0x85] == bytes.fromhex("e93b010000")
    assert rom.data[0x400:0x405] == bytes.fromhex("fac3 0f31 c3")
    assert not any(rom.data[0x200:0x400])
    # The table: offset, type, 0.
    assert rom.data[0x90 + 4 * 30:0x90 + 4 * 31] == bytes.fromhex("0004 01 00")
    assert rom.data[0x90 + 4 * 65:0x90 + 4 * 66] == bytes.fromhex("0000 03 00")
    answers = {Call(answer.number): answer for answer in ask(rom).answers if answer.type}
    assert {call: answer.type for call, answer in answers.items()} == {
        Call.DisableInterrupts: Relocation.CALL_REL, Call.RDTSC: Relocation.CALL_REL, Call.IODelay: Relocation.NOP,
        Call.IRET: Relocation.JUMP_REL, Call.SYSEXIT: Relocation.JUMP_REL}
    assert rom.data[answers[Call.IRET].target] == 0xCF


def test_variants_differ(tiny: Path, work: Path) -> None:
    less = _build(tiny, work, "tiny-less")
    assert less.product == "tiny-less" and len(less.data) == 1024
    assert [answer.number for answer in ask(less).answers if answer.type] == [33, 34]


def test_same_bytes_from_any_folder(tiny: Path, work: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(tiny, tmp_path / "somewhere else" / "deeper"))
    again = _build(other, tmp_path / "cache")
    assert again.data == _build(tiny, work).data


def test_sources_in_rom_make_one_variant(tiny: Path, work: Path) -> None:
    text = (tiny / "rom.toml").read_text().partition("[variant")[0]
    (tiny / "rom.toml").write_text(text + 'sources = ["reloc.S", "less.S"]\n')
    assert _build(tiny, work, "tiny").product == "tiny"


#: Lines after those of more.S, what the message says.
REFUSED = {
    "absolute": ("movl $disable, %eax", r"tiny-more: \.more\+0x6: relocation R_386_32 against \.more, expected"),
    "absolute address": ("movl disable, %eax", r"relocation R_386_32 against"),
    "absolute 16": (".code16\nmovw $disable, %ax", r"\+0x6: relocation R_386_16 against"),
    "pointer": (".long disable", r"\.more\+0x5: relocation R_386_32 against"),
    "pointer in constants": (".section .rodata\n.long disable", r"\.text\+.*relocation R_386_32 against"),
    "global offset table": ("call 1f\n1: popl %ebx\naddl $_GLOBAL_OFFSET_TABLE_, %ebx", "R_386_GOTPC|undefined symbol"),
    "outside": (".globl far\n.set far, 0xfee00000\ncall far", "R_386_PC32 against an absolute address, expected"),
    "weak": (".weak nowhere\ncall nowhere", "against nowhere, expected a PC-relative"),
    "undefined": ("call nowhere", "undefined symbol nowhere; a ROM is linked with"),
    "undefined target": ("ROM3_CALL VMI3_CALL_SetCR0, nowhere", "undefined symbol nowhere"),
    "data": (".data\n.long 1", r"section \.data of 4 bytes, expected no data that is written: the area is read-only"),
    "bss": (".bss\n.skip 8", r"section \.bss of 8 bytes, expected no data"),
    "common": (".comm shared, 4", "expected no data that is written"),
    "too large": (".skip 7168", r"section \.more of 7173 bytes at 0x400, expected it from 0x1c0"),
    "unknown call": ("ROM3_NOP 74", "unknown call 74; expected a VMI3_CALL_ number"),
    "twice": ("ROM3_NOP VMI3_CALL_IODelay", "call IODelay is answered twice; remove one"),
    "type": ("ROM3_RECORD VMI3_CALL_CLTS, 4, 0", "call CLTS of type 4; use the macros"),
    "records": ('.section .rom.answers, "a"\n.byte 1', r"41 bytes in \.rom\.answers, expected records of 8"),
    "target in the table": ("ROM3_CALL VMI3_CALL_SetCR0, rom_table", "call SetCR0 goes to 0x90, which is not in the"),
    "jump": ("ROM3_JUMP VMI3_CALL_SetCR0, disable", "JUMP_REL for SetCR0, expected NONE or CALL_REL or NOP: only IRET"),
    "result": ("ROM3_NOP VMI3_CALL_GetCR0", "NOP for GetCR0, expected NONE or CALL_REL: it has a result"),
    "part of the time group": ("ROM3_CALL VMI3_CALL_GetCycleFrequency, disable",
                               "GetCycleFrequency without GetCycleCounter, SetAlarm, CancelAlarm, GetWallclockTime"),
    "half of the PAE calls": ("ROM3_CALL VMI3_CALL_SetPxELong, disable", "SetPxELong without UpdatePxELong, expected"),
    "syntax": ("mov nothing", "compiling more.S failed"),
    "64 bits": ("movq %rax, %rbx", "compiling more.S failed"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_source_is_refused(reason: str, tiny: Path, work: Path) -> None:
    lines, says = REFUSED[reason]
    with (tiny / "more.S").open("a") as file:
        file.write(lines + "\n")
    with pytest.raises(BuildError, match=says):
        _build(tiny, work)
    assert not (tiny.parent / "tiny-more.rom").exists()


#: File, what is replaced in it, by what, what the message says.
CHANGED = [
    ("reloc.S", "vmi_init:", "vmi_other:", "undefined symbol vmi_init|no vmi_init in the code"),
    ("reloc.S", ".globl get_reloc\nget_reloc:", "get_other:", "no get_reloc in the code; define a global symbol"),
    ("reloc.S", "leal\t-0x90", "leal\t-0x8f", "get_reloc answers CALL_REL to 0x403 for call RDTSC, expected .*0x402"),
    ("reloc.S", "testl\t%eax, %eax", "movl %eax, (%ecx)", "get_reloc for CPUID.*: it writes memory at image offset"),
    ("reloc.S", "xorl\t%edx, %edx", "cli", "`cli` at image offset 0x1c3 needs more than an image.*; correct get_reloc"),
    ("less.S", "ROM3_JUMP VMI3_CALL_IRET, leave", "", "NONE for IRET, expected CALL_REL or JUMP_REL: clients have no"),
    ("less.S", "ROM3_JUMP VMI3_CALL_SYSEXIT, leave_fast", "", "NONE for SYSEXIT"),
    ("tiny.lds", "0x1c0", "0x1b0", r"section \.text of .* bytes at 0x1b0, expected it from 0x1c0"),
    ("tiny.lds", "rom_table = 0x90;", "", "undefined symbol rom_table"),
    ("tiny.lds", "rom_table = 0x90;", "rom_table = 0xc0000;", "against rom_table, expected a PC-relative reference"),
]


@pytest.mark.parametrize(("name", "old", "new", "says"), CHANGED)
def test_folder_is_refused(name: str, old: str, new: str, says: str, tiny: Path, work: Path) -> None:
    text = (tiny / name).read_text()
    assert old.replace("\t", "\t") in re.sub(r"\n\t+\.globl", "\n.globl", text).replace("\t.globl", ".globl")
    (tiny / name).write_text(text.replace("\t.globl", ".globl").replace(old, new))
    with pytest.raises(BuildError, match=says):
        _build(tiny, work)


#: What is replaced in the definition, by what, what the message says.
DEFINITIONS = [
    ('interface = "3.0"', 'interface = "3.1"', "interface = '3.1', expected '3.0'"),
    ('"MIT OR GPL-2.0-only"', '"MIT"', "licence MIT, expected one that offers GPL-2.0-only.*clients use no ROM"),
    ('"MIT OR GPL-2.0-only"', '"MIT AND GPL-2.0-only"', "licence MIT AND GPL-2.0-only, expected"),
    ('"MIT OR GPL-2.0-only"', '"GPL-3.0-or-later"', "licence GPL-3.0-or-later, expected"),
    ('"MIT OR GPL-2.0-only"', '"Foo"', "licence 'Foo'"),
    ('licence = "MIT OR GPL-2.0-only"', "", "the licence is empty"),
    ('version = "2.7"', 'version = "2"', "expected MAJOR.MINOR"),
    ('script = "tiny.lds"', "", "script is missing"),
    ('script = "tiny.lds"', 'script = "../tiny.lds"', "expected a .lds file inside the ROM's folder"),
    ('script = "tiny.lds"', 'script = "gone.lds"', "script gone.lds does not exist"),
    ('"less.S", "more.S"', '"less.c"', r"\[variant.tiny-more\]: source 'less.c', expected a .S file"),
    ('"less.S", "more.S"', '"gone.S"', "source gone.S does not exist"),
    ('["reloc.S", "less.S", "more.S"]', "[]", "sources is empty"),
    ('"less.S", "more.S"', '"less.S", "less.S"', "named twice"),
    ("[variant.tiny-more]", '[variant."../more"]', "'../more', expected a name of letters"),
    ('description = "More than that"', "", r"\[variant.tiny-more\]: description is missing"),
    ('description = "More than that"', "stack = 1\ndescription = 'x'", r"\[variant.tiny-more\]: unknown stack"),
    ('name = "tiny"', 'name = "tiny"\nprofile = "base"', "unknown profile"),
    ("[variant.tiny-less]", "[groups]\n[variant.tiny-less]", "unknown groups"),
    ("[rom]", "[rom", "not TOML"),
]


@pytest.mark.parametrize(("old", "new", "says"), DEFINITIONS)
def test_definition_is_refused(old: str, new: str, says: str, tiny: Path) -> None:
    text = (tiny / "rom.toml").read_text()
    assert old in text
    (tiny / "rom.toml").write_text(text.replace(old, new))
    with pytest.raises(BuildError, match=says):
        read(tiny)


@pytest.mark.parametrize("licence", [
    "GPL-2.0-only", "GPL-2.0-or-later", "MIT OR (BSD-3-Clause AND MIT) OR GPL-2.0-or-later",
    "GPL-2.0-only WITH Linux-syscall-note"])
def test_licences_that_offer_gpl(licence: str, tiny: Path) -> None:
    text = (tiny / "rom.toml").read_text()
    (tiny / "rom.toml").write_text(text.replace("MIT OR GPL-2.0-only\"\nscript", f"{licence}\"\nscript"))
    assert read(tiny).licence.expression == licence


def test_commands(tiny: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "built", lambda kind: work if kind == "cache" else tmp_path / kind)
    run = CliRunner().invoke
    done = run(app, ["build", str(tiny)])
    assert done.exit_code == 0
    sizes = [int(size) for size in re.findall(r"(\d+) of source", done.stdout)]
    assert done.stdout == (f"{tmp_path}/roms/tiny-less.rom: 1024 bytes, {sizes[0]} of source behind them\n"
                           f"{tmp_path}/roms/tiny-more.rom: 1536 bytes, {sizes[1]} of source behind them\n")
    path = tmp_path / "x.rom"
    built = run(app, ["build", str(tiny), "--variant", "tiny-more", "-o", str(path), "--json"])
    assert json.loads(built.stdout)["path"] == str(path)
    for arguments, says in (
        (["--variant", "none"], "no variant 'none'; expected one of tiny-less, tiny-more"),
        (["-o", str(path)], "2 variants, and a file, JSON, a page or URL is for one; name it with --variant"),
        (["--json"], "name it with --variant"),
    ):
        refused = run(app, ["build", str(tiny), *arguments]).exception
        assert isinstance(refused, UsageError) and says in str(refused)
    refused = run(app, ["build", "emu", "--variant", "emu"]).exception
    assert isinstance(refused, UsageError) and "emu has no variants" in str(refused)


def test_inspect(tiny: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(_build(tiny, work).path).name
    monkeypatch.chdir(tiny.parent)
    shown = CliRunner().invoke(app, ["inspect", path])
    assert shown.exit_code == 0 and max(map(len, shown.stdout.splitlines())) <= 80
    for part in ("tiny-more 2.7 by OpenVMI", "1,536 bytes", "VMI 3.0", "licence     GPL", "15ad:0801", "no addresses",
                 "69 none, 2 call_rel, 2 jump_rel, 1 nop", "27    RDTSC              call_rel  image+0x402"):
        assert part in shown.stdout
    about = json.loads(CliRunner().invoke(app, ["inspect", path, "--json"]).stdout)
    assert (about["interface"], about["product"], about["version"]) == ("3.0", "tiny-more", "2.7")
    assert about["findings"] == [] and about["calls"][27] == {
        "number": 27, "name": "RDTSC", "kind": "call_rel", "offset": 0x402}


def test_inspect_shows_what_clients_refuse(tmp_path: Path) -> None:
    path = tmp_path / "odd.rom"
    licence = ClassicRom.parse(image()).header.license_offs
    odd = bytearray(put(put(image({}), licence, b"MIT"), 16, bytes.fromhex("000000fc")))
    odd[-1] = 5
    path.write_bytes(odd)
    shown = CliRunner().invoke(app, ["inspect", str(path)])
    assert shown.exit_code == 65
    text = " ".join(shown.stdout.split())
    for part in ("licence MIT", "67,108,864 bytes of addresses, from 0xfc000000 up", "wrong: byte sum 0x05",
                 "wrong: licence at", "clients refuse this ROM",
                 "wrong: answer NONE for IRET at offset 0x88, expected CALL_REL"):
        assert part in text
    shown = CliRunner().invoke(app, ["inspect", str(path), "--json"])
    about = json.loads(shown.stdout)
    assert shown.exit_code == 65 and about["licence"] == "MIT" and about["virtual_top"] == 0xFC000000
    assert [finding["offset"] for finding in about["findings"]] == [0, 22, 0x88, 0x88]
    path.write_bytes(image()[:Header.SIZE - 1])
    assert isinstance(CliRunner().invoke(app, ["inspect", str(path)]).exception, BadRomError)


@pytest.mark.parametrize(("name", "least", "most"), [("classic-minimal", 4, 1024), ("classic-full", 60, FULL_LIMIT)])
def test_the_roms_of_this_project(name: str, least: int, most: int, classic: Callable[[str], ClassicRom]) -> None:
    rom = classic(name)
    said = ask(rom)
    assert rom.findings == said.findings == () and rom.product == name and len(rom.data) <= most
    assert sum(answer.type != Relocation.NONE for answer in said.answers) >= least


def test_make_knows_the_variants(top: Path) -> None:
    targets = [f"build/roms/{name}.rom" for name in ("classic-minimal", "classic-full", "emu")]
    done = subprocess.run(["make", "-n", "-B", *targets], cwd=top, capture_output=True, text=True, timeout=60)
    lines = done.stdout.splitlines()
    for said in ("rom build roms/classic --variant classic-minimal", "rom build roms/classic --variant classic-full",
                 "rom build emu"):
        assert any(line.endswith(said) for line in lines), done.stdout + done.stderr
