# SPDX-License-Identifier: MIT
"""A comparison of two kernels: the lines while it runs, the table, the record."""

from __future__ import annotations

import platform
import sys
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

import openvmi
from openvmi.bench.comparison import Bar, Compared, Comparison
from openvmi.bench.measure import Measured
from openvmi.report import ending, record
from openvmi.report.matrix import printable
from openvmi.report.screen import Screen
from openvmi.running import Run

WIDTH = 110  #: columns where there is no terminal whose width could be asked for


def progress(guest: str, run: Run | None) -> str:
    """What is told when a kernel starts, and when it has ended."""
    if run is None:
        return f"{guest}: runs, which takes some seconds"
    return f"{guest}: {run.outcome.ending.value} {run.outcome.code}, {run.outcome.run_ms / 1000:.1f} s"


def failures(result: Measured) -> list[str]:
    """What there is to know about runs that did not end well."""
    told = []
    for run, console in zip((result.direct, result.linked), result.consoles, strict=True):
        if run.status:
            told += [*ending.lines(run), f"--- console of {run.guest.name} ---", *printable(console)]
    return told


def print_comparison(result: Measured, to_stderr: bool = False) -> None:
    """The table, the other bars, and what it was measured with. Only where there is a comparison."""
    assert result.comparison
    screen = Screen(WIDTH if not (sys.stderr if to_stderr else sys.stdout).isatty() else None, to_stderr)
    screen.print(_table(result, result.comparison))
    for row in result.comparison.rows:
        if row.no_bar:
            screen.print(escape(f"{row.title} has no bar: {row.no_bar}"))
    for bar in result.comparison.bars:
        screen.print(escape(_bar(bar)))
    for line in _environment(result):
        screen.print(escape(line))


def _table(result: Measured, comparison: Comparison) -> Table:
    table = Table(title=f"Instructions per turn on {result.plan.hypervisor}: compiled in, and through the ROM",
                  title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for column in ("direct", "ROM", "more", "ratio"):
        table.add_column(column, justify="right")
    table.add_column("bar")
    table.add_column("")
    for row in comparison.rows:
        table.add_row(*map(escape, _cells(row)))
    return table


def _cells(row: Compared) -> list[str]:
    ratio = "" if row.ratio is None else f"{row.ratio:.4f}"
    return [row.title, _count(row.direct), _count(row.linked), _count(row.difference, "+"), ratio, row.bar,
            "reported" if row.no_bar and row.good else "ok" if row.good else "MISSED"]


def _count(value: float | None, sign: str = "") -> str:
    return "missing" if value is None else f"{value:{sign},.1f}"


def _bar(bar: Bar) -> str:
    found = "not known" if bar.found is None else f"{bar.found:,.1f}".removesuffix(".0")
    return f"{bar.title}: {found} {bar.unit}, at most {bar.most:,}: {'ok' if bar.good else 'MISSED'}"


def _environment(result: Measured) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return [
        "ratio: without the loop, which is the empty turn",
        f"machine: made by QEMU, one instruction a tick; on {platform.system()} {platform.machine()}",
        f"versions: {versions}, compiler {', '.join(result.compilers) or 'unknown'}",
        *(f"{run.guest.name}: SHA-256 {run.guest.sha256}" for run in (result.direct, result.linked)),
        *(f"ROM {rom.name}: SHA-256 {rom.sha256}" for rom in (result.linked.rom,) if rom),
    ]


def describe(result: Measured) -> dict[str, Any]:
    """The record. `rows` and `bars` are null when a run did not end well; a figure is null when its row is missing."""
    comparison = result.comparison
    return {
        "openvmi": openvmi.__version__, "hypervisor": result.plan.hypervisor, "status": result.status,
        "versions": result.versions, "compilers": list(result.compilers),
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "direct": record.run(result.direct), "linked": record.run(result.linked),
        "rows": comparison and [
            {"row": row.row, "title": row.title, "direct": row.direct, "linked": row.linked,
             "difference": row.difference, "ratio": row.ratio, "bar": row.bar, "good": row.good}
            for row in comparison.rows
        ],
        "bars": comparison and [
            {"title": bar.title, "unit": bar.unit, "found": bar.found, "most": bar.most, "good": bar.good}
            for bar in comparison.bars
        ],
    }
