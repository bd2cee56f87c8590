# SPDX-License-Identifier: MIT
"""Each rule finds what it is there for, and nothing in what is right."""

from __future__ import annotations

import pytest

from openvmi.abi.names import Call, LinkKind
from openvmi.errors import BadRomError
from openvmi.rom import emit
from openvmi.rom.image import RomImage
from openvmi.rom.lint.report import lint
from openvmi.rom.lint.rules import RULES
from tests.rom.lint.assembled import Rom, image, linted
from tests.rom.lint.hidden import HIDDEN
from tests.rom.lint.right import RIGHT
from tests.rom.lint.wrong import WRONG

FOUND = WRONG | HIDDEN
ROMS = {name: rom for name, (rom, _, _) in FOUND.items()} | RIGHT


@pytest.mark.parametrize("name", FOUND)
def test_it_is_found(name: str) -> None:
    _, rules, says = FOUND[name]
    report = linted(name, ROMS)
    assert {each.rule.name for each in report.findings} == rules, report.findings
    assert any(says in each.found for each in report.findings), [each.found for each in report.findings]
    for each in report.findings:
        assert each.place.startswith(("text+", "recipe ")) == (each.offset is not None)
        assert bool(each.instruction) == (each.offset is not None)


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_clean(name: str) -> None:
    report = linted(name, ROMS)
    assert report.clean, [(each.rule.name, each.place, each.found) for each in report.findings]
    assert len(report.relied) == len(RIGHT[name].declared)


def test_names_are_there_once() -> None:
    assert not WRONG.keys() & RIGHT.keys() and not HIDDEN.keys() & (WRONG | RIGHT).keys()


def test_every_rule_is_broken_by_some() -> None:
    """But for those whose ROMs are in the tests below."""
    broken = set().union(*(rules for _, rules, _ in FOUND.values()))
    assert broken == {rule.name for rule in RULES} - {"recipe", "budget"}


def test_recipe_longer_than_its_site() -> None:
    """The format refuses it already; the rule finds it in an image that nobody has checked."""
    good = image("recipe", ROMS)
    contents = emit.contents_of(good)
    (answer,) = contents.answers
    data = emit.emit(emit.RomContents(**{
        field.name: getattr(contents, field.name) for field in contents.__attrs_attrs__ if field.name != "answers"},
        answers=(emit.Answer(number=Call.IRQ_ENABLE, kind=answer.kind, recipe=b"\x90" * 16),)))
    with pytest.raises(BadRomError, match="a recipe of 16 bytes for IrqEnable"):
        RomImage.parse(data)
    (found,) = lint(RomImage("it.rom", data)).findings
    assert (found.rule.name, found.place, found.found) == (
        "recipe", "recipe IrqEnable+0x0", "16 bytes for a site of 15")


def test_too_much_work() -> None:
    """Hundreds of functions, each of which goes through all of a long text."""
    calls = [call for call in list(Call)[2:60] if call not in (Call.IRET, Call.SYS_RET, Call.PROBE)]
    body = "".join(f"l{n}: testl $1, (%rdi); jz l{n + 1}; incl (%rsi); " for n in range(600))
    entries = "".join(f"e{n}: jmp l0; " for n, _ in enumerate(calls))
    rom = {"long": Rom(f"start: jmp l0; {entries}{body}l600: ret", more=tuple(
        (call, LinkKind.CALL, f"e{n}") for n, call in enumerate(calls)))}
    report = linted("long", rom)
    (found,) = report.findings
    assert (found.rule.name, found.place) == ("budget", "")
    assert found.found == "given up: more than 100000 steps through its instructions"
