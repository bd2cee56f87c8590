# SPDX-License-Identifier: MIT
"""A hostile guest that speaks with the monitor and the ROM as the stub's code does: forged stops, frames, waits."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable

import pytest

from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Ending
from tests.hypervisors.linux.attacks import BELL, MMAP, MUNMAP, STUB, UNNOTICED, USERS, call, trap

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")


# ---- what it makes the monitor and the kernel's ROM believe ----

SIGNAL, SYSTEM_CALL, COMMAND = 1, 2, 3  # reasons
SIGILL, SIGBUS, SIGFPE, SIGUSR1, SIGSEGV, SIGSYS = 4, 7, 8, 10, 11, 31
LOST = 13  #: vector of what user mode gets for a process that it has damaged
FRAME = 0x2000  # a good place for a context in an area
TAKE, TAKE_AND_WAIT, RETURN_32, RETURN = range(1000, 1004)  # system calls of the guest
LENT = 0x700000
DAMAGED = "the kernel's code has damaged the area of its process"
WELL = trap("user", 0).partition("\n")[2]  #: what comes after any trap of user mode
#: Offsets in Linux's ucontext.
FPSTATE, CS, SS, RFLAGS, STACK = 224, 184, 190, 176, 16


def forged(reason: int, signal: int, vector: int, times: int = 1) -> int:
    """An argument of the deed `forge`."""
    return reason | signal << 8 | vector << 16 | times << 32


@pytest.mark.parametrize(("at", "vector"), [
    (forged(SIGNAL, SIGSEGV, 0), 0),
    (forged(SIGNAL, SIGFPE, 16), 16),
    (forged(SIGNAL, SIGBUS, 17), 17),
    *((forged(SIGNAL, signal, vector), 13) for signal, vector in [  # only the machine can cause these
        (SIGFPE, 2), (SIGFPE, 8), (SIGBUS, 18), (SIGSEGV, 10), (SIGILL, 31), (SIGILL, 32), (SIGSEGV, 0xFFFF)]),
    (forged(SIGNAL, SIGSYS, 0), UNNOTICED),
    (forged(SYSTEM_CALL, SIGSYS, 0), UNNOTICED),
    (forged(9, 99, 0), 13),
    (forged(SIGNAL, SIGBUS, 14), UNNOTICED),  # the host has memory, and says so
    (forged(SIGNAL, SIGUSR1, 0), UNNOTICED),
    (forged(SIGNAL, SIGSEGV, 14, times=50), UNNOTICED),
    (forged(SIGNAL, SIGSEGV, 14, times=100), 13),  # no program gets on so
    (forged(COMMAND, 0, 0), LOST),
])  # fmt: skip
def test_user_forges_a_stop(attack: Callable[..., tuple[Ending, str, str]], at: int, vector: int) -> None:
    """It cannot end the run, nor make a fault of the machine of it."""
    ending, message, said = attack("user", "forge", at)
    assert (ending, message) == (Ending.EXIT, "")
    assert re.sub("error [0-9a-f]+", "error 0", said, count=1) == trap("user", vector)


@pytest.mark.parametrize(("at", "message"), [
    (forged(COMMAND, 0, 0), DAMAGED),
    (forged(SIGNAL, SIGSYS, 0), "the guest's kernel made a system call of the host (number 0) at "),
    (forged(SIGNAL, SIGSEGV, 14, times=100), "the kernel's instruction at "),
])  # fmt: skip
def test_kernel_forges_a_stop(attack: Callable[..., tuple[Ending, str, str]], at: int, message: str) -> None:
    ending, said, _ = attack("kernel", "forge", at)
    assert ending is Ending.CRASH and said.startswith(message)


@pytest.mark.parametrize("at", [forged(SIGNAL, SIGBUS, 14), forged(SIGNAL, SIGUSR1, 0)])
def test_kernel_forges_what_is_looked_into(attack: Callable[..., object], at: int) -> None:
    assert attack("kernel", "forge", at) == (Ending.EXIT, "", trap("kernel", UNNOTICED))


@pytest.mark.parametrize("context", [0, 16, 0x200, 0xFF8, 0xFF00, 0xFFF8])
def test_context_where_the_list_of_commands_is(attack: Callable[..., object], context: int) -> None:
    """The kernel's ROM would write user registers over what it has to do, whose secret would then remain to be seen."""
    assert attack("user", "forge_call", TAKE | context << 16) == (Ending.EXIT, "", trap("user", LOST))


@pytest.mark.parametrize("number", [TAKE, TAKE_AND_WAIT])
def test_page_that_is_taken_while_signals_are_open(attack: Callable[..., object], number: int) -> None:
    """It sleeps as after a system call, but a signal could take it away from its list of commands."""
    assert attack("user", "forge_call", number | FRAME << 16) == (Ending.EXIT, "", trap("user", 14, 4, LENT))


def test_context_that_is_none(attack: Callable[..., tuple[Ending, str, str]]) -> None:
    """Its lower half is one, which is all that the ROM looks at; by this return the monitor has it."""
    ending, message, said = attack("user", "forge_call", RETURN_32 | (0x10000000 + FRAME) << 16)
    assert (ending, message) == (Ending.EXIT, "")
    assert re.match(r"user trap \d+ error \w+ address \w+\n", said) and said.endswith(WELL)


@pytest.mark.parametrize("cs", [0, 8, 0x10, 0x2B, 0x30, 0xFFFF])
def test_user_forges_a_segment(attack: Callable[..., object], cs: int) -> None:
    """What user mode cannot have, its kernel could not return to."""
    assert attack("user", "forge_frame", cs << 32) == (Ending.EXIT, "", trap("user", LOST))


@pytest.mark.parametrize("address", [1 << 47, 0x7FFF_FFFF_0000, 0xFFFF_0000])
def test_user_forges_an_instruction_pointer(attack: Callable[..., tuple[Ending, str, str]], address: int) -> None:
    ending, message, said = attack("user", "forge_frame", 0x33 << 32 | address >> 16)
    assert (ending, message) == (Ending.EXIT, "")
    assert said == (trap("user", LOST) if address >> 47 else trap("user", 14, 0x14, address))


@pytest.mark.parametrize(("offset", "value"), [
    (FPSTATE, 0x50000000), (FPSTATE, -8), (FPSTATE, 1), (CS, 0), (CS, 0x10), (CS, 0x23), (CS, 0x2B), (CS, -1),
    (SS, 0), (SS, 0x10), (SS, 0x33), (RFLAGS, 0x3000), (RFLAGS, -1), (STACK, 0x50000000), (0, -1),
])  # fmt: skip
@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_returns_to_a_hostile_frame(attack: Callable[..., tuple[Ending, str, str]], mode: str, offset: int,
                                    value: int) -> None:
    """By the stub's rt_sigreturn. User mode gets a trap for it at most, its kernel goes on; a kernel harms itself."""
    at = offset | (value & 0xFFFF_FFFF) << 32
    ending, message, said = attack(mode, "forge_return", at, timeout=30.0 if mode == "user" else 0.3)
    assert "of the host" not in message
    if mode == "user":
        assert (ending, message) == (Ending.EXIT, "")
        assert re.match(r"user trap \d+ error \w+ address \w+\n", said) and said.endswith(WELL)


# ---- every SYSCALL that it can reach ----

_SYSCALLS = 13  # in the stub's page; a look for one more ends behind it
EXECVE, EXIT_GROUP, CLONE3, MODIFY_LDT, FUTEX, RETURNS, MASK, PRCTL = 59, 231, 435, 154, 202, 15, 14, 157


@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_there_are_so_many(attack: Callable[..., object], mode: str) -> None:
    behind = trap(mode, 14, 4 if mode == "user" else 0, STUB + 0x1000)
    assert attack(mode, "each", _SYSCALLS << 48 | EXECVE << 32) == (Ending.EXIT, "", behind)


@pytest.mark.parametrize("order", range(_SYSCALLS))
@pytest.mark.parametrize("number", [EXECVE, CLONE3, MMAP, MODIFY_LDT, PRCTL, FUTEX])
@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_each_of_them(attack: Callable[..., tuple[Ending, str, str]], mode: str, number: int, order: int) -> None:
    """With registers of which none is right; -1 in mmap's flags and rights would be everything."""
    ending, message, said = attack(mode, "each", order << 48 | number << 32 | (0xFFFF_FFFF if number != FUTEX else 1))
    if mode == "user":
        assert (ending, message, said) == (Ending.EXIT, "", call(number))
    else:
        assert (ending, said) == (Ending.CRASH, "")
        assert message.startswith(f"the guest's kernel made a system call of the host (number {number}) at 0x7ff0000")


@pytest.mark.parametrize("order", range(_SYSCALLS))
@pytest.mark.parametrize("number", [RETURNS, MASK])
def test_those_that_it_may_have(attack: Callable[..., tuple[Ending, str, str]], number: int, order: int) -> None:
    """User mode stays what it is, whatever they do to it, and its kernel goes on; the timer ends circles."""
    ending, message, said = attack("user", "each", order << 48 | number << 32, options="escape.ends=1")
    assert (ending, message) == (Ending.EXIT, "") and said.endswith(WELL)
    ending, message, _ = attack("kernel", "each", order << 48 | number << 32, timeout=0.3)
    assert ending in (Ending.EXIT, Ending.CRASH, Ending.TIMEOUT)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("number", [EXECVE, MMAP, RETURNS, MASK, FUTEX])
def test_those_of_the_rom(attack: Callable[..., tuple[Ending, str, str]], escape: GuestImage, number: int,
                          order: int) -> None:
    ending, message, said = attack("kernel", "each", (order | 0x80) << 48 | number << 32 | int(escape.window))
    assert (ending, said) == (Ending.CRASH, "")
    assert message.startswith(f"the guest's kernel made a system call of the host (number {number}) at 0x")


def test_vsyscall(attack: Callable[..., tuple[Ending, str, str]]) -> None:
    """A page of Linux's own at the end of every address space, where it emulates three calls, or none."""
    ending, message, said = attack("user", "vsyscall", 0xFFFFFFFFFF600000)
    assert (ending, message) == (Ending.EXIT, "")
    assert said in (call(96), trap("user", 14, 0x14, 0xFFFFFFFFFF600000), trap("user", 14, 0x15, 0xFFFFFFFFFF600000))
    ending, message, said = attack("kernel", "vsyscall", 0xFFFFFFFFFF600000)
    made = "the guest's kernel made a system call of the host (number 96) at "
    assert (ending, said[:15]) in ((Ending.CRASH, ""), (Ending.EXIT, "kernel trap 14 "))
    assert ending is Ending.EXIT or message.startswith(made)


# ---- others ----


@pytest.mark.parametrize("deed", ["sleep", "wake"])
@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_futex_of_another(attack: Callable[..., tuple[Ending, str, str]], escape: GuestImage, mode: str,
                          deed: str) -> None:
    """To sleep on the bell in the monitor's place, or on memory that processes share, for another to wake it."""
    for at in [BELL, BELL + 4] if mode == "user" else [BELL, BELL + 4, USERS, int(escape.image_start)]:
        number = MUNMAP if deed == "wake" and at == BELL else FUTEX  # the next of the stub's own
        ending, message, said = attack(mode, deed, at)
        if mode == "user":
            assert (ending, message, said) == (Ending.EXIT, "", call(number))
        else:
            assert (ending, said) == (Ending.CRASH, "") and f"of the host (number {number}) at 0x7ff0000" in message


def test_all_signals_blocked(attack: Callable[..., tuple[Ending, str, str]]) -> None:
    """By the kernel: until the limit of time. Then with a fault, of which the process ends."""
    assert attack("kernel", "deaf", 0, timeout=0.3) == (Ending.TIMEOUT, "the guest did not end within 0.3 s", "")
    ending, message, said = attack("kernel", "deaf_fault", 0)
    assert (ending, said) == (Ending.CRASH, "") and message.startswith("the kernel's process was killed")
    assert attack("user", "deaf_fault", 0) == (Ending.EXIT, "", trap("user", LOST))


@pytest.mark.parametrize("turn", [0, 9])
def test_user_mode_that_the_timer_cannot_stop(attack: Callable[..., object], turn: int) -> None:
    """Its process is thrown away, and its kernel is told. Also when its area says that it is nobody's turn."""
    assert attack("user", "deaf", turn, options="escape.timer=1") == (Ending.EXIT, "", trap("user", LOST))


# ---- what comes while user mode is stopped, or on its way back ----


@pytest.mark.parametrize(("deed", "at"), [("calls", RETURN), ("spin", 0)])
def test_ticks_come_soon(attack: Callable[..., tuple[Ending, str, str]], deed: str, at: int) -> None:
    """At any place of a system call and back, of which no register is changed by it. A lost one would be the last."""
    ending, message, said = attack("user", deed, at, options="escape.ticks=1000")
    found = re.match(r"4096 ticks, (\d+) us late at most\n", said)
    assert (ending, message) == (Ending.EXIT, "") and found and said.endswith(WELL)
    assert int(found[1]) < 100_000


def test_user_mode_goes_everywhere(attack: Callable[..., tuple[Ending, str, str]]) -> None:
    """To every byte of the stub's code, from which it would return to the same place for ever; the timer ends that."""
    ending, message, said = attack("kernel", "everywhere", 0x800, timeout=60.0)
    assert (ending, message) == (Ending.EXIT, "")
    assert re.fullmatch(r"been everywhere, [1-9]\d+ ticks\n", said)
