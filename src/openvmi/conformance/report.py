# SPDX-License-Identifier: MIT
"""What came of the tests, for people (a table), for other tools (JUnit XML) and for scripts (JSON)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

import openvmi
from openvmi.conformance.outcome import Outcome, Report, Result
from openvmi.conformance.tests import PREFIX

WIDTH = 110  #: columns where there is no terminal
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def print_tables(reports: Sequence[Report], to_stderr: bool = False) -> None:
    """One table for each place, then why tests were skipped or are known to fail."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from openvmi.report.screen import Screen

    screen = Screen(WIDTH if not (sys.stderr if to_stderr else sys.stdout).isatty() else None, to_stderr)
    for report in reports:
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


def junit(reports: Sequence[Report]) -> bytes:
    """JUnit XML: a suite for each place. A CRASH is an error; SKIP and XFAIL are skipped."""
    top = ElementTree.Element("testsuites", name="openvmi conform")
    for report in reports:
        suite = ElementTree.SubElement(
            top, "testsuite", name=report.place.name, tests=str(len(report.results)),
            failures=str(report.count(Outcome.FAILURE)), errors=str(report.count(Outcome.CRASH)),
            skipped=str(report.count(Outcome.SKIP) + report.count(Outcome.XFAIL)), time=f"{report.seconds:.3f}")
        for result in report.results:
            _, group, name = result.test.id.split("/", 2)
            case = ElementTree.SubElement(suite, "testcase", classname=f"{PREFIX[:-1]}.{group}", name=name)
            if tag := {Outcome.FAILURE: "failure", Outcome.CRASH: "error", Outcome.SKIP: "skipped",
                       Outcome.XFAIL: "skipped"}.get(result.outcome):
                said = ElementTree.SubElement(case, tag, message=_xml(result.reason), type=result.outcome.value)
                said.text = _xml("\n".join(result.details))
    ElementTree.indent(top)
    return ElementTree.tostring(top, encoding="utf-8", xml_declaration=True) + b"\n"


def _xml(text: str) -> str:
    """XML cannot carry every character, and a guest can say any."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def record(reports: Sequence[Report]) -> dict[str, Any]:
    """The same as plain data."""
    return {"openvmi": openvmi.__version__, "places": [_place(report) for report in reports]}


def _place(report: Report) -> dict[str, Any]:
    return {
        "name": report.place.name, "hypervisor": report.place.on, "rom": report.rom, "native": report.place.native,
        "seconds": round(report.seconds, 3), "boots": report.boots, "ran": report.ran,
        "counts": {outcome.value: report.count(outcome) for outcome in Outcome},
        "tests": [{"id": result.test.id, "kind": result.test.kind.name, "outcome": result.outcome.value,
                   "reason": result.reason, "details": list(result.details)} for result in report.results],
    }
