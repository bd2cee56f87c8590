# SPDX-License-Identifier: MIT
"""openvmi conform: the contract as tests, on a hypervisor with a ROM."""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command()
def conform(
    on: str | None = typer.Option(None, help="Hypervisor.  [default: the first that is usable]"),
    rom: str | None = typer.Option(None, help="ROM: a file, a name, or none.  [default: the hypervisor's]"),
    only: str = typer.Option("", help="Only tests whose id begins so, such as mmu/pte-set."),
    native: bool = typer.Option(False, "--native", help="Leave the ROM unused (vmi=off)."),
    timeout: float = typer.Option(60.0, min=0.001, help="Seconds that each boot may take."),
    show: bool = typer.Option(False, "--list", help="Show the tests and run nothing."),
) -> int:
    """Check the interface's promises, call by call."""
    from openvmi import running
    from openvmi.cli import terminal
    from openvmi.conformance import plan
    from openvmi.conformance.outcome import Place
    from openvmi.conformance.run import Runner

    subjects = plan.chosen(plan.subjects(), only)
    prefix = only.removeprefix("conform/")
    if show:
        for subject in subjects:
            for test in subject.tests:
                if plan.selects(prefix, test):
                    print(f"{test.id}  {test.kind.name}")
        return 0
    place = Place(running.choose(on).name, rom, native)
    report = Runner(place, terminal.TestProgress(), prefix, timeout).run(subjects)
    print(report.summary())
    return report.status
