# SPDX-License-Identifier: MIT
"""Figures of time: the table, the record."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

import openvmi
from openvmi.bench.measure import compilers
from openvmi.bench.times.figures import Figure
from openvmi.bench.times.measure import RUNS, STARTS, Measured
from openvmi.report.screen import Screen

WIDTH = 110  #: columns where there is no terminal whose width could be asked for
_CPUINFO = Path("/proc/cpuinfo")


def print_figures(result: Measured, to_stderr: bool = False) -> None:
    """The table, what is missing, and what it was measured with."""
    screen = Screen(WIDTH if not (sys.stderr if to_stderr else sys.stdout).isatty() else None, to_stderr)
    screen.print(_table(result))
    for line in [*_missing(result), *result.notes, *_environment(result)]:
        screen.print(escape(line), soft_wrap=True)


def _table(result: Measured) -> Table:
    table = Table(title="Times on linux, of one turn", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for column in ("best", "median"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("bar")
    table.add_column("ratio", justify="right")
    table.add_column("")
    for figure in result.figures:
        table.add_row(*map(escape, _cells(figure)))
    return table


def _cells(figure: Figure) -> list[str]:
    best = "not to be had" if figure.best is None else _value(figure.best, figure.unit)
    middle = "" if figure.median is None else _value(figure.median, figure.unit)
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    return [figure.title, best, middle, figure.bar, ratio, _verdict(figure)]


def _value(value: float, unit: str) -> str:
    digits = 0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 10 else 3
    return f"{value:,.{digits}f} {unit}".rstrip()


def _verdict(figure: Figure) -> str:
    if figure.good is None:
        return "-" if figure.bar else "reported"
    return "ok" if figure.good else "MISSED"


def _missing(result: Measured) -> list[str]:
    """Why rows are, each reason once."""
    return [f"not to be had: {reason}" for reason in
            dict.fromkeys(figure.missing for figure in result.figures if figure.missing)]


def _environment(result: Measured) -> list[str]:
    machine = _machine()
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    built = sorted({name for guest in result.guests for name in compilers(guest)})
    return [
        f"best and median: of all rounds of {RUNS} runs, of {STARTS} starts; calls and interrupts without their loop",
        "UML: user-mode Linux, on one processor of the host unless it says any; a byte to another process is two of its"
        " system calls and a switch",
        f"machine: {machine['processor']}, {machine['processors']} processors, {machine['system']}; load"
        f" {result.load[0]:.1f} before, {result.load[1]:.1f} after",
        f"versions: {versions}, compiler {', '.join(built) or 'unknown'}",
        *(f"{guest.name}: SHA-256 {guest.sha256}" for guest in result.guests),
    ]


def _machine() -> dict[str, Any]:
    lines = _CPUINFO.read_text(errors="replace").splitlines() if _CPUINFO.is_file() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {"processor": model or platform.machine(), "processors": os.cpu_count(),
            "system": f"{platform.system()} {platform.release()}"}


def describe(result: Measured) -> dict[str, Any]:
    """The record. `best`, `median` and `ratio` are null where there is none, `good` where it cannot be told."""
    return {
        "openvmi": openvmi.__version__, "hypervisor": "linux", "status": result.status,
        "versions": dict(result.versions), "machine": _machine(), "load": list(result.load),
        "compilers": sorted({name for guest in result.guests for name in compilers(guest)}),
        "guests": {guest.name: guest.sha256 for guest in result.guests}, "notes": list(result.notes),
        "figures": [
            {"title": f.title, "unit": f.unit, "best": f.best, "median": f.median, "bar": f.bar, "ratio": f.ratio,
             "good": f.good, "missing": f.missing}
            for f in result.figures
        ],
    }
