# SPDX-License-Identifier: MIT
"""openvmi bench linux with the real runner, and what a guest takes of the host's memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openvmi.bench.times import measure, uml
from openvmi.cli import main
from openvmi.hypervisors.linux import resident
from openvmi.hypervisors.linux.layout import own_size
from openvmi.hypervisors.linux.resident import Resident

MEMORY = 1 << 20
SMAPS = """\
00400000-00402000 r-xp 00000000 fe:00 12 /build/runner/linux
Size:                  8 kB
Rss:                   8 kB
Pss:                   4 kB
00500000-00600000 rw-s 00000000 00:01 7                          /memfd:openvmi-guest (deleted)
Rss:                 500 kB
00600000-00601000 rw-s {rom:08x} 00:01 7                          /memfd:openvmi-guest (deleted)
Rss:                   4 kB
7ff000010000-7ff000020000 rw-s {own:08x} 00:01 7                  /memfd:openvmi-guest (deleted)
Rss:                  16 kB
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0
Rss:                  40 kB
"""


def process(folder: Path, number: int, group: int, name: str = "linux", smaps: str = SMAPS) -> None:
    """What /proc has of one."""
    (folder / str(number)).mkdir()
    (folder / str(number) / "stat").write_text(f"{number} ({name}) S 1 {group} 1 0 -1")
    (folder / str(number) / "smaps").write_text(smaps.format(rom=MEMORY, own=own_size(MEMORY)))
    (folder / str(number) / "status").write_text("Name:\tlinux\nVmRSS:\t  9 kB\nVmPTE:\t      48 kB\n")


def test_resident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guest memory and ROM do not count; its areas, the stack and the program do. Other groups neither."""
    monkeypatch.setattr(resident, "_PROC", tmp_path)
    process(tmp_path, 30, 30)
    process(tmp_path, 31, 30, "a) b (c", "00400000-00402000 r-xp 00000000 fe:00 12 /x\nRss:  4 kB\n")
    process(tmp_path, 32, 3)
    (tmp_path / "33").mkdir()  # one that has just ended
    (tmp_path / "self").mkdir()
    assert resident.read(30, MEMORY) == Resident(64 << 10, (4 << 10,), 96 << 10)
    assert resident.read(30, MEMORY).total == 68 << 10
    assert resident.read(99, MEMORY) == Resident(0, (), 0)


def test_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Every row of the kernel is there. What the figures are on a machine with other work is not looked at."""
    for name in ("RUNS", "STARTS"):
        monkeypatch.setattr(measure, name, 1)
    monkeypatch.setattr(uml, "_NAMES", ("no-such-program",))
    status = main.run(["bench", "linux", "--json", str(tmp_path / "record")])
    out, told = capfd.readouterr()
    record = json.loads((tmp_path / "record").read_text())
    assert status in (0, 1) and record["status"] == status, told
    figures = {figure["title"]: figure for figure in record["figures"]}
    own = {title: figure for title, figure in figures.items()
           if not title.startswith("UML: ") and not title.startswith("the same, vmi=off")}
    assert len(own) == 11 and [title for title, figure in own.items() if figure["best"] is None] == []
    assert {figure["best"] for title, figure in figures.items() if title.startswith("UML: ")} == {None}
    assert "user-mode Linux is not installed" in figures["null system call, isolated"]["missing"]
    assert 4 / 1024 < own["memory beside the guest's own: 4 processes"]["best"] < 4
    assert "not to be had: user-mode Linux is not installed" in out and "SHA-256" in out
    assert "null system call, isolated" in out and "machine: " in out


def test_a_kernel_that_is_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                    capfd: pytest.CaptureFixture[str]) -> None:
    from openvmi.bench.times import build

    monkeypatch.setattr(build, "_path", lambda: tmp_path / "times")
    assert main.run(["bench", "linux"]) == 69
    assert "the program to compare with is not built" in capfd.readouterr().err
