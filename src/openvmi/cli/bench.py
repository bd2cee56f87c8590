# SPDX-License-Identifier: MIT
"""openvmi bench: what a ROM costs a kernel that could do without."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer()


@app.command()
def bench(
    what: str = typer.Argument(help="xen: its ROM, and a kernel's own code for Xen. classic: the ROM of VMI 3.0, and"
                                    " native instructions."),
    timeout: float = typer.Option(120.0, min=0.001, help="Seconds that each run may take."),
    json: Path | None = typer.Option(None, help="File for the record; - is stdout, the table on stderr."),
) -> int:
    """Count the instructions of each operation through the ROM and without. Fails when a bar is missed."""
    from openvmi.bench import known
    from openvmi.bench.measure import measure
    from openvmi.cli import terminal
    from openvmi.report import bench as report
    from openvmi.report import record

    result = measure(known.get(what), timeout, lambda guest, run: terminal.tell(report.progress(guest, run)))
    for line in report.failures(result):
        terminal.tell(line)
    to_stdout = str(json) == "-"
    if result.comparison:
        report.print_comparison(result, to_stderr=to_stdout)
    if to_stdout:
        print(record.text(report.describe(result)))
    elif json:
        terminal.save(json, record.text(report.describe(result)))
    return result.status
