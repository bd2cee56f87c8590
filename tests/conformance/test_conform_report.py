# SPDX-License-Identifier: MIT
"""The results as a table, JUnit XML and JSON."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from attrs import evolve

from openvmi.abi.names import Call
from openvmi.conformance import outcome, report
from openvmi.conformance.outcome import LeftOut, Outcome, Place, Report, Result
from openvmi.conformance.tests import Kind, Test
from openvmi.errors import BadRomError


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
                                 "ran": False, "reason": "no group smp", "details": []}


LEFT_OUT = [LeftOut("xen", "not usable here: no QEMU")]
FAILED = Report(Place("bare", "mine"), "mine", (), error=BadRomError("mine.rom: \x1b[31mred"))


def test_a_place_that_cannot_be_run_is_an_error_of_its_own() -> None:
    first, second = json.loads(json.dumps(report.record([FAILED, REPORT])))["places"]
    assert (first["name"], first["ran"], first["error"]["status"]) == ("bare mine", 0, 65)
    assert second["error"] is None
    suite, _ = ElementTree.fromstring(report.junit([FAILED, REPORT]))
    assert (suite.attrib["name"], suite.attrib["tests"], suite.attrib["errors"]) == ("bare mine", "1", "1")
    error = suite.find("testcase/error")
    assert error is not None and error.attrib == {"message": "mine.rom: \ufffd[31mred", "type": "BadRomError"}
    assert FAILED.summary().endswith(" on=bare rom=mine seconds=0.0 error=65") and FAILED.status == 65


def test_what_was_left_out_is_told() -> None:
    assert report.record([REPORT], LEFT_OUT)["left_out"] == [
        {"hypervisor": "xen", "reason": "not usable here: no QEMU"}]
    _, suite = ElementTree.fromstring(report.junit([REPORT], LEFT_OUT))
    assert (suite.attrib["name"], suite.attrib["tests"], suite.attrib["skipped"]) == ("xen", "1", "1")
    skipped = suite.find("testcase/skipped")
    assert skipped is not None and skipped.attrib["message"] == "not usable here: no QEMU"


def test_the_status_of_all_places() -> None:
    good = Report(Place("emu"), "emu", (result(Outcome.SUCCESS),))
    nothing = Report(Place("emu"), "emu", (result(Outcome.SKIP, "no group smp"),))
    assert [outcome.status(reports) for reports in (
        [good], [good, nothing], [nothing, FAILED, good], [FAILED, REPORT], [])] == [0, 2, 65, 1, 69]


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


def test_what_never_began_is_told_and_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    given_up = evolve(result(Outcome.CRASH, "given up"), began=False)
    one = evolve(REPORT, results=(*REPORT.results, given_up))
    assert (one.ran, one.never_began, one.count(Outcome.CRASH)) == (4, 1, 2)
    assert " ran=4 " in one.summary() and " crash=2 never_began=1 " in one.summary()
    place, = report.record([one])["places"]
    assert (place["ran"], place["never_began"], place["tests"][-1]["ran"]) == (4, 1, False)
    report.print_tables([one])
    assert "never began, which is a failure or crash: 1\n" in capsys.readouterr().out


def test_names_of_places() -> None:
    assert [place.name for place in (Place("xen"), Place("bare", "template"), Place("emu", "none"),
                                     Place("emu", "some/where/my.rom", True))] == [
        "xen", "bare template", "emu no ROM", "emu my native"]
