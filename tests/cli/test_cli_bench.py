# SPDX-License-Identifier: MIT
"""openvmi bench on a fake hypervisor: the table, the record, and every way to fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FakeHypervisor, FakeMachine

from openvmi import resources
from openvmi.bench import known as plans
from openvmi.cli import main
from openvmi.hypervisors.base import Ending, Outcome

PLAN = plans.get("xen")
ROWS = [PLAN.empty, *PLAN.rows, PLAN.whole]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def xen(known: dict[str, FakeHypervisor], tiny_file: Path, tmp_path: Path, top: Path,
        monkeypatch: pytest.MonkeyPatch) -> FakeHypervisor:
    """Both kernels are the tiny one, and its ROM the one of emu; every row takes 1000 instructions a turn."""
    for folder in ("guests", "roms"):
        (tmp_path / folder).mkdir()
    for name in (PLAN.direct, PLAN.linked):
        shutil.copy(tiny_file, tmp_path / "guests" / f"{name}.elf")
    shutil.copy(top / "build" / "roms" / "emu.rom", tmp_path / "roms" / "xen.rom")
    monkeypatch.setattr(resources, "built", lambda kind: tmp_path / kind)
    known["xen"] = FakeHypervisor("xen", default_rom="xen", needs_rom=True, outcome=says())
    return known["xen"]


def says(outcome: Outcome | None = None, **through_rom: int | None) -> Callable[[FakeMachine], Outcome]:
    """A kernel that prints all rows; through the ROM some with other ticks, or (None) not at all. Dashes are _."""
    def run(machine: FakeMachine) -> Outcome:
        for row in ROWS:
            ticks = 7 if row == PLAN.empty else 1000
            if machine.config.rom:
                ticks = through_rom.get(row.replace("-", "_"), ticks)
            if ticks is not None:
                machine.config.console(f"row {row} 10 {ticks * 10}\r\n".encode())
        return outcome if outcome and machine.config.rom else Outcome(Ending.EXIT)

    return run


def bench(*arguments: str) -> int:
    """One command."""
    return main.run(["bench", "xen", *arguments])


def test_table(xen: FakeHypervisor, tmp_path: Path, capfd: Capture) -> None:
    xen.outcome = says(clock_read=1010, null_system_call=840)
    assert bench("--json", str(tmp_path / "record"), "--timeout", "5") == 0
    out, told = capfd.readouterr()
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "clock read 1,000.0 1,010.0 +10.0 1.0101 <= 1.02 ok" in lines
    assert "null system call 1,000.0 840.0 -160.0 0.8389 <= 1.02 ok" in lines
    assert "empty turn 7.0 7.0 +0.0 <= 1.02 or +4 ok" in lines
    assert "whole run 1,000.0 1,000.0 +0.0 1.0000 <= 1.01 ok" in lines
    assert "null system call: 840 instructions, at most 850: ok" in lines
    assert next(line for line in lines if line.startswith("versions: ")).startswith("versions: fake 1, compiler clang ")
    assert max(map(len, out.splitlines())) <= 110 and out.count("SHA-256") == 3
    assert told.splitlines()[::2] == [f"{name}: runs, which takes some seconds" for name in (PLAN.direct, PLAN.linked)]
    record = json.loads((tmp_path / "record").read_text())
    assert [row["row"] for row in record["rows"]] == ROWS and all(row["good"] for row in record["rows"])
    assert (record["direct"]["rom"], record["linked"]["rom"], record["status"]) == (None, "emu", 0)


def test_all_bars_reached(xen: FakeHypervisor, capfd: Capture) -> None:
    xen.outcome = says(null_system_call=850)
    assert bench() == 0
    assert "MISSED" not in capfd.readouterr().out
    first, second = (machine.config for machine in xen.machines)
    assert first.rom is None and second.rom is not None
    assert all(config.deterministic and config.exact for config in (first, second))
    assert [Path(config.guest.path).stem for config in (first, second)] == [PLAN.direct, PLAN.linked]


@pytest.mark.parametrize(("row", "ticks", "said"), [
    ("page_fault", None, "page fault 1,000.0 missing missing <= 1.02 MISSED"),
    ("yield", 1021, "yield 1,000.0 1,021.0 +21.0 1.0211 <= 1.02 MISSED"),
    ("null_system_call", 851, "null system call: 851 instructions, at most 850: MISSED"),
])
def test_missed(row: str, ticks: int | None, said: str, xen: FakeHypervisor, capfd: Capture) -> None:
    xen.outcome = says(**{"null_system_call": 840} | {row: ticks})
    assert bench() == 1
    assert said in [" ".join(line.split()) for line in capfd.readouterr().out.splitlines()]


def test_a_kernel_that_dies(xen: FakeHypervisor, capfd: Capture) -> None:
    xen.outcome = says(Outcome(Ending.CRASH, message="it died"))
    assert bench("--json", "-") == 120
    out, told = capfd.readouterr()
    record = json.loads(out)
    assert (record["rows"], record["bars"], record["linked"]["exit_reason"]) == (None, None, "crash")
    assert "openvmi: crash: it died" in told and "row yield 10 10000" in told


def test_nonsense_and_usage(xen: FakeHypervisor, capfd: Capture) -> None:
    xen.outcome = lambda machine: machine.config.console(b"row x y z\n") or Outcome(Ending.EXIT)
    assert bench() == 125
    assert "wrote b'row x y z'" in capfd.readouterr().err
    assert main.run(["bench", "tree"]) == 64
    assert "there is no comparison 'tree'; known are classic, linux, xen" in capfd.readouterr().err
    (resources.built("guests") / f"{PLAN.linked}.elf").unlink()
    made = len(xen.machines)
    assert bench() == 64 and len(xen.machines) == made
    assert "no guest 'bench'" in capfd.readouterr().err


def test_stopped(xen: FakeHypervisor) -> None:
    xen.outcome = lambda machine: Outcome(Ending.INTERRUPTED)
    assert bench() == 130 and len(xen.machines) == 1
