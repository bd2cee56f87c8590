# SPDX-License-Identifier: MIT
"""A hostile guest, kernel or user mode, makes no host call, reaches nothing that is not its own, and leaves nothing."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.guest.build import build
from openvmi.guest.image import GuestImage, load
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.linux import private
from openvmi.hypervisors.linux.machine import LinuxMachine
from tests.hypervisors.linux.conftest import group, held, until

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")
Make = Callable[..., LinuxMachine]

RAM = 64 << 20
#: As in roms/linux/private.h and runner/area.h.
STUB, SELF, BELL, USERS, TOP = 0x7FF000000000, 0x7FF000010000, 0x7FF000020000, private.LNX_USERS, 0x7FFFFFFFF000
RUNNER = 0x400000  # where the runner itself is linked
WRITE, MMAP, MUNMAP, GETPID, FORK, GETPID_32, FORK_32 = 1, 9, 11, 39, 57, 20, 2
UNNOTICED = 6  # vector of the UD2 at the end of a deed: all of it was done

_GADGETS = {"write": WRITE, "mmap": MMAP, "mmap_secret": MMAP, "munmap": MUNMAP, "munmap_secret": MUNMAP}


@pytest.fixture(scope="module")
def escape(top: Path, tmp_path_factory: pytest.TempPathFactory) -> GuestImage:
    output = tmp_path_factory.mktemp("escape") / "escape.elf"
    build(Path(__file__).parent / "escape", output, top / "build" / "cache")
    return load(output)


@pytest.fixture
def attack(make: Make, escape: GuestImage, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[Ending, str, str]]:
    """Does a deed: how the run ended, its message, and the lines of the guest. `at` may name what the image says."""

    def run(mode: str, deed: str, at: int | str, timeout: float = 30.0, options: str = "") -> tuple[Ending, str, str]:
        before, said = held(), bytearray()
        value = at if isinstance(at, int) else int(getattr(escape, at))
        line = f"escape.do={deed} escape.at={value:x}" + (" escape.user=1" if mode == "user" else "") + " " + options
        machine = make(escape, line, memory=RAM, timeout=timeout, console=said.extend)
        pid = machine.runner.pid
        try:
            outcome = machine.run()
        finally:
            machine.__exit__(None, None, None)
        assert until(lambda: not group(pid)) and held() == before
        assert b"broken out" not in said and "".join(capfd.readouterr()) == ""
        assert outcome.code == 0
        return outcome.ending, outcome.message, said.decode().partition("\n")[2]

    return run


def trap(mode: str, vector: int, error: int = 0, address: int = 0) -> str:
    """What the guest says of a trap, which it survives; after it nothing is where nothing may be."""
    nowhere = 0x50000000
    return (f"{mode} trap {vector} error {error:x} address {address:x}\n"
            f"{mode} trap 14 error {4 if mode == 'user' else 0:x} address {nowhere:x}\nend\n")


def call(number: int) -> str:
    """The same of a system call that user mode made, which is the guest's own."""
    return f"user call {number}\n" + trap("user", 0).partition("\n")[2]


# ---- memory ----


@pytest.mark.parametrize("at", [
    RUNNER, STUB + 0x1000, SELF - 8, BELL + 0x1000, TOP, 0xFFFFFFFF80000000, 0xFFFFFFFFFF600000,
], ids=hex)
def test_kernel_reads(attack: Callable[..., object], at: int) -> None:
    assert attack("kernel", "read", at) == (Ending.EXIT, "", trap("kernel", 14, 0, at))


@pytest.mark.parametrize("at", [STUB, STUB - 8, STUB + 0x1000, SELF - 8, BELL + 0x1000, TOP], ids=hex)
@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_writes(attack: Callable[..., object], mode: str, at: int) -> None:
    assert attack(mode, "write", at) == (Ending.EXIT, "", trap(mode, 14, 6 if mode == "user" else 2, at))


@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_writes_rom(attack: Callable[..., object], escape: GuestImage, mode: str) -> None:
    expected = trap(mode, 14, 7 if mode == "user" else 3, int(escape.window))
    assert attack(mode, "write", "window") == (Ending.EXIT, "", expected)


@pytest.mark.parametrize("at", ["image_start", "direct_map", "window"])
def test_user_reads_the_kernels(attack: Callable[..., object], escape: GuestImage, at: str) -> None:
    """There it is; the kernel may."""
    assert attack("user", "read", at) == (Ending.EXIT, "", trap("user", 14, 5, int(getattr(escape, at))))
    assert attack("kernel", "read", at) == (Ending.EXIT, "", trap("kernel", UNNOTICED))


@pytest.mark.parametrize("at", [USERS, STUB + 0x1000, SELF - 8, TOP, 0xFFFFFFFF80000000, 0xFFFFFFFFFF600000], ids=hex)
def test_user_reads(attack: Callable[..., object], at: int) -> None:
    assert attack("user", "read", at) == (Ending.EXIT, "", trap("user", 14, 4, at))


@pytest.mark.parametrize("at", [RAM + 0x3000, RAM + 0x4000, RAM + 0x14000, 1 << 40], ids=hex)
@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_maps_outside_its_memory(attack: Callable[..., tuple[Ending, str, str]], mode: str, at: int) -> None:
    """The bell, areas, and what is nowhere."""
    ending, message, said = attack(mode, "map", at)
    assert (ending, said) == (Ending.CRASH, "")
    assert message.startswith(f"the guest reads guest-physical {at:#x}, where no memory is (it has {RAM:#x} bytes) at ")


def test_maps_the_rom_for_user_mode(attack: Callable[..., tuple[Ending, str, str]]) -> None:
    ending, message, said = attack("user", "map", RAM)
    assert (ending, said) == (Ending.CRASH, "")
    assert message == "the guest's page tables give user mode a page of the ROM, at 0x30000000"


# ---- host calls ----


@pytest.mark.parametrize("number", [WRITE, MMAP, GETPID, FORK, 0x40000000 | GETPID, 10_000])
def test_syscall(attack: Callable[..., tuple[Ending, str, str]], number: int) -> None:
    assert attack("user", "syscall", number) == (Ending.EXIT, "", call(number))
    ending, message, said = attack("kernel", "syscall", number)
    assert (ending, said) == (Ending.CRASH, "")
    assert message.startswith(f"the guest's kernel made a system call of the host (number {number}) at 0x400")


@pytest.mark.parametrize("number", [GETPID_32, FORK_32])
def test_int80(attack: Callable[..., tuple[Ending, str, str]], number: int) -> None:
    """A trap of the guest's, for which it has no handler."""
    assert attack("user", "int80", number) == (Ending.EXIT, "", trap("user", 13, 0x402))
    ending, message, said = attack("kernel", "int80", number)
    assert (ending, said) == (Ending.CRASH, "")
    assert re.fullmatch(r"interrupt \(vector 128\) at 0x400\w+: the guest has no handler for it", message)


@pytest.mark.parametrize("number", [GETPID_32, FORK_32])
@pytest.mark.parametrize("deed", ["sysenter", "far"])
def test_32_bit_calls(attack: Callable[..., tuple[Ending, str, str]], deed: str, number: int) -> None:
    """SYSENTER is an invalid opcode on processors of AMD, where 64-bit code has it."""
    ending, message, said = attack("user", deed, number)
    assert (ending, message) == (Ending.EXIT, "")
    first, _, rest = said.partition("\n")
    assert re.fullmatch(r"user trap (6 error 0|14 error 14) address \w+", first) and rest == call(0).partition("\n")[2]
    ending, message, said = attack("kernel", deed, number)
    if deed == "sysenter" and ending is Ending.EXIT:
        assert said == trap("kernel", 6)
    else:
        assert (ending, said) == (Ending.CRASH, "")
        assert message.startswith(f"the guest's kernel made a system call of the host (number {number}) at ")


@pytest.mark.parametrize("gadget", _GADGETS)
@pytest.mark.parametrize("page", [STUB, "window"], ids=["stub", "ROM"])
def test_instructions_of_the_runners_own(attack: Callable[..., tuple[Ending, str, str]], escape: GuestImage,
                                         gadget: str, page: int | str) -> None:
    """The SYSCALL instructions that may make host calls: none of these without the secret, or with another.

    User mode does not have the ROM.
    """
    number = _GADGETS[gadget]
    ours = call(number) if page == STUB else trap("user", 14, 5, int(escape.window))
    assert attack("user", "gadget_" + gadget, page) == (Ending.EXIT, "", ours)
    ending, message, said = attack("kernel", "gadget_" + gadget, page)
    assert (ending, said) == (Ending.CRASH, "")
    where = "0x7ff0000000" if page == STUB else hex(int(escape.window))[:-3]
    assert message.startswith(f"the guest's kernel made a system call of the host (number {number}) at {where}")


# ---- its own area, and time ----


@pytest.mark.parametrize("byte", [0, 0xFF])
@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_scribbles_over_its_own_area(attack: Callable[..., object], mode: str, byte: int) -> None:
    """What the monitor needs is written anew at each stop."""
    assert attack(mode, "scribble", byte) == (Ending.EXIT, "", trap(mode, UNNOTICED))


@pytest.mark.parametrize("turn", [0, 2, 9])
def test_user_forges_a_turn(attack: Callable[..., tuple[Ending, str, str]], turn: int) -> None:
    """By the stub's first SYSCALL, behind which munmap comes. It can only have its own registers taken too early."""
    ending, message, said = attack("user", "turn", turn)
    assert (ending, message) == (Ending.EXIT, "")
    first, _, rest = said.partition("\n")
    assert re.fullmatch(r"user (call \d+|trap \d+ error \w+ address \w+)", first), said
    assert rest == call(0).partition("\n")[2]


@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_spins_for_ever(attack: Callable[..., object], mode: str) -> None:
    assert attack(mode, "spin", 0, timeout=0.2) == (Ending.TIMEOUT, "the guest did not end within 0.2 s", "")


# ---- what it makes the monitor and the kernel's ROM believe ----

SIGNAL, SYSTEM_CALL, COMMAND = 1, 2, 3  # reasons
SIGILL, SIGBUS, SIGFPE, SIGUSR1, SIGSEGV, SIGSYS = 4, 7, 8, 10, 11, 31
LOST = 13  #: vector of what user mode gets for a process that it has damaged
FRAME = 0x2000  # a good place for a context in an area
TAKE, TAKE_AND_WAIT, RETURN_32, RETURN = range(1000, 1004)  # system calls of the guest
LENT = 0x700000
DAMAGED = "the kernel's code has damaged the area of its process"
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
    assert re.match(r"user trap \d+ error \w+ address \w+\n", said) and said.endswith(trap("user", 0).split("\n", 1)[1])


@pytest.mark.parametrize("cs", [0, 8, 0x10, 0x2B, 0x30, 0xFFFF])
def test_user_forges_a_segment(attack: Callable[..., object], cs: int) -> None:
    """What user mode cannot have, its kernel could not return to."""
    assert attack("user", "forge_frame", cs << 32) == (Ending.EXIT, "", trap("user", LOST))


@pytest.mark.parametrize("address", [1 << 47, 0x7FFF_FFFF_0000, 0xFFFF_0000])
def test_user_forges_an_instruction_pointer(attack: Callable[..., tuple[Ending, str, str]], address: int) -> None:
    ending, message, said = attack("user", "forge_frame", 0x33 << 32 | address >> 16)
    assert (ending, message) == (Ending.EXIT, "")
    assert said == trap("user", LOST if address >> 47 else 14, 0 if address >> 47 else 0x14, 0 if address >> 47 else address)


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
        assert re.match(r"user trap \d+ error \w+ address \w+\n", said) and said.endswith(trap("user", 0).split("\n", 1)[1])


# ---- every SYSCALL that it can reach ----

_SYSCALLS = 10  # in the stub's page; a look for one more ends behind it
EXECVE, EXIT_GROUP, CLONE3, MODIFY_LDT, FUTEX, RETURNS, MASK = 59, 231, 435, 154, 202, 15, 14


@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_there_are_so_many(attack: Callable[..., object], mode: str) -> None:
    behind = trap(mode, 14, 4 if mode == "user" else 0, STUB + 0x1000)
    assert attack(mode, "each", _SYSCALLS << 48 | EXECVE << 32) == (Ending.EXIT, "", behind)


@pytest.mark.parametrize("order", range(_SYSCALLS))
@pytest.mark.parametrize("number", [EXECVE, CLONE3, MMAP, MODIFY_LDT, FUTEX])
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
    """User mode stays what it is, whatever they do to it, and its kernel goes on."""
    ending, message, said = attack("user", "each", order << 48 | number << 32)
    assert (ending, message) == (Ending.EXIT, "") and said.endswith(trap("user", 0).split("\n", 1)[1])
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
    """To sleep on the bell in the monitor's place; on memory that processes share, for another to wake it at the wrong time."""
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


def test_user_mode_that_the_timer_cannot_stop(attack: Callable[..., object]) -> None:
    """Its process is thrown away, and its kernel is told."""
    assert attack("user", "deaf", 0, options="escape.timer=1") == (Ending.EXIT, "", trap("user", LOST))
