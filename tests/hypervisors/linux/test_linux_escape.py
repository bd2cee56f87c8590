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
from openvmi.hypervisors.linux import features, private
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

    def run(mode: str, deed: str, at: int | str, timeout: float = 30.0, more: str = "") -> tuple[Ending, str, str]:
        before, said = held(), bytearray()
        value = at if isinstance(at, int) else int(getattr(escape, at))
        line = f"escape.do={deed} escape.at={value:x}" + (" escape.user=1" if mode == "user" else "") + more
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


#: Outside of the part of its area where signal frames are. Host calls that carry the secret stand before it.
OUTSIDE = [0, 0x200 - 40, 0x200, 0x800, 0xFF8, 0x10000 - 304 + 8, 0xFFF8]
#: The low half alone would be good.
FAR = [1 << 40 | 0x3000, -SELF + 0x3000, 0x10000 + 0x3000]


@pytest.mark.parametrize("at", OUTSIDE, ids=hex)
@pytest.mark.parametrize("deed", ["context", "fpstate"])
def test_user_forges_where_its_registers_are(attack: Callable[..., object], deed: str, at: int) -> None:
    """It ends, and its kernel is told: in its place, as general protection."""
    assert attack("user", deed, SELF + at) == (Ending.EXIT, "", trap("user", 13))


@pytest.mark.parametrize("at", FAR, ids=hex)
@pytest.mark.parametrize("deed", ["context", "fpstate"])
def test_user_forges_where_the_monitor_looks(attack: Callable[..., tuple[Ending, str, str]], deed: str,
                                             at: int) -> None:
    """The next return to user mode is the monitor's."""
    ending, message, said = attack("user", deed, SELF + at, more=" escape.refer=1")
    assert (ending, message) == (Ending.EXIT, "")
    first, _, rest = said.partition("\n")
    assert re.fullmatch(r"user call \d+", first) and rest == trap("user", 13)


@pytest.mark.parametrize("at", [0x4000, 0x4008, 0x4001], ids=hex)
def test_user_forges_floating_point(attack: Callable[..., tuple[Ending, str, str]], at: int) -> None:
    """Every bit set, which no processor loads: the kernel does not fall over it."""
    ending, message, said = attack("user", "fpstate", SELF + at)
    assert (ending, message) == (Ending.EXIT, "")
    assert re.fullmatch(r"user call 0\nuser trap \d+ error \w+ address \w+\nend\n", said), said


BAD = r"user trap \d+ error \w+ address \w+"


@pytest.mark.parametrize(("what", "expected"), [
    ("", "user trap 6 error 0 address 0"), ("_none", "user trap 6 error 0 address 0"), ("_mxcsr", BAD), ("_bits", BAD),
    ("_header", BAD), ("_size", BAD), ("_end", BAD), ("_misaligned", BAD), ("_nowhere", BAD),
])  # fmt: skip
def test_user_returns_to_a_bad_frame(attack: Callable[..., tuple[Ending, str, str]], what: str, expected: str) -> None:
    """What Linux does not take ends the process, or is another signal for it; the next one is as good."""
    ending, message, said = attack("user", "return" + what, 0)
    assert (ending, message) == (Ending.EXIT, "")
    first, _, rest = said.partition("\n")
    assert re.fullmatch(expected, first) and rest == trap("user", 0).partition("\n")[2], said


#: Leaf, and of its ECX what must not be there, and what must: no FMA XSAVE OSXSAVE AVX F16C; GFNI and RDPID at most;
#: OpenVMIlinux; nothing of XSAVE.
HIDDEN = [(1, 0x3C001000, 0x80000000), (7, ~0x00400100, 0), (0x40000000, ~0x6C494D56, 0x6C494D56), (0xD, -1, 0)]


@pytest.mark.parametrize(("leaf", "hidden", "there"), HIDDEN)
@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_cpuid_tells_of_the_guests_processor(attack: Callable[..., tuple[Ending, str, str]], mode: str, leaf: int,
                                             hidden: int, there: int) -> None:
    """The deed makes its answer the number of a system call."""
    if not next(feature for feature in features.FEATURES if feature.name == "CPUID faulting").found():
        pytest.skip("the host cannot have CPUID fault")
    ending, message, said = attack(mode, "cpuid", leaf)
    found = re.match(r"user call (\d+)\n", said) if mode == "user" else re.search(r"\(number (\d+)\)", message)
    assert found and ending is (Ending.EXIT if mode == "user" else Ending.CRASH)
    answer = int(found[1])
    assert not answer & hidden and answer & there == there


@pytest.mark.parametrize("mode", ["kernel", "user"])
def test_spins_for_ever(attack: Callable[..., object], mode: str) -> None:
    assert attack(mode, "spin", 0, timeout=0.2) == (Ending.TIMEOUT, "the guest did not end within 0.2 s", "")
