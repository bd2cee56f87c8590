# SPDX-License-Identifier: MIT
"""openvmi compare and openvmi doctor on a fake hypervisor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes import FakeHypervisor, FakeMachine

from openvmi.cli import main
from openvmi.hypervisors.base import Availability, Ending, Outcome


def both(machine: FakeMachine) -> Outcome:
    """Ten exits a line natively, one with the ROM."""
    native = "vmi=off" in machine.config.command_line.split()
    machine.config.console(b"native\n" if native else b"linked\n")
    return Outcome(Ending.EXIT, exits={"out": 10 if native else 1}, instructions=100)


def test_runs_both_deterministically(fake: FakeHypervisor, tiny_file: Path,
                                     capfd: pytest.CaptureFixture[str]) -> None:
    fake.outcome = both
    assert main.run(["compare", str(tiny_file), "--append", "x=1"]) == 0
    assert [(m.config.command_line, m.config.deterministic) for m in fake.machines] == [
        ("x=1", True), ("x=1 vmi=off", True)]
    out, told = capfd.readouterr()
    assert out.startswith("linked\nnative\n") and "10.0 : 1" in out
    assert told == "--- linked ---\n--- native ---\n"


def test_in_host_time_where_there_is_no_other(fake: FakeHypervisor, tiny_file: Path) -> None:
    fake.outcome, fake.host_time_only = both, True
    assert main.run(["compare", str(tiny_file)]) == 0
    assert [m.config.deterministic for m in fake.machines] == [False, False]


def test_json_is_all_of_stdout(fake: FakeHypervisor, tiny_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake.outcome = both
    assert main.run(["compare", str(tiny_file), "--json"]) == 0
    out, told = capfd.readouterr()
    assert json.loads(out)["exit_ratio"] == 10 and "linked\n" in told and "native\n" in told


def test_fails_when_either_run_does(fake: FakeHypervisor, tiny_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake.outcome = lambda m: Outcome(Ending.CRASH, message="died") if "vmi=off" in m.config.command_line else both(m)
    assert main.run(["compare", str(tiny_file)]) == 120
    assert "openvmi: crash: died" in capfd.readouterr().err
    fake.outcome = lambda m: both(m) if "vmi=off" in m.config.command_line else Outcome(Ending.EXIT, 5)
    assert main.run(["compare", str(tiny_file)]) == 5


def test_needs_a_rom(fake: FakeHypervisor, tiny_file: Path) -> None:
    assert main.run(["compare", str(tiny_file), "--rom", "none"]) == 64


def test_doctor(fake: FakeHypervisor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["doctor", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["hypervisors"][0] == {"name": "fake", "summary": "runs nothing", "usable": True, "reason": "",
                                      "remedy": "", "versions": {"fake": "1"}, "rom": None, "rom_built": False}
    assert {"openvmi", "Python"} <= set(data["versions"])
    fake.state = Availability(False, "No engine.", "Get one.")
    assert main.run(["doctor"]) == 69
    assert "No engine. Get one." in " ".join(capsys.readouterr().out.split())
