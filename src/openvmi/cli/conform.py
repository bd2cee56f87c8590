# SPDX-License-Identifier: MIT
"""openvmi conform: the contract as tests, on a hypervisor with a ROM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from openvmi.conformance.tests import Subject

app = typer.Typer()

_EPILOG = "\b\nExit status:\n  0   every promise that was tested is kept\n  1   a test failed or crashed\n" \
          "  2   not one test ran\n  64  and above as of openvmi run"


@app.command(epilog=_EPILOG)
def conform(
    on: str | None = typer.Option(None, help="Hypervisor, or all.  [default: the ROM's, or the first usable one]"),
    rom: str | None = typer.Option(None, help="ROM: a file, a name, or none.  [default: the hypervisor's]"),
    profile: str | None = typer.Option(None, help="Only this profile's groups, all of which must be there."),
    only: str = typer.Option("", help="Only tests whose id begins so, such as mmu/pte-set."),
    native: bool = typer.Option(False, "--native", help="Leave the ROM unused (vmi=off)."),
    deterministic: bool = typer.Option(True, "--deterministic/--no-deterministic",
                                       help="Whether virtual time follows the guest's work, where that can be."),
    timeout: float = typer.Option(60.0, min=0.001, help="Seconds that each boot may take."),
    junit: Path | None = typer.Option(None, help="File for the results as JUnit XML."),
    json: Path | None = typer.Option(None, help="File for the results as JSON; - is stdout, the table on stderr."),
    show: bool = typer.Option(False, "--list", help="Show the tests and run nothing."),
    check: bool = typer.Option(False, "--check", help="Check that every call has tests of every kind; run nothing."),
    mutants: Path | None = typer.Option(None, help="Table of changes to a ROM's sources, or a folder of such: is each "
                                                   "noticed?"),
) -> int:
    """Check the interface's promises, call by call."""
    from openvmi.cli import terminal
    from openvmi.conformance import expected, outcome, plan, report
    from openvmi.conformance.run import Runner
    from openvmi.errors import UsageError
    from openvmi.report import record

    if mutants:
        if on or rom or profile or only or native:
            raise UsageError("--mutants takes hypervisor, ROM and tests from the table; leave the other options away")
        return _judge_mutants(mutants, plan.subjects())
    subjects = plan.chosen(plan.subjects(), only)
    start = only.removeprefix("conform/")
    tests = [test for subject in subjects for test in subject.tests if plan.selects(start, test)]
    if check:
        missing = plan.uncovered(tests)
        for line in missing:
            terminal.tell(f"openvmi: {line}")
        return outcome.FAILED if missing else 0
    if show:
        for test in tests:
            print(f"{test.id}  {test.kind.name}")
        return 0
    groups = plan.groups_of(profile) if profile else None
    known = expected.load()
    reports = []
    for place in plan.places(on, rom, native):
        runner = Runner(place, terminal.TestProgress(), start, timeout, deterministic)
        reports.append(expected.judge(runner.run(subjects), known, groups))
    to_stdout = str(json) == "-"
    report.print_tables(reports, to_stderr=to_stdout)
    if junit:
        terminal.save_bytes(junit, report.junit(reports))
    if to_stdout:
        print(record.text(report.record(reports)))
    elif json:
        terminal.save(json, record.text(report.record(reports)))
    for one in reports:
        (terminal.tell if to_stdout else print)(one.summary())
    return max((one.status for one in reports), key=lambda status: (status == outcome.FAILED, status))


def _judge_mutants(table: Path, subjects: Sequence[Subject]) -> int:
    from openvmi.conformance import mutants, outcome

    verdicts = []
    for mutant in mutants.load(table):
        verdict = mutants.judge(mutant, subjects)
        print(f"{verdict.fate.value:8} {mutant.name}\n         {verdict.reason}", flush=True)
        verdicts.append(verdict)
    for line in mutants.rates(verdicts):
        print(line)
    return outcome.FAILED if any(verdict.fate is mutants.Fate.SURVIVED for verdict in verdicts) else 0
