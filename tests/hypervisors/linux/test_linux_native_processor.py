# SPDX-License-Identifier: MIT
"""A guest without ROM: what its kernel and its user mode do by themselves, and what ends it."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.guest.build import build
from openvmi.guest.image import GuestImage, load
from openvmi.hypervisors.base import Ending, Outcome
from openvmi.hypervisors.linux.machine import LinuxMachine
from tests.hypervisors.linux.conftest import built, group, until

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")
Make = Callable[..., LinuxMachine]
Do = Callable[..., tuple[Outcome, str]]


@pytest.fixture(scope="module")
def native(top: Path, tmp_path_factory: pytest.TempPathFactory) -> GuestImage:
    output = tmp_path_factory.mktemp("native") / "native.elf"
    build(Path(__file__).parent / "native", output, top / "build" / "cache")
    return load(output)


@pytest.fixture
def do(make: Make, native: GuestImage) -> Do:
    """Does a group of checks: how the run ended, and the lines of the guest."""

    def run(name: str, timeout: float = 20.0, guest: GuestImage | None = None) -> tuple[Outcome, str]:
        said = bytearray()
        option = f"hostile.do={name}" if guest else f"native.do={name}"
        machine = make(guest or native, f"vmi=off {option}", timeout=timeout, console=said.extend)
        pid = machine.runner.pid
        outcome = machine.run()
        machine.__exit__(None, None, None)
        assert until(lambda: not group(pid))
        return outcome, said.decode().partition("\n")[2]

    return run


@pytest.mark.parametrize("name", ["instructions", "operands", "refusals", "shadow", "user", "damage", "double"])
def test_checks_of_the_guest(do: Do, name: str) -> None:
    outcome, said = do(name)
    end = "" if name == "double" else "end\n"
    assert (outcome.ending, outcome.code, said) == (Ending.EXIT, 0, end), outcome.message


def test_each_instruction_is_counted(do: Do) -> None:
    """As emu counts them; libvmi's own start is among them."""
    exits = do("instructions")[0].exits
    assert exits["native lldt"] == exits["native invd"] == exits["native wbinvd"] == exits["native lmsw"] == 1
    assert exits["native invlpg"] == 1 and exits["native clts"] == 2 and exits["native swapgs"] == 2
    assert exits["native mov cr8"] == exits["native mov dr3"] == exits["native mov cr4"] == 2
    assert exits["native mov cr2"] == 4 and exits["native sti"] == 1 and exits["port in"] >= 3
    assert not {name for name in exits if name.startswith("trap 1")}, "nothing was refused"


@pytest.mark.parametrize(("name", "reason"), [
    ("triple", "the guest's interrupt descriptor table has no entry for it"),
    ("not-a-gate", "its entry in the guest's interrupt descriptor table is not a present gate"),
    ("odd-gate", "its entry in the guest's interrupt descriptor table leads to an address that is not canonical"),
    ("no-task", "the guest has no task state that names a stack for it"),
    ("device-tables", "the guest's interrupt descriptor table has no entry for it"),
])
def test_triple_faults(do: Do, native: GuestImage, name: str, reason: str) -> None:
    outcome, said = do(name)
    assert (outcome.ending, said) == (Ending.CRASH, "")
    found = re.fullmatch(r"triple fault: invalid opcode \(vector 6\) at 0x(\w+), and (.*)", outcome.message)
    assert found and found[2] == reason, outcome.message
    registers = outcome.crash.registers if outcome.crash else None
    assert registers and (registers.rip, registers.cs, registers.ss) == (int(found[1], 16), 0x08, 0x10)
    assert not registers.rflags & 0x200, "the guest's own flag, not the host's"


def test_a_stack_that_is_a_device(do: Do, native: GuestImage) -> None:
    outcome, _ = do("device-stack")
    stack = int(native.direct_map) + 0xFEE00800
    assert re.fullmatch(r"triple fault: breakpoint \(vector 3\) at 0x4\w+, and its frame cannot be pushed on the stack"
                        rf" at {stack:#x}, which is not mapped writable", outcome.message), outcome.message


def test_devices_take_no_other_instruction(do: Do) -> None:
    outcome, _ = do("device")
    assert outcome.ending is Ending.CRASH
    assert re.fullmatch(r"the guest accesses the device at guest-physical 0xfee000f0, from 0x4\w+, other than by a MOV"
                        r" of 32 bits, which is all that can be done for it", outcome.message), outcome.message
    assert do("device-code")[0].ending is Ending.CRASH


def test_halt_with_interrupts_off_is_ended(do: Do) -> None:
    outcome, _ = do("halt", timeout=0.3)
    assert (outcome.ending, outcome.message) == (Ending.TIMEOUT, "the guest did not end within 0.3 s")


# ---- kernels/hostile, which does not know where it runs ----

#: Deed -> what the reason, or the guest itself, must say.
CRASHES = {
    "load": r"vector 14 without handler, error 0", "write-rom": "vector 14 without handler, error 2",
    "stack": "triple fault: page fault .* the stack at 0x5ead00000000", "jump": "vector 14 without handler, error 10",
    "jump-rom": "vector 14 without handler, error 10", "root": r"triple fault: page fault \(vector 14, error code 0x10",
    "tables": "triple fault: ", "gate": ".",
}  # fmt: skip


@pytest.mark.parametrize("deed", sorted(CRASHES))
def test_what_cannot_go_on_is_a_crash_with_its_reason(do: Do, deed: str) -> None:
    outcome, said = do(deed, guest=built("hostile"))
    assert outcome.ending is Ending.CRASH, said
    assert re.search(CRASHES[deed], outcome.message + said), outcome.message + said


@pytest.mark.parametrize("deed", ["spin", "spin-disabled", "sleep", "flood"])
def test_what_never_ends_is_ended(do: Do, deed: str) -> None:
    assert do(deed, timeout=0.3, guest=built("hostile"))[0].ending is Ending.TIMEOUT


@pytest.mark.parametrize("deed", ["unknown", "remap-rom"])
def test_what_means_nothing_without_rom(do: Do, deed: str) -> None:
    """Hypercalls of another hypervisor are ports that nobody has; the window is memory like any other."""
    outcome, said = do(deed, guest=built("hostile"))
    assert (outcome.ending, outcome.code) == (Ending.EXIT, 0), said
