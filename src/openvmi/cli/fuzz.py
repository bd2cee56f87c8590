# SPDX-License-Identifier: MIT
"""openvmi fuzz: sequences of operations on hypervisors, against the model of the contract."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer()

_EPILOG = "\b\nExit status:\n  0   no divergence\n  1   at least one\n  64  and above as of openvmi run"


@app.command(epilog=_EPILOG)
def fuzz(
    on: list[str] = typer.Option([], help="Hypervisors; again for more. Default: all that are usable here."),
    seed: int = typer.Option(0, min=0, help="Another seed makes other sequences."),
    count: int = typer.Option(2000, min=1, help="Sequences, at most."),
    time: float = typer.Option(600.0, min=0.001, help="Seconds, about; making a divergence small comes on top."),
    save: Path | None = typer.Option(None, help="Folder for a file of each divergence."),
    json: Path | None = typer.Option(None, help="File for the result; - is stdout."),
    replay: list[Path] = typer.Option([], help="Run what such a file has instead; again for more."),
) -> int:
    """Compare hypervisors with the model of the contract. Fails when one does what the contract does not permit."""
    from openvmi.cli import terminal
    from openvmi.conformance import fuzz as campaign
    from openvmi.conformance import fuzz_report as report
    from openvmi.report import record

    where = campaign.places(on)
    if replay:
        result = report.replay(where, replay)
    else:
        result = campaign.campaign(where, seed, count, time, report.Watcher(terminal.tell))
    for number, finding in enumerate(result.findings if save else ()):
        assert save
        save.mkdir(parents=True, exist_ok=True)
        terminal.save(save / f"{finding.place.on}-{seed}-{number}.json", finding.file)
    if str(json) == "-":
        print(record.text(report.describe(result)))
    else:
        print(report.last_line(result))
    if json and str(json) != "-":
        terminal.save(json, record.text(report.describe(result)))
    return 1 if result.findings else 0
