# SPDX-License-Identifier: MIT
"""openvmi bench: what a ROM costs a kernel that could do without, and what a guest costs as a process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from openvmi.bench.plan import Plan, Times

app = typer.Typer()


@app.command()
def bench(
    what: str = typer.Argument(help="xen: its ROM, and a kernel's own code for Xen. classic: the ROM of VMI 3.0, and"
                                    " native instructions. linux: times of a guest that is a process, beside"
                                    " user-mode Linux where that is installed."),
    timeout: float = typer.Option(120.0, min=0.001, help="Seconds that each run may take."),
    json: Path | None = typer.Option(None, help="File for the record; - is stdout, the table on stderr."),
) -> int:
    """Count the instructions of each operation through the ROM and without, or time it. Fails when a bar is missed."""
    from openvmi.bench import known
    from openvmi.bench.plan import Times
    from openvmi.cli import terminal
    from openvmi.report import record

    plan = known.get(what)
    to_stdout = str(json) == "-"
    if isinstance(plan, Times):
        status, described = _times(plan, timeout, to_stdout)
    else:
        status, described = _counts(plan, timeout, to_stdout)
    if to_stdout:
        print(record.text(described))
    elif json:
        terminal.save(json, record.text(described))
    return status


def _counts(plan: Plan, timeout: float, to_stderr: bool) -> tuple[int, dict[str, Any]]:
    """Prints the table; the exit status, and the record."""
    from openvmi.bench.measure import measure
    from openvmi.cli import terminal
    from openvmi.report import bench as report

    result = measure(plan, timeout, lambda guest, run: terminal.tell(report.progress(guest, run)))
    for line in report.failures(result):
        terminal.tell(line)
    if result.comparison:
        report.print_comparison(result, to_stderr)
    return result.status, report.describe(result)


def _times(plan: Times, timeout: float, to_stderr: bool) -> tuple[int, dict[str, Any]]:
    """The same of times."""
    from openvmi.bench.times.measure import measure
    from openvmi.cli import terminal
    from openvmi.report import times as report

    result = measure(plan, timeout, terminal.tell)
    report.print_figures(result, to_stderr)
    return result.status, report.describe(result)
