# SPDX-License-Identifier: MIT
"""The linter on ROMs of the classic interface: this project's are clean, and one that breaks a rule is told so."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.abi.classic import Call, Relocation
from openvmi.classic import lint_analysis, lint_walk
from openvmi.classic.image import ClassicRom
from openvmi.classic.lint import NOT_CHECKED, describe, lines, lint
from openvmi.classic.lint_rules import RULES
from openvmi.cli.main import run
from openvmi.status import Status
from tests.classic.bomb import bomb
from tests.classic.forms import FORMS, concrete, covers
from tests.classic.hidden import HIDDEN
from tests.classic.wrong import TABLE, Change, answer, code, flags, init, iret, rdtsc, wrong

UNKNOWN = 9  #: no type of relocation
_JUMP = Relocation.JUMP_REL


def _byte(at: int, byte: int) -> Change:
    return lambda data: data.__setitem__(at, byte)


#: What breaks one rule: its name, what is wrong, a part of what is said of it.
WRONG: dict[str, tuple[str, Change, str]] = {
    "an answer of no type": ("answer", answer(Call.EnableInterrupts, UNKNOWN), "type 9"),  # type: ignore[arg-type]
    "BIOS entry": ("bios-entry", _byte(3, 0x90), "0x90"),
    "boot vector": ("bios-entry", _byte(0x40 + 0x1A, 1), "bootstrap entry vector"),
    "no instruction": ("decode", rdtsc("ff ff"), "no instruction"),
    "jz into a mov": ("overlap", rdtsc("74 01 b8 c3 00 00 00 c3"), "inside of the instruction"),
    "jmp behind the image": ("branch", rdtsc("e9 00 00 02 00"), "control goes to image+"),
    "call before the image": ("branch", rdtsc("e8 00 00 fe ff c3"), "control goes to image-"),
    "jmp *%eax": ("indirect", rdtsc("ff e0"), "not known"),
    "call *%eax": ("indirect", rdtsc("ff d0 c3"), "not known"),
    "jmp *(%eax)": ("indirect", rdtsc("ff 20"), "not known"),
    "int $0x80": ("far", rdtsc("cd 80 c3"), "int leaves"),
    "int3": ("far", rdtsc("cc"), "int3 leaves"),
    "ljmp": ("far", rdtsc("ea 00 00 00 00 08 00"), "ljmp leaves"),
    "lret": ("far", rdtsc("cb"), "retf leaves"),
    "iret in a call that returns": ("return", rdtsc("cf"), "waits for a return"),
    "ret in one that does not": ("return", iret("c3"), "nobody waits"),
    "std": ("instruction", rdtsc("fd c3"), "direction"),
    "vmcall": ("instruction", rdtsc("0f 01 c1 c3"), "vmcall"),
    "mov %eax, %ds": ("instruction", rdtsc("8e d8 c3"), "segment register"),
    "pop %es": ("instruction", rdtsc("06 07 c3"), "segment register"),
    "fld1": ("vectors", rdtsc("d9 e8 c3"), "floating-point"),
    "pxor %mm0, %mm0": ("vectors", rdtsc("0f ef c0 c3"), "vector"),
    "write beside itself": ("text-write", rdtsc("e8 00 00 00 00 58 89 48 10 c3"), "its own place"),
    "write by an index": ("text-write", rdtsc("e8 00 00 00 00 59 89 44 81 10 c3"), "computed from its own"),
    "write where ROMs are mapped": ("text-write", rdtsc("a3 00 00 0c c0 c3"), "0xc00c0000"),
    "stosl where ROMs are": ("text-write", rdtsc("57 bf 00 80 0c 00 ab 5f c3"), "0xc8000"),
    "memory by DS": ("segment", flags("83 3d 00 00 00 00 00 c3"), "EnableInterrupts"),
    "FS": ("segment", iret("64 83 3c 24 00 cf"), "IRET"),
    "lodsb": ("segment", flags("50 56 ac 5e 58 c3"), "EnableInterrupts"),
    "EBX": ("clobber", rdtsc("31 db c3"), "ebx is lost here for RDTSC"),
    "ESI on one path": ("clobber", rdtsc("85 c0 74 02 31 f6 c3"), "esi is lost"),
    "EBX in a callee": ("clobber", rdtsc("e8 01 00 00 00 c3 31 db c3"), "ebx is lost"),
    "a wrong restore": ("clobber", rdtsc("53 56 5b 5e c3"), "ebx, esi is lost"),
    "EAX where only flags may change": ("clobber", flags("31 c0 c3"), "eax is lost here for EnableInterrupts"),
    "EAX of the target context": ("clobber", iret("31 c0 cf"), "eax is lost here for IRET"),
    "EDI in Init": ("clobber", init(bytes.fromhex("31 c0 89 c7 c3")), "edi is lost here for vmi_init"),
    "a push too many": ("balance", rdtsc("50 c3"), "4 bytes below"),
    "ret $4": ("balance", rdtsc("c2 04 00"), "its caller takes off"),
    "two depths": ("balance", rdtsc("85 c0 74 01 50 c3"), "on one path"),
    "ESP from a register": ("balance", rdtsc("89 c4 c3"), "cannot be computed"),
    "another return address": ("balance", rdtsc("89 04 24 c3"), "did not push"),
    "a callee overwrites the return address": ("balance", rdtsc("e8 01 00 00 00 c3 89 44 24 04 c3"), "did not push"),
    "iret from a deeper stack": ("balance", iret("50 cf"), "the frame is 0 bytes above"),
    "iret on the return address": ("balance", iret("cf", Relocation.CALL_REL), "the frame is 4 bytes above"),
    "below the stack": ("below-stack", rdtsc("8b 44 24 fc c3"), "below the stack pointer"),
    "above the return address": ("stack-bounds", rdtsc("89 44 24 08 c3"), "8 bytes above"),
    "1 KiB of stack": ("stack", rdtsc("81 ec 00 04 00 00 81 c4 00 04 00 00 c3"), "RDTSC takes 1028 bytes"),
    "all of a stack": ("stack", rdtsc("81 ec 00 40 00 00 81 c4 00 40 00 00 c3"), "at least 16388 bytes"),
    "popf of a client's": ("flags", rdtsc("50 9d c3"), "neither those"),
    "popf of the direction flag": ("flags", rdtsc("9c 81 0c 24 00 04 00 00 9d c3"), "others than"),
    "jmp .": ("loop", rdtsc("eb fe"), "for ever"),
    "a count of a client's": ("loop", rdtsc("48 75 fd c3"), "without a bound"),
    "rep stosl": ("loop", rdtsc("57 f3 ab 5f c3"), "as often as ECX says"),
    "the frame's EIP": ("return", iret("c7 04 24 ef be ad de cf"), "EIP of the frame"),
    "a short address": ("instruction", rdtsc("67 8b 00 c3"), "16 bits"),
    "calls itself": ("recursion", rdtsc("e8 fb ff ff ff c3"), "called by"),
}
#: What is right, and looks like it.
RIGHT: dict[str, Change] = {
    "EBX saved": rdtsc("53 31 db 5b c3"),
    "EBX saved by mov": rdtsc("83 ec 04 89 1c 24 31 db 8b 1c 24 83 c4 04 c3"),
    "a frame by EBP": rdtsc("55 89 e5 83 ec 10 89 45 f8 c9 c3"),
    "pushal": rdtsc("60 31 db 31 f6 61 c3"),
    "memory by SS": flags("36 83 3d 00 00 00 00 00 c3"),
    "the stack is SS": flags("83 3c 24 00 c3"),
    "iret behind the return address": iret("83 c4 04 cf", Relocation.CALL_REL),
    "a jump table": rdtsc("e8 00 00 00 00 59 83 e0 01 8d 4c 81 0a ff e1 31 c0 c3 90 31 d2 c3"),
    "a write elsewhere": rdtsc("c7 05 72 04 00 00 00 00 00 00 c3"),
    "rep stosl": rdtsc("57 b9 08 00 00 00 f3 ab 5f c3"),
    "rep outsl of the call": code(Call.OUTSL, bytes.fromhex("f3 6f c3")),
    "a callee fills a part of the stack": rdtsc("57 83 ec 08 89 e7 e8 05 00 00 00 83 c4 08 5f c3"
                                                "b9 08 00 00 00 aa e2 fd c3"),
    "a frame that faults in user mode": iret("c7 04 24 00 f0 ff ff c7 44 24 04 73 00 00 00 c7 44 24 10 7b 00 00 00 cf"),
    "arguments on the stack are the call's": code(Call.SetAlarm, bytes.fromhex("89 44 24 04 89 44 24 08 c3")),
    "flags saved, one bit changed": rdtsc("9c 81 0c 24 00 30 00 00 9d c3"),
    "low memory": rdtsc("53 e8 09 00 00 00 89 83 00 06 00 00 5b c3 90 8b 1c 24 81 e3 00 00 f0 ff c3"),
    "hlt ends Shutdown": code(Call.Shutdown, bytes.fromhex("f4 eb fd")),
    "a loop that waits": rdtsc("ec a8 01 75 fb c3"),
    "int3 ends Reboot": code(Call.Reboot, b"\xcc"),
    "what assemblers fill with": rdtsc("8d 76 00 8d b4 26 00 00 00 00 8d bc 27 00 00 00 00 83 eb 00 c3"),
    "an array that a loop fills": rdtsc("83 ec 40 31 c9 89 04 8c 41 83 f9 10 75 f7 83 e2 0f 8b 04 94 83 c4 40 c3"),
    "an array, and an index that was compared": rdtsc("83 ec 10 83 f8 03 77 03 89 14 84 83 e2 03 8b 04 94 83 c4 10 c3"),
    "loops that count ECX down": rdtsc("b9 20 00 00 00 e6 80 49 75 fb b1 05 0f b6 c9 e6 80 83 e9 01 75 f9 c3"),
    "an array that is filled downwards": rdtsc("83 ec 10 b9 04 00 00 00 89 44 8c fc 49 75 f9 83 c4 10 c3"),
    "a number that was compared": rdtsc("57 8b 09 81 f9 00 05 00 00 75 02 f3 aa 5f c3"),
    "a loop that waits, and flags that are kept": rdtsc("ec 3c 05 fc 40 72 f9 9e c3"),
    "lodsl through SS": flags("56 50 8d 74 24 04 36 ad 58 5e c3"),
    "a frame that stands for SYSEXIT": code(Call.SYSEXIT, bytes.fromhex("6a 7b 51 9c 6a 73 52 cf"), _JUMP),
}


def _rules(rom: ClassicRom) -> set[str]:
    return {each.rule.name for each in lint(rom).findings}


def test_the_roms_are_clean(roms: dict[str, ClassicRom]) -> None:
    """Every answer is an entry, beside the two of the header."""
    for rom in roms.values():
        found = lint(rom)
        assert found.clean, list(lines(found))
        assert not found.outside
    report = lint(roms["classic-full"])
    assert report.privileged["iretd"] == 2
    assert (report.stack, report.deepest) == (56, "SetAlarm") and len(report.waits) == 10
    assert {name: lint(rom).entries for name, rom in roms.items()} == {"classic-full": 72, "classic-minimal": 6}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_found(full: ClassicRom, name: str) -> None:
    rule, change, said = WRONG[name]
    found = lint(wrong(full, change)).findings
    assert {each.rule.name for each in found} == {rule}
    assert any(said in each.found for each in found), found


@pytest.mark.parametrize("name", HIDDEN)
def test_nothing_hides_it(full: ClassicRom, name: str) -> None:
    change, rules, _ = HIDDEN[name]
    assert _rules(wrong(full, change)) == rules


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_right(full: ClassicRom, name: str) -> None:
    assert lint(wrong(full, RIGHT[name])).clean


def test_too_much_work(full: ClassicRom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint_analysis, "WORK_LIMIT", 10)
    assert _rules(full) == {"budget"}
    monkeypatch.setattr(lint_analysis, "WORK_LIMIT", 20_000)
    monkeypatch.setattr(lint_walk, "NESTING_LIMIT", 1)
    assert _rules(full) == {"budget"}


def _many(store: str, step: int) -> str:
    """As many stores of the stack pointer into the stack, each a step further down, as the linter looks at."""
    return "81ec00080000" + "".join(store + struct.pack("<I", step * each).hex() for each in range(256))


#: Code at which each of 19 calls arrives, as often as it fits into an image; what each has before.
BOMBS = {
    "sums of sets": ("8d0c10", "83e03f83e23f"), "pushes": ("50", ""), "nothing": ("90", ""),
    "one instruction, one block": ("7400", ""), "stores anywhere on a full stack": ("89040c", "50" * 100),
    "stores to sets of places": ("8900 8b08", "83e07c 01e0"), "nested loops": ("4074fd", ""),
    "counts": ("bb00ff0000 4b 75fd", ""), "loops looked at one by one": ("b90f000000 e2fe", ""),
    "calls": ("e800000000", ""), "all registers": ("6061", ""), "loops that step over their ends": (
        "b801000000 83e802 75fb", ""),
    "runs over many words": ("b900010000 f3aa", _many("89a424", 10) + "83e27c 8d3c14"),
    "runs over many places": ("b9ff000000 8d3c14 f3aa", "81ec00080000 83e27c 31c0"),
    "a stack pointer that moves far": ("81ecff000000 81c4ff000000", ""),
    "reads of many words": ("8b148c", _many("89a424", 8)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_any_code_ends_soon(full: ClassicRom, name: str) -> None:
    """As much of a hostile image as is looked at takes less than a second; what is left is a finding."""
    body, before = map(bytes.fromhex, BOMBS[name])
    rom = bomb(full, body, before)
    start = time.process_time()
    rules = _rules(rom)
    assert time.process_time() - start < 1
    assert rules & {"budget", "stack", "balance"}


def test_what_an_instruction_makes() -> None:
    """Each form of an instruction leaves, on a processor, what the linter takes it to leave, or less is known of it."""
    tried = 0
    for form in FORMS:
        for seed in range(2):
            if (after := concrete(form, seed)) is not None:
                assert not (wrong_ones := covers(form, seed, after)), (form.hex(), wrong_ones)
                tried += 1
    assert tried > 1000


def test_every_rule_is_tried() -> None:
    assert {rule for rule, _, _ in WRONG.values()} | {"budget"} == {rule.name for rule in RULES}
    assert all(all(rule.paragraphs) for rule in RULES)


def test_documentation_has_the_rules() -> None:
    """The table in docs/trust.md is what the rules say of themselves; so are the list and the keys."""
    top = resources.checkout()
    text = (top / "docs" / "trust.md").read_text() if top else ""
    text = text.partition("### ROMs of the classic interface")[2].partition("## Signatures")[0]
    for rule in RULES:
        assert f"| `{rule.name}` | {' | '.join(rule.paragraphs)} |" in text, rule.name
    assert all(f"- {what}\n" in text for what in NOT_CHECKED)


def test_any_code_ends(full: ClassicRom) -> None:
    """Whatever bytes a call is, there is a report that can be printed."""
    for seed in range(12):
        noise = bytes((seed * 7919 + at * at * 31 + (at * seed >> 3)) & 0xFF for at in range(200))
        found = lint(wrong(full, code(Call.RDTSC, noise), code(Call.IRET, noise[::-1][:200], _JUMP)))
        assert json.loads(json.dumps(describe(found)))["clean"] == found.clean
        assert all(line.isprintable() for line in lines(found))


def test_command(full: ClassicRom, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, page = tmp_path / "good.rom", tmp_path / "bad.rom", tmp_path / "page.html"
    good.write_bytes(full.file)
    data = bytearray(full.data)
    to, source = (slice(TABLE + 4 * call, TABLE + 4 * call + 2) for call in (Call.RDTSC, Call.CPUID))
    data[to] = data[source]  # which may change EBX
    data[-1] = (data[-1] - sum(data)) & 0xFF
    bad.write_bytes(data)
    assert run(["rom", "lint", str(good)]) == 0
    out = capsys.readouterr().out
    assert f"{good}: clean; " in out and all(what in out for what in NOT_CHECKED)
    assert run(["rom", "lint", str(bad), "--json", "--html", str(page)]) == Status.BAD_FILE
    said = json.loads(capsys.readouterr().out)
    (finding,) = said["findings"]
    assert (finding["rule"], finding["instruction"]) == ("clobber", "retl")
    assert finding["place"] == f"image+{finding['offset']:#x}" and said["not_checked"] == list(NOT_CHECKED)
    assert "ebx is lost here for RDTSC" in page.read_text()
    bad.write_bytes(full.data[:-1] + bytes([full.data[-1] ^ 1]))
    assert run(["rom", "lint", str(bad)]) == Status.BAD_FILE
    assert "(classic ROM check 5)" in capsys.readouterr().err
