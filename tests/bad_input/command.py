# SPDX-License-Identifier: MIT
"""The command as its user runs it, and what every refusal has in common."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen

COMMAND = [sys.executable, "-m", "openvmi.cli.main"]
#: Verb and guest, on the hypervisor whose words the tests know.
HELLO, HOSTILE = ["run", "hello", "--on", "emu"], ["run", "hostile", "--on", "emu"]
PATIENCE = 30  # seconds after which a command counts as hanging


@frozen
class Done:
    """What a command left behind."""

    status: int
    out: bytes
    told: str


def openvmi(*arguments: str | Path, **options: object) -> Done:
    """Runs one command to its end; fails when that takes too long."""
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, stdin=subprocess.DEVNULL,
                          timeout=PATIENCE, **options)
    return Done(done.returncode, done.stdout, done.stderr.decode())


def together(commands: Mapping[str, Sequence[str | Path]]) -> dict[str, Done]:
    """Runs the commands of a table, as many at a time as there are processors: most of each is its start."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(commands, pool.map(lambda arguments: openvmi(*arguments), commands.values()), strict=True))


def refused(done: Done, status: int, *words: str) -> None:
    """Asserts one line on stderr that has these words and says what to do, this status, and nothing on stdout."""
    assert (done.status, done.out) == (status, b""), done
    clean(done)
    assert done.told.startswith("openvmi: ") and done.told.count("\n") == 1 and len(done.told) < 1000, done
    assert "; " in done.told or "expected" in done.told or "Try --help" in done.told, done
    for word in words:
        assert word in done.told, done


def clean(done: Done) -> None:
    """Asserts that nothing went wrong in a way that nobody foresaw."""
    assert "Traceback" not in done.told and "internal error" not in done.told, done
