# SPDX-License-Identifier: MIT
"""What came of the tests, for people (a table), for other tools (JUnit XML) and for scripts (JSON)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

import openvmi
from openvmi.conformance.outcome import LeftOut, Outcome, Report, Result
from openvmi.conformance.tests import PREFIX, Test
from openvmi.status import status_of

WIDTH = 110  #: columns where there is no terminal
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def print_tables(reports: Sequence[Report], to_stderr: bool = False) -> None:
    """One table for each place that has results, then why tests were skipped or are known to fail."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from openvmi.report.screen import Screen

    screen = Screen(WIDTH if not (sys.stderr if to_stderr else sys.stdout).isatty() else None, to_stderr)
    for report in reports:
        if not report.results:
            continue
        table = Table(title=escape(f"{report.place.name}, ROM {report.rom}"), title_justify="left",
                      caption=f"{report.seconds:.1f} s, {report.boots} boots", caption_justify="left",
                      box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("group")
        for column in ("tests", *(outcome.value for outcome in Outcome)):
            table.add_column(column, justify="right")
        groups = dict.fromkeys(result.test.group for result in report.results)
        for group in groups:
            own = [result for result in report.results if result.test.group == group]
            table.add_row(group, str(len(own)), *(_number(own, outcome) for outcome in Outcome))
        if len(groups) > 1:
            everything = list(report.results)
            table.add_row("all", str(len(everything)), *(_number(everything, outcome) for outcome in Outcome))
        screen.print(table)
        for line in _remarks(report):
            screen.print(escape(line))


def _number(results: list[Result], outcome: Outcome) -> str:
    count = sum(result.outcome is outcome for result in results)
    return str(count) if count else ""


def _remarks(report: Report) -> Iterator[str]:
    for outcome in (Outcome.SKIP, Outcome.XFAIL):
        reasons = [result.reason for result in report.results if result.outcome is outcome]
        for reason in dict.fromkeys(reasons):
            yield f"{outcome.value} {reasons.count(reason)}: {reason}"
    if report.never_began:
        yield f"never began, which is a failure or crash: {report.never_began}"


def junit(reports: Sequence[Report], left_out: Sequence[LeftOut] = ()) -> bytes:
    """JUnit XML: a suite for each place. A CRASH is an error; SKIP and XFAIL are skipped.

    A place that could not be run has a case of its own, which is an error; one that was left out is a skipped one.
    """
    top = ElementTree.Element("testsuites", name="openvmi conform")
    for report in reports:
        error = int(report.error is not None)
        suite = _suite(top, report.place.name, len(report.results) + error, report.count(Outcome.FAILURE),
                       report.count(Outcome.CRASH) + error, report.count(Outcome.SKIP) + report.count(Outcome.XFAIL),
                       report.seconds)
        if report.error:
            case = ElementTree.SubElement(suite, "testcase", classname=PREFIX[:-1], name=report.place.name)
            ElementTree.SubElement(case, "error", message=_xml(str(report.error)), type=type(report.error).__name__)
        for result in report.results:
            _, group, name = result.test.id.split("/", 2)
            case = ElementTree.SubElement(suite, "testcase", classname=f"{PREFIX[:-1]}.{group}", name=name)
            if tag := {Outcome.FAILURE: "failure", Outcome.CRASH: "error", Outcome.SKIP: "skipped",
                       Outcome.XFAIL: "skipped"}.get(result.outcome):
                said = ElementTree.SubElement(case, tag, message=_xml(result.reason), type=result.outcome.value)
                said.text = _xml("\n".join(result.details))
    for one in left_out:
        suite = _suite(top, one.on, 1, 0, 0, 1, 0)
        case = ElementTree.SubElement(suite, "testcase", classname=PREFIX[:-1], name=one.on)
        ElementTree.SubElement(case, "skipped", message=_xml(one.reason), type="LEFT_OUT")
    ElementTree.indent(top)
    return ElementTree.tostring(top, encoding="utf-8", xml_declaration=True) + b"\n"


def _suite(top: ElementTree.Element, name: str, tests: int, failures: int, errors: int, skipped: int,
           seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(top, "testsuite", name=_xml(name), tests=str(tests), failures=str(failures),
                                  errors=str(errors), skipped=str(skipped), time=f"{seconds:.3f}")


def _xml(text: str) -> str:
    """XML cannot carry every character, and a guest can say any."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def record(reports: Sequence[Report], left_out: Sequence[LeftOut] = ()) -> dict[str, Any]:
    """The same as plain data."""
    return {"openvmi": openvmi.__version__, "places": [_place(report) for report in reports],
            "left_out": [{"hypervisor": one.on, "reason": one.reason} for one in left_out]}


def listing(tests: Iterable[Test]) -> dict[str, Any]:
    """What there is to run, as plain data."""
    return {"openvmi": openvmi.__version__, "tests": [
        {"id": test.id, "kind": test.kind.name, "call": test.call.name, "needs": list(test.needs)} for test in tests]}


def _place(report: Report) -> dict[str, Any]:
    return {
        "name": report.place.name, "hypervisor": report.place.on, "rom": report.rom, "native": report.place.native,
        "seconds": round(report.seconds, 3), "boots": report.boots, "ran": report.ran,
        "never_began": report.never_began,
        "error": report.error and {"status": int(status_of(report.error)), "message": str(report.error)},
        "counts": {outcome.value: report.count(outcome) for outcome in Outcome},
        "tests": [{"id": result.test.id, "kind": result.test.kind.name, "outcome": result.outcome.value,
                   "ran": result.ran, "reason": result.reason, "details": list(result.details)}
                  for result in report.results],
    }
