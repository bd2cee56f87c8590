# SPDX-License-Identifier: MIT
"""Which QEMU is installed here, and whether it will do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

from attrs import frozen

from openvmi.errors import UnavailableError
from openvmi.hypervisors.base import Availability

PROGRAM = "qemu-system-x86_64"
PROGRAMS_I386 = ("qemu-system-i386", PROGRAM)  #: either will do for 32 bits
LEAST = (6, 0)  #: isa-debug-exit, PVH, memory back-ends of the machine pc, QMP as used here: all are older
REMEDY = "On Debian and Ubuntu: apt install qemu-system-x86"
_ANSWER_SECONDS = 20.0
_VERSION = re.compile(r"QEMU emulator version (\d+)\.(\d+)(?:\.(\d+))?")


@frozen
class Installation:
    """A QEMU that will do."""

    program: str  #: its path
    version: str  #: such as 7.2.22


def find(programs: Sequence[str] = (PROGRAM,)) -> Installation:
    """The first of these that PATH leads to. Raises :class:`UnavailableError`: none, none that answers, or too old.

    Quick: a program is asked for its version once.
    """
    for program in programs:
        found = _look(program)
        if isinstance(found, Installation):
            return found
        why = f"{found.reason} {found.remedy}".strip()
    raise UnavailableError(why)


def availability() -> Availability:
    """The same as an answer."""
    found = _look(PROGRAM)
    return found if isinstance(found, Availability) else Availability(usable=True, versions={PROGRAM: found.version})


def _look(name: str) -> Installation | Availability:
    if not hasattr(os, "memfd_create"):
        return Availability(False, "QEMU is driven in a way that needs Linux.", "Use a Linux machine.")
    program = shutil.which(name)
    if program is None:
        return Availability(False, f"{name} is not on PATH; {_least()} is needed.", REMEDY)
    try:
        status = os.stat(program)
    except OSError:  # gone since
        return Availability(False, f"{program} cannot be read; {_least()} is needed.", REMEDY)
    return _ask(program, status.st_mtime_ns, status.st_ino)


@cache
def _ask(program: str, *_: int) -> Installation | Availability:
    """By path, time and inode, so that a QEMU that was replaced is asked again."""
    try:
        answer = subprocess.run([program, "--version"], stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=_ANSWER_SECONDS)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Availability(False, f"{program} does not run ({error}); {_least()} is needed.", REMEDY)
    said = answer.stdout.decode(errors="replace")
    found = _VERSION.search(said)
    if answer.returncode or not found:
        first = next(iter((said + answer.stderr.decode(errors="replace")).splitlines()), "nothing")[:200]
        return Availability(False, f"{program} --version says {first!r} (status {answer.returncode}), not which QEMU "
                                   f"it is; {_least()} is needed.", REMEDY)  # fmt: skip
    version = ".".join(filter(None, found.groups()))
    if (int(found[1]), int(found[2])) < LEAST:
        return Availability(False, f"{program} is QEMU {version}; {_least()} is needed.", REMEDY)
    return Installation(program, version)


def _least() -> str:
    return f"QEMU {'.'.join(map(str, LEAST))} or newer"
