# SPDX-License-Identifier: MIT
"""The results as a table, JUnit XML and JSON."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from openvmi.abi.names import Call
from openvmi.conformance import report
from openvmi.conformance.outcome import Outcome, Place, Report, Result
from openvmi.conformance.tests import Kind, Test


def result(outcome: Outcome, reason: str = "", *details: str) -> Result:
    name = f"conform/base/probe~{outcome.value.lower()}"
    return Result(Test(name, "conform-base", 0, Call.PROBE, Kind.POSITIVE, ("base",)), outcome, reason, details)


REPORT = Report(Place("emu", native=True), "off", (
    result(Outcome.SUCCESS), result(Outcome.SKIP, "no group smp"), result(Outcome.XFAIL, "known"),
    result(Outcome.FAILURE, "a < b & \x00\x1b[31m", "  one"), result(Outcome.CRASH, "gone"),
), 1.25, 3)


def test_junit() -> None:
    top = ElementTree.fromstring(report.junit([REPORT]))
    suite, = top
    assert suite.attrib == {"name": "emu native", "tests": "5", "failures": "1", "errors": "1", "skipped": "2",
                            "time": "1.250"}
    assert [case.attrib["classname"] for case in suite] == ["conform.base"] * 5
    assert [[child.tag for child in case] for case in suite] == [[], ["skipped"], ["skipped"], ["failure"], ["error"]]
    failure = suite.find(".//failure")
    assert failure is not None and failure.attrib["message"] == "a < b & \ufffd\ufffd[31m" and failure.text == "  one"


def test_json() -> None:
    place, = json.loads(json.dumps(report.record([REPORT])))["places"]
    assert (place["name"], place["ran"], place["counts"]) == ("emu native", 4, dict.fromkeys(
        ("SUCCESS", "SKIP", "XFAIL", "FAILURE", "CRASH"), 1))
    assert place["tests"][1] == {"id": "conform/base/probe~skip", "kind": "POSITIVE", "outcome": "SKIP",
                                 "reason": "no group smp", "details": []}


def test_how_long_it_took_is_told() -> None:
    place, = report.record([REPORT])["places"]
    assert (place["seconds"], place["boots"]) == (1.25, 3)
    assert REPORT.summary().endswith(" on=emu rom=off seconds=1.2")


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_tables([REPORT])
    out = capsys.readouterr().out
    assert all(words in out for words in (
        "emu native, ROM off", "1.2 s, 3 boots", "SKIP 1: no group smp", "XFAIL 1: known"))
    assert [line.split() for line in out.splitlines() if line.startswith(" base")] == [["base", "5", *["1"] * 5]]


def test_names_of_places() -> None:
    assert [place.name for place in (Place("xen"), Place("bare", "template"), Place("emu", "none"),
                                     Place("emu", "some/where/my.rom", True))] == [
        "xen", "bare template", "emu no ROM", "emu my native"]
