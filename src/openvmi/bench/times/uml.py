# SPDX-License-Identifier: MIT
"""User-mode Linux from the distribution, its process 1 being the program that measures."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from openvmi.bench.times.lines import CONSOLE_LIMIT, Lines, parse
from openvmi.errors import OpenVmiError, UnavailableError
from openvmi.machine.lifeline import Lifeline

_NAMES = ("linux.uml", "linux")  # Debian's, and what its own makefile makes
_VERSION = re.compile(r"[1-9]\d?\.\d{1,3}\S{0,40}")
_ANSWER_SECONDS = 10.0
_TELLING = re.compile(rb"failed|panic|[Ee]rror|cannot|No such")
_INSTALL = "user-mode Linux is not installed (on Debian and Ubuntu: apt install user-mode-linux)"
#: What there is when its buffer for the processor's state is too small.
_STATE = (b"set fp regs failed", "it does not run on this processor, whose state is larger than it has room for;"
          " benchmarks/uml/build.py makes one that does")


@frozen
class Uml:
    """One that is installed."""

    program: str
    version: str  #: of its Linux


def find() -> Uml:
    """Raises :class:`UnavailableError` when there is none."""
    for name in _NAMES:
        program = shutil.which(name)
        if program and (version := _version(program)):
            return Uml(program, version)
    raise UnavailableError(_INSTALL)


def _version(program: str) -> str:
    """What it answers when asked, which an unrelated program of that name does not; empty then."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, stdin=subprocess.DEVNULL, text=True,
                              errors="replace", timeout=_ANSWER_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    last = (done.stdout.strip().splitlines() or [""])[-1]
    return last if not done.returncode and _VERSION.fullmatch(last) else ""


def run(uml: Uml, program: Path, one_processor: bool, timeout: float) -> Lines:
    """Boots it, with a folder of the host that has nothing but `program` as its root.

    `one_processor`: all of its processes stay on one of the host's. Raises :class:`OpenVmiError` when the rows do not
    come within `timeout` seconds.
    """
    with TemporaryDirectory(prefix="openvmi-uml-") as scratch:
        root = Path(scratch, "root")
        (root / "proc").mkdir(parents=True)
        shutil.copy(program, root / "init")
        command = [uml.program, "mem=64M", "rootfstype=hostfs", f"rootflags={root}", f"uml_dir={scratch}/uml", "rw",
                   "init=/init", "con=null", "con0=fd:0,fd:1", "quiet"]
        said = _output(command, one_processor, timeout)
    lines = parse(said)
    if not lines.samples:
        raise OpenVmiError(f"{uml.program} {uml.version}: {_problem(said)}")
    return lines


def _output(command: list[str], one_processor: bool, timeout: float) -> bytes:
    end = time.monotonic() + timeout
    said = bytearray()
    reader, writer = os.pipe()
    try:
        try:
            with _held(one_processor):
                lifeline = Lifeline(command, [], writer)
        finally:
            os.close(writer)
        try:
            poll = select.poll()
            poll.register(reader, select.POLLIN)
            while (left := end - time.monotonic()) > 0 and poll.poll(left * 1000):
                data = os.read(reader, 1 << 16)
                if not data:
                    break
                said.extend(data[: CONSOLE_LIMIT + 1 - len(said)])
        finally:
            lifeline.close()
    finally:
        os.close(reader)
    return bytes(said)


@contextmanager
def _held(one_processor: bool) -> Iterator[None]:
    """What is started meanwhile stays on one processor."""
    before = os.sched_getaffinity(0)
    if one_processor:
        os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, before)


def _problem(said: bytes) -> str:
    """What its output says about why it did not come to anything."""
    if _STATE[0] in said:
        return _STATE[1]
    lines = said.splitlines()
    found = next((line for line in lines if _TELLING.search(line)), lines[-1] if lines else b"it printed nothing")
    return found[:120].decode(errors="replace")
