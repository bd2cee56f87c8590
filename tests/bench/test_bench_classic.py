# SPDX-License-Identifier: MIT
"""The rows of the classic interface against its definition."""

from __future__ import annotations

from pathlib import Path

from openvmi.abi import load
from openvmi.abi.classic import Call
from openvmi.bench import known

PLAN = known.get("classic")
CALLS = {call.number: call for call in load.classic().calls}


def number(row: str) -> int:
    """The call of a row: its title begins with the number."""
    return int(PLAN.rows[row].split()[0])


def test_every_call_that_can_come_back_and_is_answered() -> None:
    assert {number(row) for row in PLAN.rows} == set(Call) - {
        Call.Reboot, Call.Shutdown, Call.MachineToPhysical, Call.PhysicalToMachine, Call.SetCallbacks}
    assert all(title.split()[1] == Call(number(row)).name for row, title in PLAN.rows.items())


def test_bars() -> None:
    assert {number(row): most for row, most in PLAN.more.items()} == {29: 3, 30: 3, 31: 3, 32: 3, 33: 3, 34: 1}
    assert set(PLAN.more) | set(PLAN.no_bar) == {PLAN.empty, *PLAN.rows}
    assert not set(PLAN.more) & set(PLAN.no_bar) and PLAN.no_native <= set(PLAN.rows)
    assert PLAN.rom_size == 8192


def test_native_forms_are_those_of_the_definition(top: Path) -> None:
    """A row without one is of a call without code. The global flush is a second way of a call that has code."""
    without = {number(row) for row in PLAN.no_native - {"flush-tlb-global"}}
    assert without == {call for call in map(number, PLAN.rows) if not CALLS[call].native.asm}
    source = (top / "kernels" / "classic-bench" / "rows.S").read_text()
    assert [CALLS[call].name for call in map(number, PLAN.rows)
            if CALLS[call].native.asm and f'"{CALLS[call].native.asm}"' not in source] == []
