# SPDX-License-Identifier: MIT
"""The linter on ROMs of the classic interface: this project's are clean, and one that breaks a rule is told so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.abi.classic import Call, Relocation
from openvmi.classic import lint_analysis
from openvmi.classic.image import ClassicRom
from openvmi.classic.lint import NOT_CHECKED, describe, lines, lint
from openvmi.classic.lint_rules import RULES
from openvmi.cli.main import run
from openvmi.status import Status
from tests.classic.wrong import TABLE, Change, answer, code, init, wrong

UNKNOWN = 9  #: no type of relocation
_JUMP = Relocation.JUMP_REL


def _byte(at: int, byte: int) -> Change:
    return lambda data: data.__setitem__(at, byte)


def rdtsc(text: str) -> Change:
    """Code, in hexadecimal, for a call that returns and may change EAX, ECX and EDX."""
    return code(Call.RDTSC, bytes.fromhex(text))


def flags(text: str) -> Change:
    """For one that may change flags only, and finds only CS and SS flat."""
    return code(Call.EnableInterrupts, bytes.fromhex(text))


def iret(text: str, kind: Relocation = _JUMP) -> Change:
    """For one that does not return."""
    return code(Call.IRET, bytes.fromhex(text), kind)


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
    "write by an index": ("text-write", rdtsc("e8 00 00 00 00 59 89 44 81 10 c3"), "its own place"),
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
    "rep stosl": rdtsc("57 f3 ab 5f c3"),
    "int3 ends Reboot": code(Call.Reboot, b"\xcc"),
}


def _rules(rom: ClassicRom) -> set[str]:
    return {each.rule.name for each in lint(rom).findings}


def test_the_roms_are_clean(roms: dict[str, ClassicRom]) -> None:
    """Every answer is an entry, beside the two of the header."""
    for rom in roms.values():
        found = lint(rom)
        assert found.clean, list(lines(found))
        assert not found.outside
    assert lint(roms["classic-full"]).privileged["iretd"] == 2
    assert {name: lint(rom).entries for name, rom in roms.items()} == {"classic-full": 72, "classic-minimal": 6}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_found(full: ClassicRom, name: str) -> None:
    rule, change, said = WRONG[name]
    found = lint(wrong(full, change)).findings
    assert {each.rule.name for each in found} == {rule}
    assert any(said in each.found for each in found), found


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_right(full: ClassicRom, name: str) -> None:
    assert lint(wrong(full, RIGHT[name])).clean


def test_too_much_work(full: ClassicRom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint_analysis, "STEP_LIMIT", 10)
    assert _rules(full) == {"budget"}
    monkeypatch.setattr(lint_analysis, "STEP_LIMIT", 100_000)
    monkeypatch.setattr(lint_analysis, "DECODED_LIMIT", 10)
    assert _rules(full) == {"budget"}
    monkeypatch.setattr(lint_analysis, "DECODED_LIMIT", 20_000)
    monkeypatch.setattr(lint_analysis, "NESTING_LIMIT", 1)
    assert _rules(full) == {"budget"}


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
