# SPDX-License-Identifier: MIT
"""Tables for a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from openvmi.comparison import Comparison
from openvmi.diagnosis import Diagnosis
from openvmi.hypervisors.base import Availability
from openvmi.report.screen import Screen

_REASONS = 10  # rows for exit reasons
_KINDS = ("native", "inline", "call", "jump", "nop")


def print_comparison(result: Comparison) -> None:
    """Two runs side by side, on stdout."""
    linked, native = runs = result.linked, result.native
    table = Table(title=f"{linked.guest.name} on {linked.hypervisor}", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("")
    for column in ("with its ROM", "vmi=off", "ratio"):
        table.add_column(column, justify="right")
    table.add_row("exits", *_numbers([sum(r.outcome.exits.values()) for r in runs]), _ratio(result.exit_ratio))
    for label, reasons in _reasons(result):
        table.add_row(f"  {escape(label)}", *_numbers(
            [sum(r.outcome.exits.get(reason, 0) for reason in reasons) for r in runs]))
    table.add_row("guest instructions", *_numbers([r.outcome.instructions for r in runs]),
                  _ratio(result.instruction_ratio))
    faster = native.outcome.run_ms / linked.outcome.run_ms if linked.outcome.run_ms else None
    table.add_row("run, ms", *(f"{r.outcome.run_ms:.1f}" for r in runs), _ratio(faster))
    for kind in _KINDS:
        table.add_row(f"sites {kind}", *_numbers([getattr(r.link, kind) if r.link else None for r in runs]))
    table.add_row("result", *(f"{r.outcome.ending.value} {r.outcome.code}" for r in runs))
    Screen().print(table)


def print_diagnosis(found: Diagnosis) -> None:
    """What works here, on stdout."""
    table = Table(title=", ".join(f"{name} {version}" for name, version in found.versions.items()),
                  title_justify="left", box=SIMPLE_HEAD)
    for column in ("", "usable", "versions", "what it is, or why not"):
        table.add_column(column)
    for h in found.hypervisors:
        rom = "" if h.rom is None or h.rom_built else f" Its ROM is not built: run openvmi rom build {h.rom.stem}."
        _row(table, h.name, h.availability, h.summary + rom)
    _row(table, "compiler", found.compiler, "Builds ROMs and guests.")
    _row(table, "signatures", found.signatures, "Signs ROMs, and checks who signed them.")
    Screen().print(table)
    print(f"guests: {', '.join(found.guests) or 'none built yet: run make build'}")


def _reasons(result: Comparison) -> list[tuple[str, list[str]]]:
    """Label and exit reasons of each row: the most frequent ones, then all others together."""
    exits = [run.outcome.exits for run in (result.linked, result.native)]
    ordered = sorted({*exits[0], *exits[1]}, key=lambda reason: (-max(e.get(reason, 0) for e in exits), reason))
    others = ordered[_REASONS:]
    rows = [(reason, [reason]) for reason in ordered[:_REASONS]]
    return [*rows, (f"{len(others)} others", others)] if others else rows


def _row(table: Table, name: str, state: Availability, about: str) -> None:
    versions = ", ".join(f"{component} {version}" for component, version in state.versions.items())
    what = about if state.usable else f"{state.reason} {state.remedy}"
    table.add_row(escape(name), "yes" if state.usable else "no", escape(versions), escape(what))


def _numbers(numbers: list[int | None]) -> list[str]:
    return ["unknown" if number is None else f"{number:,}" for number in numbers]


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} : 1"
