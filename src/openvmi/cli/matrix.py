# SPDX-License-Identifier: MIT
"""openvmi matrix: one guest on every hypervisor."""

from __future__ import annotations

from pathlib import Path

import typer

from openvmi import sizes

app = typer.Typer()


@app.command()
def matrix(
    guest: str = typer.Argument(help="File, or the name of a built guest."),
    append: str = typer.Option("", help="Options for the guest in every run."),
    memory: str = typer.Option("64M", help="Guest memory."),
    timeout: float = typer.Option(60.0, min=0.001, help="Seconds that each run may take."),
    deterministic: bool = typer.Option(True, "--deterministic/--no-deterministic",
                                       help="Whether virtual time follows the guest's work."),
    json: Path | None = typer.Option(None, help="File for the records of the runs; - is stdout, the table on stderr."),
) -> int:
    """Run a guest on every usable hypervisor, with each ROM that is for it and without. Fails when any run does."""
    from openvmi import running
    from openvmi.cli import terminal
    from openvmi.matrix import run_everywhere
    from openvmi.report import matrix as report
    from openvmi.report import record

    request = running.Request(guest, options=append, memory=sizes.parse(memory), timeout=timeout,
                              deterministic=deterministic)
    result = run_everywhere(request, terminal.Progress())
    to_stdout = str(json) == "-"
    report.print_matrix(result, to_stderr=to_stdout)
    if not result.tried:
        terminal.tell("openvmi: no hypervisor is usable here, so that nothing ran; openvmi doctor says how to get one")
    if to_stdout:
        print(record.text(record.matrix(result)))
    elif json:
        terminal.save(json, record.text(record.matrix(result)))
    return result.status
