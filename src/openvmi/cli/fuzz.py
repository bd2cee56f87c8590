# SPDX-License-Identifier: MIT
"""openvmi fuzz: sequences of operations on hypervisors, against the model of the contract."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer()

_EPILOG = "\b\nExit status:\n  0   no divergence\n  1   at least one\n  2   not one operation was compared\n" \
          "  64  and above as of openvmi run"


@app.command(epilog=_EPILOG)
def fuzz(
    on: list[str] = typer.Option([], help="Hypervisor, or all; again for more.  [default: the ROM's, or every usable "
                                          "one]"),
    rom: str | None = typer.Option(None, help="ROM: a file, a name, or none.  [default: each hypervisor's]"),
    native: bool = typer.Option(False, "--native", help="Leave the ROM unused (vmi=off)."),
    seed: int = typer.Option(0, min=0, help="Another seed makes other sequences."),
    count: int = typer.Option(2000, min=1, help="Sequences, at most."),
    time: float = typer.Option(600.0, min=0.001, help="Seconds, about; making a divergence small comes on top."),
    save: Path | None = typer.Option(None, help="Folder for a file of each divergence; none is written over.  "
                                                "[default: fuzz in the state folder, such as ~/.local/state/openvmi]"),
    json: Path | None = typer.Option(None, help="File for the result; - is stdout."),
    replay: list[Path] = typer.Option([], help="Run what such a file or a folder of them has instead, and store "
                                               "nothing without --save; again for more."),
) -> int:
    """Compare hypervisors with the model of the contract. Fails when one does what the contract does not permit."""
    from openvmi.cli import terminal
    from openvmi.conformance import fuzz as campaign
    from openvmi.conformance import fuzz_places
    from openvmi.conformance import fuzz_report as report
    from openvmi.report import record

    where, left = fuzz_places.chosen(on, rom, native)
    for one in left:
        terminal.tell(f"openvmi: {one.on} is left out: {one.reason}")
    watcher = report.Watcher(terminal.tell, report.folder_for(save) if save or not replay else None)
    if replay:
        result = report.replay(where, replay, watcher)
    else:
        with campaign.nothing_left():
            result = campaign.campaign(tuple(where), seed, count, time, watcher)
    status = report.status(result)
    if status == report.NOTHING_RAN:
        terminal.tell("openvmi: not one operation was compared, so that nothing is known; "
                      f"{'replay other files' if replay else 'raise --count'}")
    if str(json) == "-":
        print(record.text(report.describe(result, left, watcher)))
    else:
        print(report.last_line(result))
    if json and str(json) != "-":
        terminal.save(json, record.text(report.describe(result, left, watcher)))
    return status
