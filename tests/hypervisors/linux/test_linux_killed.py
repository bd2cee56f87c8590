# SPDX-License-Identifier: MIT
"""What dies, is interrupted, or starts and stops many times: nothing stays behind."""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.errors import OpenVmiError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.linux.machine import LinuxMachine
from tests.hypervisors.linux.attacks import RAM
from tests.hypervisors.linux.conftest import ENOUGH, built, group, held, until

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")
Make = Callable[..., LinuxMachine]
STARTS = int(os.environ.get("OPENVMI_STARTS", "300"))  #: `make starts` asks for a thousand


# ---- kill -9 ----

#: Stages: command line, how many processes there are, what the guest says then; or nothing, and the last one spins.
STAGES = {
    "kernel spins": ("escape.do=spin escape.at=0", 2, b""),
    "kernel spins, signals blocked": ("escape.do=deaf escape.at=0", 2, b""),
    "kernel halted": ("escape.do=halt escape.at=0", 2, b"ready\n"),
    "user mode spins": ("escape.do=spin escape.at=0 escape.user=1", 3, b""),
    "user mode spins, signals blocked": ("escape.do=deaf escape.at=0 escape.user=1", 3, b""),
    "65 processes": ("escape.do=spaces escape.at=40", 65, b"64 spaces\n"),
}


def members(runner: int, count: int) -> list[int]:
    """Its processes once there are so many: the kernel's first, for it is the oldest."""
    assert until(lambda: len(group(runner)) == count)
    return sorted(group(runner) - {runner}, key=lambda pid: (times(pid)[1], pid))


def times(pid: int) -> tuple[int, int]:
    """Ticks in its own code, and when it began."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]), int(words[19])


@pytest.mark.parametrize(("stage", "victim"), [
    *((stage, victim) for stage in STAGES for victim in ("runner", "kernel")),
    *((stage, "user") for stage in STAGES if stage.startswith("user")),
])  # fmt: skip
def test_killed_at_any_stage(make: Make, escape: GuestImage, stage: str, victim: str) -> None:
    """The runner: told by Python. The kernel's process: by the runner. User mode's: the kernel gets a trap for it."""
    line, count, sign = STAGES[stage]
    before, said, ends = held(), bytearray(), []

    def run() -> None:
        try:
            outcome = this.run()
            ends.append(f"{outcome.ending.name} {outcome.message}")
        except OpenVmiError as error:
            ends.append(str(error))

    with make(escape, line, memory=RAM, console=said.extend) as this:
        pid = this.runner.pid
        thread = threading.Thread(target=run)
        thread.start()
        assert until(lambda: sign in said)
        others = members(pid, count)
        assert sign or until(lambda: times(others[-1])[0] > 1)
        os.kill({"runner": pid, "kernel": others[0], "user": others[-1]}[victim], signal.SIGKILL)
        thread.join(ENOUGH)
        assert until(lambda: not group(pid))
    assert held() == before
    expected = {
        "runner": r".*ended in the middle of the run \(killed by SIGKILL\)",
        "kernel": r"CRASH the kernel's process was killed: by the system when memory ran out, or by somebody",
        "user": r"EXIT ",
    }[victim]
    assert len(ends) == 1 and re.match(expected, ends[0])
    if victim == "user":
        assert said.decode().partition("\n")[2].startswith("user trap 13 error 0 address 0\n")


def test_killed_before_and_while_it_is_given_the_guest(make: Make, escape: GuestImage) -> None:
    for early in (True, False):
        before = held()
        with make(escape, "escape.do=halt escape.at=0", memory=RAM) as run:
            pid, hand_over = run.runner.pid, run.runner.hand_over

            def give(packet: bytes, memory: int) -> None:
                hand_over(packet, memory)  # noqa: B023
                os.kill(pid, signal.SIGKILL)  # noqa: B023

            if early:
                os.kill(pid, signal.SIGKILL)
            else:
                run.runner.hand_over = give
            with pytest.raises(OpenVmiError, match="killed by SIGKILL"):
                run.run()
        assert until(lambda: not group(pid)) and held() == before  # noqa: B023


PARENT = """
import sys
from pathlib import Path
from openvmi import resources
from openvmi.guest.image import load
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.linux.machine import LinuxMachine
from openvmi.rom.image import RomImage
rom = RomImage.load(resources.built("roms") / "linux.rom")
line = sys.argv[2]
with LinuxMachine(MachineConfig(guest=load(Path(sys.argv[1])), rom=rom, command_line=line, timeout=100.0)) as run:
    print(run.runner.pid, flush=True)
    sys.stdin.readline() if line == "wait" else None
    run.run()
"""


@pytest.mark.parametrize("stage", ["before", *STAGES])
def test_python_killed_at_any_stage(escape: GuestImage, top: Path, stage: str) -> None:
    line, count, _ = STAGES.get(stage, ("wait", 1, b""))
    with subprocess.Popen([sys.executable, "-c", PARENT, str(escape.path), line], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, cwd=top) as parent:  # fmt: skip
        try:
            assert parent.stdout
            runner = int(parent.stdout.readline())
            members(runner, count)
        finally:
            parent.kill()
    gone = until(lambda: not group(runner))
    for left in group(runner):
        os.kill(left, signal.SIGKILL)
    assert gone


# ---- Ctrl-C, by the command line ----


@pytest.mark.parametrize(("deed", "number"), [
    ("spin-disabled", signal.SIGINT), ("spin-disabled", signal.SIGTERM),
    ("sleep", signal.SIGINT), ("flood", signal.SIGINT),
])  # fmt: skip
def test_interrupted(deed: str, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "openvmi.cli.main", "run", "hostile", "--on", "linux",
               "--append", f"hostile.do={deed}"]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout
        said = run.stdout.readline()
        assert said, run.communicate()
        (runner,) = (int(name) for task in Path(f"/proc/{run.pid}/task").iterdir()
                     for name in (task / "children").read_text().split())
        run.send_signal(number)
        _, told = run.communicate(timeout=ENOUGH)
    assert (run.returncode, told) == (130, b"openvmi: interrupted: stopped by the user\n")
    assert until(lambda: not group(runner))


# ---- again and again ----


def left_behind() -> tuple[object, ...]:
    """What could be: descriptors, threads, children, memory files and other things mapped, files."""
    maps = Path("/proc/self/maps").read_text()
    shared = [name for name in os.listdir("/dev/shm") if "openvmi" in name]
    return (*held(), len(re.findall("/memfd:", maps)), shared, len(os.listdir("/proc/self/task")))


def test_starts_leave_nothing(make: Make, escape: GuestImage) -> None:
    """Half of them to a plain end, with user mode; half stopped where they are."""
    pids = []
    hello = built("hello")
    before = left_behind()
    for number in range(STARTS):
        guest, line = ((hello, ""), (escape, "escape.do=deaf escape.at=0 escape.user=1"))[number % 2]
        with make(guest, line) as run:
            pids.append(run.runner.pid)
            if number % 2:
                threading.Timer(0.01, run.stop).start()
            assert run.run().ending is (Ending.INTERRUPTED if number % 2 else Ending.EXIT)
        if number % 50 == 49:
            assert until(lambda: left_behind() == before)
    assert not any(map(group, pids)) and until(lambda: left_behind() == before)
