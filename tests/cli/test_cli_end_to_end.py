# SPDX-License-Identifier: MIT
"""The command as a process, with the reference guests on whatever hypervisor is the default here."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_COMMAND = [sys.executable, "-m", "openvmi.cli.main"]


def openvmi(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """One command."""
    return subprocess.run([*_COMMAND, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=120)


@pytest.mark.parametrize("options", ["", "vmi=off"])
def test_deterministic_runs_are_the_same(options: str, tmp_path: Path) -> None:
    runs = [openvmi("run", "hello", "--append", options, "--deterministic", "--json", str(tmp_path / str(number)))
            for number in range(2)]
    assert [r.returncode for r in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout and runs[0].stderr == b""
    records = [json.loads((tmp_path / str(number)).read_text()) for number in range(2)]
    for key in ("exits", "guest_instructions", "link", "marks"):
        assert records[0][key] == records[1][key]


def test_compare_reaches_the_bar() -> None:
    done = openvmi("compare", "hello", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["exit_ratio"] >= 20


@pytest.mark.parametrize("deed", ["spin", "spin-disabled", "sleep"])
def test_interrupt_stops_at_once(deed: str) -> None:
    process = subprocess.Popen([*_COMMAND, "run", "hostile", "--append", f"hostile.do={deed}"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stdout
    while b"hostile:" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.2)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130 and told == b"openvmi: interrupted: stopped by the user\n"
    assert time.monotonic() - sent < 10


def test_time_limit() -> None:
    done = openvmi("run", "hostile", "--append", "hostile.do=spin", "--timeout", "0.5")
    assert done.returncode == 124 and b"timeout" in done.stderr


def test_crash_is_symbolised() -> None:
    done = openvmi("run", "hostile", "--append", "hostile.do=deep")
    assert done.returncode == 120
    names = [line.split()[2].split(b"+")[0] for line in done.stderr.splitlines() if line.startswith(b"  #")]
    assert names[:4] == [b"third", b"second", b"deep", b"vmi_main"]
    assert b"taint: " in done.stderr
