# SPDX-License-Identifier: MIT
"""openvmi doctor: what works on this machine."""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command()
def doctor(json: bool = typer.Option(False, "--json", help="Print JSON.")) -> int:
    """Show what works on this machine, and what to do about the rest. Fails when no guest can run at all."""
    from openvmi.diagnosis import diagnose
    from openvmi.report import record, table
    from openvmi.status import Status

    found = diagnose()
    if json:
        print(record.text(record.diagnosis(found)))
    else:
        table.print_diagnosis(found)
    return 0 if found.usable else Status.UNAVAILABLE
