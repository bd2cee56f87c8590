# SPDX-License-Identifier: MIT
"""openvmi compare: one guest with its ROM and without."""

from __future__ import annotations

import typer

from openvmi import sizes

app = typer.Typer()


@app.command()
def compare(
    guest: str = typer.Argument(help="File, or the name of a built guest."),
    on: str | None = typer.Option(None, help="Hypervisor.  [default: the first that is usable]"),
    rom: str | None = typer.Option(None, help="ROM: a file or a name.  [default: the hypervisor's]"),
    append: str = typer.Option("", help="Options for the guest in both runs."),
    memory: str = typer.Option("64M", help="Guest memory."),
    timeout: float = typer.Option(60.0, min=0.001, help="Seconds that each run may take."),
    json: bool = typer.Option(False, "--json", help="Print JSON; the guest's console goes to stderr."),
) -> int:
    """Run a guest with the ROM and with vmi=off, and show both side by side. Fails when either run does."""
    from openvmi import comparison, running
    from openvmi.cli import terminal
    from openvmi.report import ending, record, table

    request = running.Request(guest, on, rom, append, sizes.parse(memory), timeout=timeout)
    result = comparison.compare(request, terminal.labelled(timeout, to_stderr=json))
    for line in [*ending.lines(result.linked), *ending.lines(result.native)]:
        terminal.tell(line)
    if json:
        print(record.text(record.comparison(result)))
    else:
        table.print_comparison(result)
    return result.status
