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
from openvmi.bench.measure import AnyRun, Measured
from openvmi.report import classic, ending, record
from openvmi.report.matrix import printable
from openvmi.report.screen import Screen
from openvmi.rom.image import RomImage

WIDTH = 110  #: columns where there is no terminal whose width could be asked for


def progress(guest: str, run: AnyRun | None) -> str:
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
    for line in [*_without_bar(result.comparison), *result.plan.notes]:
        screen.print(escape(line))
    for bar in result.comparison.bars:
        screen.print(escape(_bar(bar)))
    if _has_ratio(result.comparison):
        screen.print("ratio: without the loop, which is the empty turn")
    for line in _environment(result):
        screen.print(escape(line))


def _without_bar(comparison: Comparison) -> list[str]:
    """Why rows have none, each reason once."""
    reasons: dict[str, list[str]] = {}
    for row in comparison.rows:
        if row.no_bar:
            reasons.setdefault(row.no_bar, []).append(row.title)
    return [f"{titles[0]} has no bar: {reason}" if len(titles) == 1 else f"{len(titles)} rows have no bar: {reason}"
            for reason, titles in reasons.items()]


def _table(result: Measured, comparison: Comparison) -> Table:
    table = Table(title=f"Instructions per turn on {result.plan.hypervisor}: {', and '.join(result.plan.forms)}",
                  title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    ratio = _has_ratio(comparison)
    for column in ("direct", "ROM", "more", *(("ratio",) if ratio else ())):
        table.add_column(column, justify="right")
    table.add_column("bar")
    table.add_column("")
    for row in comparison.rows:
        table.add_row(*map(escape, _cells(row, ratio)))
    return table


def _has_ratio(comparison: Comparison) -> bool:
    """Where no bar is one, ratios only say how short the native forms are."""
    return any(row.by_ratio for row in comparison.rows)


def _cells(row: Compared, with_ratio: bool) -> list[str]:
    ratio = ["" if row.ratio is None else f"{row.ratio:.4f}"] if with_ratio else []
    direct = _count(row.direct) if row.native else "-"
    return [row.title, direct, _count(row.linked), _count(row.difference, "+"), *ratio, row.bar,
            "reported" if row.no_bar and row.good else "ok" if row.good else "MISSED"]


def _count(value: float | None, sign: str = "") -> str:
    return "missing" if value is None else f"{value:{sign},.1f}"


def _bar(bar: Bar) -> str:
    found = "not known" if bar.found is None else f"{bar.found:,.1f}".removesuffix(".0")
    return f"{bar.title}: {found} {bar.unit}, at most {bar.most:,}: {'ok' if bar.good else 'MISSED'}"


def _environment(result: Measured) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return [
        f"machine: made by QEMU, one instruction a tick; on {platform.system()} {platform.machine()}",
        f"versions: {versions}, compiler {', '.join(result.compilers) or 'unknown'}",
        *dict.fromkeys(f"{run.guest.name}: SHA-256 {run.guest.sha256}" for run in (result.direct, result.linked)),
        *(f"ROM {rom.name if isinstance(rom, RomImage) else classic.name(rom)}: SHA-256 {rom.sha256}"
          for rom in (result.linked.rom,) if rom),
    ]


def describe(result: Measured) -> dict[str, Any]:
    """The record. `rows` and `bars` are null when a run did not end well; a figure is null when its row is missing.

    `native` is false where there is no native form: `direct` is then the set-up of the arguments alone.
    """
    comparison = result.comparison
    return {
        "openvmi": openvmi.__version__, "hypervisor": result.plan.hypervisor, "status": result.status,
        "versions": result.versions, "compilers": list(result.compilers),
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "direct": record.run(result.direct), "linked": record.run(result.linked),
        "rows": comparison and [
            {"row": row.row, "title": row.title, "direct": row.direct, "linked": row.linked,
             "difference": row.difference, "ratio": row.ratio, "bar": row.bar, "good": row.good, "native": row.native}
            for row in comparison.rows
        ],
        "bars": comparison and [
            {"title": bar.title, "unit": bar.unit, "found": bar.found, "most": bar.most, "good": bar.good}
            for bar in comparison.bars
        ],
    }
