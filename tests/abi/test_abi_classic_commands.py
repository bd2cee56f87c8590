# SPDX-License-Identifier: MIT
"""openvmi abi with the classic version, and the reference page."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openvmi.abi import load
from openvmi.cli.abi import app
from openvmi.errors import UsageError


def said(*arguments: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, [*arguments, "--version", "3.0"])
    assert done.exit_code == 0, done.output
    return done.output


def test_list() -> None:
    lines = said("list").splitlines()
    assert len(lines) == 1 + 74
    assert lines[0].split() == ["number", "call", "group", "convention", "answers", "Linux", "native", "form"]
    assert lines[1].split() == ["0", "CPUID", "cpu", "outputs", "NONE,", "CALL_REL", "wrap", "cpuid"]
    assert lines[43].split() == ["42", "MachineToPhysical", "mmu", "regparm", "NONE,", "CALL_REL", "never", "none"]
    assert [call["number"] for call in json.loads(said("list", "--json"))] == list(range(74))


@pytest.mark.parametrize("call", ["SetAlarm", "setalarm", "68", "0x44"])
def test_show(call: str) -> None:
    text = said("show", call)
    assert text.startswith("SetAlarm  68  (group time, all or nothing, since 3.0)\n")
    for line in ("argument    stack2  period_high: high half", "answers     NONE, CALL_REL", "Linux       get",
                 "native      none"):
        assert line in text.splitlines()
    found = json.loads(said("show", call, "--json"))
    assert (found["name"], found["native"], found["arguments"][0]["register"]) == (
        "SetAlarm", {"asm": None, "bytes": ""}, "eax")


def test_show_forms_and_doubts() -> None:
    assert "native      sti; sysexitl (fb 0f 35)" in said("show", "SYSEXIT").splitlines()
    assert "native      nothing" in said("show", "UpdatePxE").splitlines()
    doubtful = said("show", "SetCallbacks").splitlines()
    assert "Linux       never asks for it" in doubtful
    assert any(line.startswith("unverified  arguments and result") for line in doubtful)


def test_unknown_call() -> None:
    done = CliRunner().invoke(app, ["show", "IrqSave", "--version", "3.0"])
    assert isinstance(done.exception, UsageError) and "VMI 3.0 has no call 'IrqSave'" in str(done.exception)


def test_reference_says_it_all(top: Path) -> None:
    """Each call has a section with its number, each doubt is marked, each table is one."""
    text = (top / "docs" / "reference" / "vmi-3.0.md").read_text()
    sections = {part.partition("\n")[0]: part for part in text.split("\n### ")[1:]}
    for call in load.classic().calls:
        section = sections[call.name]
        assert f"Number {call.number}, since 3.0, convention `{call.convention}`" in section
        assert call.contract in section
        assert not call.native.code or f"(`{call.native.code.hex(' ')}`)" in section
        assert (f"*Unverified*: {call.unverified}." in section) == bool(call.unverified)
        assert ("Linux never asks for it" in section) == (not call.uses)
    assert text.count("*Unverified*:") == len([c for c in load.classic().calls if c.unverified])
    lines = text.splitlines()
    for before, line in pairwise(lines):
        if line.startswith("|"):
            assert not before or before.count("|") == line.count("|"), line
