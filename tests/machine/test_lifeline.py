# SPDX-License-Identifier: MIT
"""A started process ends with the one that started it, and so does what it started itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from openvmi.machine import lifeline
from openvmi.machine.lifeline import Lifeline

ENOUGH = 20.0  # seconds after which something counts as hanging
#: Says its own number and that of a child, which its end does not end.
FAMILY = ["/bin/sh", "-c", "sleep 100 & echo $$ $!; wait"]
PARENT = """
import sys, time
from openvmi.machine.lifeline import Lifeline
line = Lifeline(sys.argv[1:], [], 1)
time.sleep(100)
"""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + ENOUGH
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def test_closing_ends_its_children() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as said:
        line = Lifeline(FAMILY, [], writer)
        os.close(writer)
        pids = [int(word) for word in said.readline().split()]
        assert len(pids) == 2 and all(map(_alive, pids))
        line.close()
        line.close()
    assert _until(lambda: not any(map(_alive, pids)))


def test_killed_parent_leaves_neither_process_nor_its_children() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, *FAMILY], stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout
            pids = [int(word) for word in parent.stdout.readline().split()]
            assert len(pids) == 2 and all(map(_alive, pids))
        finally:
            parent.kill()
    assert _until(lambda: not any(map(_alive, pids)))


def test_before_it_is_tied() -> None:
    """A parent that dies between starting the shell and tying it: the shell ends by itself."""
    with subprocess.Popen(["/bin/sh", "-c", lifeline._WAIT_THEN_BECOME, "sh", "/bin/sleep", "100"],
                          stdin=subprocess.PIPE) as shell:  # fmt: skip
        assert shell.stdin
        shell.stdin.close()
        assert shell.wait(ENOUGH) != 0


def test_passes_arguments_as_they_are(tmp_path: Path) -> None:
    odd = ["a b", "$HOME", "'\"\\", "", "*", "-n", "; exit 3"]
    output = tmp_path / "output"
    with output.open("wb") as file:
        line = Lifeline(["/usr/bin/printf", "%s\\n", *odd], [], file.fileno())
        assert line.process.wait(ENOUGH) == 0
        line.close()
    assert output.read_text().splitlines() == odd
