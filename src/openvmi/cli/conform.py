# SPDX-License-Identifier: MIT
"""openvmi conform: the contract as tests, on a hypervisor with a ROM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from openvmi.conformance.outcome import LeftOut, Place, Report
    from openvmi.conformance.tests import Subject, Test

app = typer.Typer()

_EPILOG = "\b\nExit status:\n  0   every promise that was tested is kept\n" \
          "  1   a test failed or crashed, or a mutant was not caught\n  2   somewhere not one test ran\n" \
          "  64  and above as of openvmi run"


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
    junit: Path | None = typer.Option(None, help="File for the results as JUnit XML; - is stdout, all else stderr."),
    json: Path | None = typer.Option(None, help="File for the results, or for the list, as JSON; - likewise."),
    show: bool = typer.Option(False, "--list", help="Show the tests and run nothing."),
    check: bool = typer.Option(False, "--check", help="Check that each call (or --only's) has tests of each kind."),
    mutants: Path | None = typer.Option(None, help="Table of changes to a ROM's sources, or a folder of such: is each "
                                                   "noticed?"),
) -> int:
    """Check the interface's promises, call by call."""
    from openvmi.cli import terminal
    from openvmi.conformance import expected, outcome, places, plan
    from openvmi.conformance.run import Runner
    from openvmi.errors import UsageError

    given = {"--on": on, "--rom": rom, "--native": native, "--junit": junit, "--profile": profile, "--only": only,
             "--json": json, "--list": show, "--check": check}
    if mutants:
        _alone("--mutants takes hypervisor, ROM and tests from the table", given)
        return _judge_mutants(mutants, plan.subjects())
    if check:
        _alone("--check runs nothing", given, "--check", "--only")
        missing = plan.uncovered((test for subject in plan.subjects() for test in subject.tests), only)
        for line in missing:
            terminal.tell(f"openvmi: {line}")
        return outcome.FAILED if missing else 0
    groups = plan.groups_of(profile) if profile else None
    subjects, selects = plan.chosen(plan.subjects(), only, groups), plan.selecting(only, groups)
    if show:
        _alone("--list runs nothing", given, "--list", "--only", "--profile", "--json")
        _list((test for subject in subjects for test in subject.tests if selects(test)), json)
        return 0
    if str(junit) == "-" == str(json):
        raise UsageError("--junit - and --json - would both write to stdout; name a file for one of them")

    def runner(place: Place) -> Runner:
        return Runner(place, terminal.TestProgress(), selects, timeout, deterministic)

    found, reports, left_out = places.asked(on, rom, native)
    known = expected.load()
    reports += [expected.judge(places.run(place, subjects, runner), known, groups) for place in found]
    _save(reports, left_out, junit, json)
    return outcome.status(reports)


def _alone(why: str, given: Mapping[str, object], *fitting: str) -> None:
    """:class:`UsageError` for options that would change nothing."""
    from openvmi.errors import UsageError

    if wrong := [name for name, value in given.items() if value and name not in fitting]:
        raise UsageError(f"{why}; leave {' and '.join(wrong)} away")


def _list(tests: Iterable[Test], json: Path | None) -> None:
    from openvmi.cli import terminal
    from openvmi.conformance import report
    from openvmi.report import record

    if str(json) == "-":
        print(record.text(report.listing(tests)))
    elif json:
        terminal.save(json, record.text(report.listing(tests)))
    else:
        for test in tests:
            print(f"{test.id}  {test.kind.name}")


def _save(reports: Sequence[Report], left_out: Sequence[LeftOut], junit: Path | None, json: Path | None) -> None:
    """Tables and files; what could not be run and what was left out; the lines for machines last."""
    from openvmi.cli import terminal
    from openvmi.conformance import report
    from openvmi.report import record
    from openvmi.report.page import clean

    xml, text = report.junit(reports, left_out), record.text(report.record(reports, left_out))
    to_stdout = xml.decode().rstrip() if str(junit) == "-" else text if str(json) == "-" else ""
    report.print_tables(reports, to_stderr=bool(to_stdout))
    for one in left_out:
        terminal.tell(f"openvmi: {one.on} is left out: {one.reason}")
    if not reports:
        terminal.tell("openvmi: no hypervisor is usable here, so that nothing ran; openvmi doctor says how to get one")
    for each in reports:
        if each.error:
            terminal.tell(clean(f"openvmi: {each.place.name}: {each.error}"))
    if to_stdout:
        print(to_stdout)
    if junit and str(junit) != "-":
        terminal.save_bytes(junit, xml)
    if json and str(json) != "-":
        terminal.save(json, text)
    for each in reports:
        (terminal.tell if to_stdout else print)(each.summary())


def _judge_mutants(table: Path, subjects: Sequence[Subject]) -> int:
    from openvmi.conformance import mutants, outcome

    verdicts = []
    for mutant in mutants.load(table):
        verdict = mutants.judge(mutant, subjects)
        print(f"{verdict.fate.value:8} {mutant.name}\n         {verdict.reason}", flush=True)
        verdicts.append(verdict)
    for line in mutants.rates(verdicts):
        print(line)
    return 0 if all(verdict.fate is mutants.Fate.CAUGHT for verdict in verdicts) else outcome.FAILED
