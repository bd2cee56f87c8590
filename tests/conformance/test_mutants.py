# SPDX-License-Identifier: MIT
"""The kit notices what is wrong: copies of the four ROMs with one change each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openvmi.conformance import mutants, plan
from openvmi.conformance.mutants import KINDS, Fate, Mutant, Verdict
from openvmi.errors import BadFileError, UsageError
from openvmi.rom import definition, toml
from openvmi.rom.load import load_current

TABLES = Path(__file__).parent / "mutants"
ROMS = ("emu", "linux", "template", "xen")
ALL = mutants.load(TABLES)
SUBJECTS = plan.subjects()
NEEDS = {"template": ("qemu-system-x86_64",), "xen": ("qemu-system-x86_64", "/boot/xen*.gz")}


def sample() -> list[Mutant]:
    """Those that are the first of a group or of a kind for their ROM: what there is time for. make mutants runs all."""
    seen: set[tuple[str, str]] = set()
    chosen = []
    for mutant in ALL:
        what = {(mutant.rom, mutant.group), (mutant.rom, mutant.kind)}
        if not what <= seen:
            chosen.append(mutant)
        seen |= what
    return chosen


def of_rom(rom: str) -> list[Mutant]:
    return [mutant for mutant in ALL if mutant.rom == rom]


@pytest.mark.parametrize("mutant", [
    pytest.param(mutant, id=mutant.name, marks=pytest.mark.needs(*NEEDS.get(mutant.rom, ()))) for mutant in sample()])
def test_it_is_caught(mutant: Mutant, verdicts: list[Verdict]) -> None:
    verdict = mutants.judge(mutant, SUBJECTS)
    verdicts.append(verdict)
    assert verdict.fate is Fate.CAUGHT, verdict.reason
    assert verdict.reason.split()[0] in ("FAILURE", "CRASH")


def test_a_copy_without_a_change_that_counts_survives() -> None:
    comment = "/* ---- what this ROM knows by itself ---- */"
    same = Mutant("emu", "base", "boundary", "nothing", "calls.S", comment, "/* ---- */", "base/")
    verdict = mutants.judge(same, SUBJECTS)
    assert verdict.fate is Fate.SURVIVED, verdict.reason
    count = sum(test.group == "base" for subject in SUBJECTS for test in subject.tests)
    assert verdict.reason.startswith(f"ran={count} skip=0")


def test_one_that_cannot_be_built_is_refused() -> None:
    verdict = mutants.judge(Mutant("emu", "base", "boundary", "no code", "calls.S", "probe:\n", "", "base/"), SUBJECTS)
    assert verdict.fate is Fate.REFUSED and "probe" in verdict.reason


def test_one_with_which_the_guest_does_not_run_is_refused() -> None:
    absent = Mutant("emu", "base", "revision", "no sys", "calls.S", "0, VMI_REVISION_SYS", "0, 0", "base/")
    verdict = mutants.judge(absent, SUBJECTS)
    assert verdict.fate is Fate.REFUSED and "sys" in verdict.reason


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_each_applies_once_and_differs(mutant: Mutant) -> None:
    changed = mutants.change(mutant)
    assert changed != (toml.find(mutant.rom) / mutant.file).read_bytes()
    assert [other for other in ALL if other.name == mutant.name] == [mutant]
    assert plan.chosen(SUBJECTS, mutant.tests)


@pytest.mark.parametrize("rom", ROMS)
def test_each_group_and_nearly_each_kind_is_there(rom: str) -> None:
    own = of_rom(rom)
    assert {mutant.group for mutant in own} == {claim.group.name for claim in definition.read(toml.find(rom)).claims}
    assert set(KINDS) - {mutant.kind for mutant in own} <= {"refusal changes state"}


def test_one_is_built_once(tmp_path: Path) -> None:
    mutant = of_rom("template")[0]
    built = mutants.made(mutant, tmp_path)
    before = built.stat().st_mtime_ns
    assert load_current(built).hypervisor == "bare"
    assert mutants.made(mutant, tmp_path) == built and built.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == [built.name]


def test_the_rate_is_told() -> None:
    first, second, third = ALL[:3]
    verdicts = [Verdict(first, Fate.CAUGHT), Verdict(second, Fate.REFUSED), Verdict(third, Fate.SURVIVED)]
    assert list(mutants.rates(verdicts)) == ["mutants: rom=emu made=3 caught=1 refused=1 survived=1 rate=33%"]
    assert list(mutants.rates(verdicts[1:2])) == ["mutants: rom=emu made=1 caught=0 refused=1 survived=0 rate=0%"]


# ---- tables that make no sense ----

ENTRY = {"group": "irq", "kind": "lost event", "wrong": "what", "file": "calls.S", "old": "probe:\n", "new": "x"}


def table(folder: Path, entry: dict[str, object], top: str = 'rom = "emu"') -> Path:
    path = folder / "table.toml"
    path.write_text("\n".join([top, "[[mutant]]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items())]))
    return path


def test_a_table_is_read(tmp_path: Path) -> None:
    mutant, = mutants.load(table(tmp_path, ENTRY))
    assert (mutant.rom, mutant.tests, mutant.old) == ("emu", "irq/", "probe:\n")
    assert mutants.load(tmp_path) == (mutant,)


@pytest.mark.parametrize(("change", "words"), [
    ({"group": "irk"}, "group = 'irk', expected one of base, irq"),
    ({"kind": "odd"}, "kind = 'odd', expected one of wrong result"),
    ({"old": ""}, "old = '', expected a text"),
    ({"wrong": 7}, "wrong = 7, expected a text"),
    ({"file": "../emu/calls.S"}, "file = '../emu/calls.S', expected one in the ROM's folder"),
    ({"file": "/tmp/calls.S"}, "file = '/tmp/calls.S', expected one in the ROM's folder"),
    ({"color": "red"}, "mutant 1: has group, kind, wrong, file, old, new, color; expected"),
])
def test_an_entry_that_is_wrong_is_named(change: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=words.replace("(", r"\(")):
        mutants.load(table(tmp_path, {**ENTRY, **change}))


@pytest.mark.parametrize(("text", "words"), [
    ("rom =", "not TOML"), ("rom = " + "[" * 9000, "not TOML"), ('rom = "emu"', "has rom; expected rom"),
    ("", "has nothing"),
    ("rom = 1\nmutant = []", "expected rom"), ('rom = "emu"\nmutant = [1]', "mutant 1: 1, expected a table"),
])
def test_a_table_that_is_none_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "table.toml").write_text(text)
    with pytest.raises(BadFileError, match=words):
        mutants.load(tmp_path / "table.toml")


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no table of mutants"):
        mutants.load(tmp_path)


@pytest.mark.parametrize(("old", "new"), [("no such text", "x"), ("\tret\n", "x"), ("probe:\n", "probe:\n")])
def test_a_change_that_does_not_apply_once_is_refused(old: str, new: str, tmp_path: Path) -> None:
    mutant, = mutants.load(table(tmp_path, {**ENTRY, "old": old, "new": new}))
    with pytest.raises(BadFileError, match="expected once"):
        mutants.change(mutant)
