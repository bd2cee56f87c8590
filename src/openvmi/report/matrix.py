# SPDX-License-Identifier: MIT
"""One guest everywhere: the table, and the lines that are told while it comes about."""

from __future__ import annotations

import re
import sys

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from openvmi.hypervisors.base import Ending
from openvmi.matrix import Matrix, Place, Row
from openvmi.report import ending
from openvmi.report.screen import Screen

WIDTH = 110  #: columns where there is no terminal whose width could be asked for
_KINDS = ("native", "inline", "call", "nop", "jump")
_NUMBERS = ("exits", "guest\ninstructions", "boot\nms", "run\nms")
_CONTROL = re.compile(r"[^\t\n -~]")


def beginning(place: Place, number: int, count: int) -> str:
    """The first half of a row's line."""
    return f"[{number}/{count}] {place.name}: "


def result(row: Row) -> str:
    """How a row ended, in a word or two; the second half of its line."""
    if row.run:
        outcome = row.run.outcome
        return f"exit {outcome.code}" if outcome.ending is Ending.EXIT else outcome.ending.value
    return f"failed, {row.status}" if row.error else "not usable"


def failure(row: Row) -> list[str]:
    """What there is to know about a row that did not end well: why, and the end of the guest's console."""
    if not row.status:
        return []
    told = ending.lines(row.run) if row.run else [f"openvmi: {row.error}"]
    if not row.console:
        return told
    left_out = row.console_size - len(row.console)
    return [
        *told,
        f"--- console of {row.place.name}{f', without its first {left_out} bytes' if left_out else ''} ---",
        *printable(row.console),
        f"--- end of {row.place.name} ---",
    ]


def print_matrix(matrix: Matrix, to_stderr: bool = False) -> None:
    """The table, then why what is not usable is not."""
    screen = Screen(WIDTH if not (sys.stderr if to_stderr else sys.stdout).isatty() else None, to_stderr)
    table = Table(title=f"{escape(matrix.guest.name)}, SHA-256 {matrix.guest.sha256}", title_justify="left",
                  box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("hypervisor", vertical="bottom")
    table.add_column("ROM")
    for number, kind in enumerate(_KINDS):
        table.add_column(f"{'' if number else 'sites'}\n{kind}", justify="right")
    table.add_column("result")
    for column in _NUMBERS:
        table.add_column(column, justify="right")
    for row in matrix.rows:
        table.add_row(*map(escape, _cells(row)))
    screen.print(table)
    for row in matrix.rows:
        if row.unusable:
            reason = f"{row.unusable.reason} {row.unusable.remedy}".strip()
            screen.print(escape(f"{row.place.hypervisor} is not usable here: {reason}"))


def _cells(row: Row) -> list[str]:
    rom = "" if row.unusable else row.place.rom or "none"
    if not row.run:
        return [row.place.hypervisor, rom, *[""] * len(_KINDS), result(row)]
    outcome, link = row.run.outcome, row.run.link
    return [
        row.place.hypervisor, rom,
        *(str(getattr(link, kind)) if link else "?" for kind in _KINDS),
        result(row),
        f"{sum(outcome.exits.values()):,}" if outcome.exits else "",
        f"{outcome.instructions:,}" if outcome.instructions is not None else "",
        f"{outcome.boot_ms:.1f}", f"{outcome.run_ms:.1f}",
    ]


def printable(console: bytes) -> list[str]:
    """A guest must not command the terminal through what the tool says."""
    text = console.decode("latin-1").replace("\r\n", "\n").removesuffix("\n")
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text).split("\n")
