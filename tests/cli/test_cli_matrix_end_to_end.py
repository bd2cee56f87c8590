# SPDX-License-Identifier: MIT
"""openvmi matrix as a process, on everything that is usable here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from openvmi import hypervisors

_MATRIX = [sys.executable, "-m", "openvmi.cli.main", "matrix"]
_SITES = {"native", "inline", "call", "nop", "jump"}


def matrix(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One command."""
    return subprocess.run([*_MATRIX, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)


@pytest.mark.needs("qemu-system-x86_64")
def test_one_binary_everywhere() -> None:
    done = matrix("hello", "--json", "-")
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    assert len({record["guest_sha256"] for record in records}) == 1
    usable = {h.name for h in hypervisors.ranked() if h.available().usable}
    assert {record["hypervisor"] for record in records} == usable >= {"emu", "bare"}
    assert {("emu", "emu"), ("emu", None), ("bare", None), ("bare", "template")} <= {
        (record["hypervisor"], record["rom"]) for record in records}
    if "linux" in usable:
        assert {record["rom"] for record in records if record["hypervisor"] == "linux"} >= {"linux", None}
    for record in records:
        kinds = {kind: record["link"][kind] for kind in _SITES}
        assert sum(kinds.values()) == record["link"]["sites"] > 0
        assert record["status"] == 0 and (record["rom"] or kinds["native"] == record["link"]["sites"])


def test_a_guest_that_fails_everywhere() -> None:
    done = matrix("hostile", "--append", "hostile.do=deep")
    assert done.returncode == 120
    assert "--- console of emu, ROM emu ---\n" in done.stderr and "hostile: deep" in done.stderr
    assert "back-trace:" in done.stderr and "hostile: deep" not in done.stdout


def test_every_row_has_its_own_time() -> None:
    began = time.monotonic()
    done = matrix("hostile", "--append", "hostile.do=spin", "--timeout", "0.3")
    assert done.returncode == 124 and time.monotonic() - began < 20
    assert "emu, ROM emu: timeout\n" in done.stderr and "emu, no ROM: timeout\n" in done.stderr


@pytest.mark.needs("qemu-system-x86_64")
@pytest.mark.parametrize("place", ["emu, ROM emu: ", "bare, no ROM: "])
def test_ctrl_c_leaves_nothing_behind(place: str) -> None:
    """While the first hypervisor runs in the process itself, and while another runs outside of it."""
    limit = "60" if place.startswith("emu") else "1"
    process = subprocess.Popen([*_MATRIX, "hostile", "--append", "hostile.do=spin", "--timeout", limit],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stderr and process.stdout
        told = b""
        while not told.endswith(place.encode()):
            byte = process.stderr.read(1)
            assert byte, told
            told += byte
        deadline = time.monotonic() + (10 if place.startswith("bare") else 0.4)
        while not (children := _children(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert bool(children) is place.startswith("bare")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stdout.read() == b"" and b"Traceback" not in process.stderr.read()
    deadline = time.monotonic() + 5
    while any(map(_runs, children)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task")
    return [int(child) for task in os.listdir(tasks) for child in (tasks / task / "children").read_text().split()]


def _runs(process: int) -> bool:
    """A process that nobody has waited for yet counts as ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
