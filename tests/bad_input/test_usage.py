# SPDX-License-Identifier: MIT
"""Command lines that make no sense: status 64 and one line, before anything runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from openvmi import hypervisors
from openvmi.abi.load import CURRENT
from openvmi.status import Status
from tests.bad_input.command import COMMAND, PATIENCE, Done, clean, openvmi, refused, together

CASES = {
    "verb": (["fly"], "No such command 'fly'"),
    "option": (["--fly"], "No such option"),
    "option of a verb": (["run", "hello", "--fly"], "No such option"),
    "argument missing": (["run"], "Missing argument"),
    "argument too many": (["run", "hello", "hello"], "unexpected extra argument"),
    "value missing": (["run", "hello", "--rom"], "requires an argument"),
    "guest": (["run", "no-such"], "no guest 'no-such': expected a file, or one of "),
    "guest, empty name": (["run", ""], "no guest ''"),
    "guest, endless name": (["run", "x" * 300], "no guest 'xxx"),
    "ROM": (["run", "hello", "--rom", "no-such"], "no ROM 'no-such': expected a file, none, or one of "),
    "ROM, endless name": (["run", "hello", "--rom", "x" * 300], "no ROM 'xxx"),
    "hypervisor": (["run", "hello", "--on", "vax"], "there is no hypervisor 'vax'; known are "),
    "hypervisor, path": (["run", "hello", "--on", "../emu"], "there is no hypervisor '../emu'"),
    "time-out nonsense": (["run", "hello", "--timeout", "soon"], "--timeout"),
    "time-out 0": (["run", "hello", "--timeout", "0"], "--timeout"),
    "time-out negative": (["run", "hello", "--timeout", "-1"], "--timeout"),
    "time-out not a number": (["run", "hello", "--timeout", "nan"], "--timeout"),
    "memory nonsense": (["run", "hello", "--memory", "much"], "size 'much': expected a positive number"),
    "memory empty": (["run", "hello", "--memory", ""], "size '': expected"),
    "memory 0": (["run", "hello", "--memory", "0M"], "size '0M': expected"),
    "memory negative": (["run", "hello", "--memory", "-64M"], "size '-64M': expected"),
    "memory, Kelvin": (["run", "hello", "--memory", "64\u212a"], "expected a positive number"),
    "compare without ROM": (["compare", "hello", "--rom", "none"], "comparing needs a ROM"),
    "call": (["abi", "show", "Fly"], "Fly"),
    "version": (["abi", "list", "--version", "9.9"], f"there is no VMI 9.9; known are {CURRENT}"),
    "ROM to build": (["rom", "build", "no-such"], "no-such"),
    "guest to build": (["guest", "build", "no-such"], "no-such"),
}


@pytest.fixture(scope="module")
def done() -> dict[str, Done]:
    """What each case came to."""
    return together({name: arguments for name, (arguments, _) in CASES.items()})


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, done: dict[str, Done]) -> None:
    refused(done[name], Status.USAGE, CASES[name][1])


def test_the_known_names_are_listed() -> None:
    assert all(name in openvmi("run", "hello", "--on", "vax").told for name in hypervisors.names())


def test_names_that_are_not_text(tmp_path: Path) -> None:
    name = os.fsdecode(bytes(tmp_path) + b"/\xff\xfe.elf")
    refused(openvmi("run", name), Status.USAGE, "no guest ")
    Path(name).write_bytes(b"")
    refused(openvmi("guest", "inspect", name), Status.BAD_FILE, "\\udcff\\udcfe.elf: ")


@pytest.mark.parametrize(("closed", "status"), [("<&-", 1), (">&-", 1), ("2>&-", 1), ("<&- >&- 2>&-", 1)])
def test_closed_streams(closed: str, status: int) -> None:
    """Nothing that the tool says goes to the console's stream, and no file takes the number of a closed one."""
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, "run", "hostile"], capture_output=True,
                          timeout=PATIENCE)
    assert done.returncode == status and done.stderr == b""
    assert done.stdout.startswith(b"vmi: ") == (">&-" not in closed.replace("2>&-", ""))


def test_a_closed_stderr_does_not_send_messages_to_stdout() -> None:
    done = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND, "run", "no-such"], capture_output=True,
                          timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (Status.USAGE, b"", b"")


@pytest.mark.parametrize("arguments", [["run", "hello"], ["abi", "list"], ["compare", "hello"]], ids=" ".join)
def test_stdout_that_is_full(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        found = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
    done = Done(found.returncode, b"", found.stderr.decode())
    clean(done)
    assert done.status == Status.TOOL
    assert "openvmi: " in done.told and "No space left on device" in done.told
