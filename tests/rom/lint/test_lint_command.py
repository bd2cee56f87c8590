# SPDX-License-Identifier: MIT
"""openvmi rom lint, its page, its declarations in rom.toml, and what the documentation says of the rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.cli.main import run
from openvmi.errors import BuildError
from openvmi.rom import definition
from openvmi.rom.build import build
from openvmi.rom.lint import declarations, describe, hypervisor
from openvmi.rom.lint.rules import RULES
from openvmi.status import Status
from tests.rom.lint.assembled import Rom, image, linted
from tests.rom.lint.test_lint_rules import ROMS

TOP = resources.checkout()
assert TOP is not None
ROM = resources.built("roms") / "template.rom"


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.rom"
    path.write_bytes(image("rbx", ROMS).data)
    return path


def test_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rom", "lint", str(ROM)]) == 0
    out = capsys.readouterr().out
    assert "clean if what it declares is right" in out.splitlines()[-1]
    assert "  loop (that it ends is believed):" in out and "console_write: loop, at most 4096: a byte" in out


def test_findings(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Address, symbol, instruction, rule, why and what to do."""
    assert run(["rom", "lint", str(wrong)]) == Status.BAD_FILE
    finding, instruction, why, remedy, judged, last = capsys.readouterr().out.splitlines()
    assert finding == ("finding clobber: text+0x2 <start+0x2>: rbx is lost here for Probe, a call of convention c; "
                       "first written at text+0x0 <start>")
    assert (instruction, why[:9], remedy[:9]) == ("    retq", "    why: ", "    do:  ")
    assert last == f"{wrong}: 1 findings; 2 instructions, 1 functions, 0 declarations relied on"
    assert judged.startswith("judged for emu: ROM text runs in ring 1")


def test_json_and_page(wrong: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert run(["rom", "lint", str(wrong), "--json", "--html", str(page)]) == Status.BAD_FILE
    found = json.loads(capsys.readouterr().out)
    (finding,) = found["findings"]
    assert (finding["rule"], finding["offset"], finding["instruction"]) == ("clobber", 2, "retq")
    assert found["clean"] is False and finding["why"].endswith(".") and finding["remedy"].endswith(".")
    text = page.read_text()
    assert "rbx is lost here for Probe" in text and "<script" not in text
    assert "What was looked for" in [section.title for section in describe.sections(linted("saved", ROMS))]


def test_what_is_no_rom_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.rom").write_bytes(b"no")
    assert run(["rom", "lint", str(tmp_path / "no.rom")]) == Status.BAD_FILE
    assert run(["rom", "lint", str(tmp_path / "none.rom")]) == Status.USAGE


def test_declarations_travel(sources: Callable[..., Path], tmp_path: Path, work: Path) -> None:
    """From rom.toml to the manifest; a wrong one does not get there."""
    entry = '[[lint]]\nsymbol = "spin"\nrule = "loop"\n{}\nreason = "for a test"\n'
    folder = sources({"PROBE": "ROM_CALL VMI_CALL_PROBE, spin"}, "spin: decl %edi; jnz spin; ret",
                     toml=lambda text: text + entry.format("bound = 9"))
    rom = build(folder, tmp_path / "tiny.rom", work)
    assert rom.manifest["lint"] == [{"symbol": "spin", "rule": "loop", "bound": 9, "reason": "for a test"}]
    path = folder / "rom.toml"
    path.write_text(path.read_text().replace("bound = 9", "bounds = 9"))
    with pytest.raises(BuildError, match=r"\[\[lint\]\], declaration 1: unknown 'bounds' for rule loop"):
        definition.read(folder)


@pytest.mark.parametrize("entry", [
    3, {}, {"rule": []}, {"rule": "loop", "symbol": "", "reason": "x", "bound": 1},
    {"rule": "loop", "symbol": "x", "reason": "x", "bound": True},
    {"rule": "loop", "symbol": "x", "reason": "x", "bound": 1, "count": 0},
    {"rule": "loop", "symbol": "x", "reason": "\x1b[31m", "bound": 1},
    {"rule": "landing", "symbol": "x", "reason": "x", "style": ["retpoline"]},
    {"rule": "entry", "symbol": "x", "reason": "x", "convention": "c", "holds": "rcx"},
    {"rule": "entry", "symbol": "x", "reason": "x", "convention": "c", "holds": ["rcx"] * 17},
    {"rule": "instruction", "symbol": "x", "reason": "x", "instruction": "out", "writes": ["cr3"]},
])
def test_a_declaration_that_is_none(entry: object) -> None:
    found = declarations.read([entry])
    assert not found.all and len(found.wrong) == 1 and found.wrong[0].isprintable()


def test_too_many_declarations() -> None:
    assert declarations.read([{}] * 300).wrong


def test_tables_of_hypervisors() -> None:
    """Each hypervisor has one that can be read, and says why of everything; nobody else gets anything."""
    from openvmi import hypervisors

    for name in hypervisors.names():
        table = hypervisor.table(name)
        assert table.known and table.text
        assert all(each.why.endswith(".") for each in (*table.doors, *table.prefixes, *table.memory))
    other = hypervisor.table("../xen")
    assert not other.known and not other.everything and not other.doors


def test_documentation_has_the_schema() -> None:
    """Every key of the JSON, and every rule that can be declared."""
    text = (TOP / "docs" / "trust.md").read_text() if TOP else ""
    schema = text.partition("### As JSON")[2].partition("### Rules")[0]
    report = linted("declared_loop", ROMS)
    found = describe.describe(report)
    keys = {*found, *found["relied_on"][0], *describe.describe(linted("rbx", ROMS))["findings"][0]}
    assert keys == {*re.findall(r"`(\w+)`", schema)} - {"check", "test", "unreachable"} - {"make"}
    table = text.partition("### Declarations")[2].partition("### What")[0]
    assert set(declarations.KEYS) == set(declarations.UNPROVEN) == set(re.findall(r"(?m)^\| `([\w-]+)` \|", table))


def test_what_is_believed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A declaration that excuses much comes with all of its places, and with what nobody has looked at."""
    out = "\n".join(describe.lines(linted("excuses", {"excuses": Rom(
        "start: jmp *%rdi", declared=[{"symbol": "start", "rule": "landing", "style": "computed", "reason": "so"}])})))
    assert "and not proven:" in out and "  landing (where it goes is not followed):" in out
    assert "clean if what it declares is right" in out.splitlines()[-1]


def test_documentation_has_the_rules() -> None:
    """The table in docs/trust.md is what the rules say of themselves."""
    text = (TOP / "docs" / "trust.md").read_text() if TOP else ""
    for rule in RULES:
        what, why, remedy = rule.paragraphs
        assert f"| `{rule.name}` | {what} | {why} | {remedy} |" in text, rule.name
