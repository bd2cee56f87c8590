# SPDX-License-Identifier: MIT
"""The real guest in the real runner: the file that every other hypervisor runs, and nothing else."""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from openvmi.errors import OpenVmiError, RefusedError
from openvmi.hypervisors import get
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.linux.machine import LinuxMachine
from openvmi.matrix import places
from openvmi.running import NO_ROM, Request, Run, read_link
from openvmi.running import run as run_request
from tests.consoles import at_first
from tests.hypervisors.linux.conftest import ENOUGH, built, group, held, until

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")
Make = Callable[..., LinuxMachine]
#: What depends on the hypervisor: its name, the ring of its kernel, times.
#: Natively there if the processor has RDRAND; the one of emu has not.
_RANDOM = re.compile(rb" random:1| +group random .*\n")
_OWN = re.compile(rb"\b(emu|linux|ring [013])\b|\d+(\.\d+)?(?= ?(ns|us|ms|s)\b)")


def run(guest: str, on: str = "linux", options: str = "", **values: Any) -> tuple[Run, bytes]:
    """A run with the ROM that goes with it, and what the guest said."""
    said = bytearray()

    def keep(data: bytes) -> bool:
        said.extend(data)
        return True

    return run_request(Request(guest, on=on, options=options, timeout=30.0, **values), keep), bytes(said)


def test_usable_here() -> None:
    state = get("linux").available()
    assert state.usable, f"{state.reason} {state.remedy}"


def test_every_check_passes() -> None:
    result, said = run("hello")
    assert (result.outcome.ending, result.status) == (Ending.EXIT, 0), result.outcome.message + said.decode()
    assert b"FAIL" not in said
    assert 0 < result.outcome.boot_ms <= result.outcome.run_ms
    assert result.outcome.exits and result.outcome.instructions is None


def test_says_what_it_says_on_emu() -> None:
    """But for the hypervisor's name, the ring and times."""
    ours, theirs = (_OWN.sub(b"#", run("hello", on)[1]) for on in ("linux", "emu"))
    assert ours == theirs


@pytest.mark.parametrize(("rom", "options"), [(NO_ROM, ""), (None, "vmi=off")])
def test_native_as_on_emu(rom: str | None, options: str) -> None:
    """But for the hypervisor's name and times: there the guest was told of ring 1."""
    result, said = run("hello", "linux", options, rom=rom)
    ours, theirs = (_OWN.sub(b"#", _RANDOM.sub(b"", text)) for text in (said, run("hello", "emu", options, rom=rom)[1]))
    assert ours == theirs and (result.outcome.ending, result.outcome.code) == (Ending.EXIT, 0)
    assert result.link and result.link.native == result.link.sites
    exits = result.outcome.exits
    assert min(exits.get(f"native {name}", 0) for name in ("cli", "sti", "mov cr3", "iretq", "wrmsr", "swapgs")) > 0
    assert min(exits[name] for name in ("port out", "port in", "mmio", "event", "syscall", "cpuid")) > 0


@pytest.mark.parametrize("deed", ["load", "jump", "stack", "root", "tables", "gate", "deep"])
def test_native_kernel_that_cannot_go_on_ends_as_on_emu(deed: str) -> None:
    """With the same words: vector, error code, where, and what the processor met on the way to a handler."""
    ours, theirs = (run("hostile", on, f"hostile.do={deed} vmi=off")[0].outcome for on in ("linux", "emu"))
    assert (ours.ending, ours.message) == (theirs.ending, theirs.message) and ours.ending is Ending.CRASH
    assert ours.crash and theirs.crash and ours.crash.backtrace == theirs.crash.backtrace


def test_native_output_is_not_sent_a_byte_at_a_time(make: Make) -> None:
    """That it does not wait for more either, the tests show that end a guest by its first words."""
    pieces: list[bytes] = []
    outcome = make(built("hello"), "vmi=off", console=pieces.append).run()
    size = sum(map(len, pieces))
    assert 1000 < size <= outcome.exits["port out"] and len(pieces) < size / 10


def test_linked_as_on_emu() -> None:
    ours, theirs = (run("hello", on)[0].link for on in ("linux", "emu"))
    assert ours and theirs and ours.sites == theirs.sites and ours.inline + ours.call + ours.jump + ours.nop > 0


def test_status() -> None:
    result, _ = run("hello", options="hello.exit=7")
    assert (result.outcome.ending, result.status) == (Ending.EXIT, 7)


def test_refusals(make: Make) -> None:
    with pytest.raises(RefusedError, match="--deterministic"):
        make(built("hello"), deterministic=True)


@pytest.mark.parametrize("line", ["", " vmi=off"])
def test_ctrl_c_while_it_spins_with_interrupts_off(make: Make, line: str) -> None:
    def on_output(data: bytes) -> None:
        threading.Thread(target=machine.stop).start()

    machine = make(built("hostile"), f"hostile.do=spin-disabled{line}", console=on_output)
    outcome = machine.run()
    assert outcome.ending is Ending.INTERRUPTED and outcome.run_ms < ENOUGH * 1e3


@pytest.mark.parametrize("line", ["", " vmi=off"])
def test_time_limit(make: Make, line: str) -> None:
    outcome = make(built("hostile"), f"hostile.do=spin-disabled{line}", timeout=0.3).run()
    assert (outcome.ending, outcome.message) == (Ending.TIMEOUT, "the guest did not end within 0.3 s")
    assert 290 <= outcome.run_ms < 5000


@pytest.mark.parametrize("victim", ["runner", "kernel"])
def test_killed_from_outside(make: Make, victim: str) -> None:
    """The runner; and the process of the guest's kernel, of which the runner tells."""
    before = held()

    def kill() -> None:
        others = group(runner) - {runner}
        assert others
        os.kill(runner if victim == "runner" else min(others), signal.SIGKILL)

    machine = make(built("hostile"), "hostile.do=spin", console=at_first(kill))
    runner = machine.runner.pid
    if victim == "runner":
        with pytest.raises(OpenVmiError, match=r"ended in the middle of the run \(killed by SIGKILL\)"):
            machine.run()
    else:
        outcome = machine.run()
        assert outcome.ending is Ending.CRASH and outcome.message
    machine.__exit__(None, None, None)
    assert until(lambda: not group(runner)) and held() == before


def test_runners_own_view_of_memory(make: Make) -> None:
    """What the guest wrote is read here, while it stands still and after its end."""
    hello = built("hello")
    machine = make(built("hello"))
    assert machine.run().ending is Ending.EXIT
    state = read_link(hello, machine)
    assert state and state.inline
    text = next(segment for segment in hello.segments if segment.executable)
    there = machine.read_memory(text.virtual, len(text.data))
    assert there and there != text.data, "sites are linked in place"


PARENT = """
import sys
from openvmi.running import Request, run
def say(data):
    print(flush=True)
    return True
run(Request(sys.argv[1], on="linux", options=sys.argv[2], timeout=100.0), say)
"""


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("what", ["hostile hostile.do=spin-disabled", "hostile hostile.do=flood"])
def test_killed_parent_leaves_no_process(top: Path, what: str, frozen: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, *what.split()], stdout=subprocess.PIPE, cwd=top) as parent:
        try:
            assert parent.stdout and parent.stdout.readline()
            (runner,) = (int(name) for task in Path(f"/proc/{parent.pid}/task").iterdir()
                         for name in (task / "children").read_text().split())
            assert len(group(runner)) >= 2
            if frozen:
                os.killpg(runner, signal.SIGSTOP)
        finally:
            parent.kill()
    gone = until(lambda: not group(runner))
    for left in group(runner):
        os.kill(left, signal.SIGKILL)
    assert gone


def test_in_the_matrix() -> None:
    """By itself: with the ROM, and native."""
    found = [place for place in places(get("linux")) if place.hypervisor == "linux"]
    assert [place.name for place in found] == ["linux, ROM linux", "linux, no ROM"]


def test_many_starts_leave_nothing(make: Make) -> None:
    before = held()
    pids = []
    for _ in range(50):
        with ExitStack() as stack:
            machine = stack.enter_context(make(built("hello")))
            pids.append(machine.runner.pid)
            assert machine.run().ending is Ending.EXIT
    assert not any(map(group, pids)) and held() == before
