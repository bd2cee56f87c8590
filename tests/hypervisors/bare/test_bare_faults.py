# SPDX-License-Identifier: MIT
"""Guests that misbehave, machines that a PC cannot be, and a QEMU that is ended from outside."""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Callable

import pytest
from attrs import evolve

from openvmi.errors import OpenVmiError, RefusedError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors import get
from openvmi.hypervisors.bare.machine import BareMachine
from openvmi.hypervisors.base import Ending, MachineConfig
from openvmi.running import Request
from openvmi.running import run as run_request
from openvmi.status import Status, status_of
from tests.consoles import at_first
from tests.hypervisors.bare.conftest import Ran

Run = Callable[..., Ran]
Make = Callable[..., BareMachine]
MIB = 1 << 20


@pytest.mark.parametrize("deed", ["gate", "stack", "tables"])
def test_triple_fault(run: Run, hostile: GuestImage, deed: str) -> None:
    outcome = run(hostile, f"hostile.do={deed}").outcome
    assert outcome.ending is Ending.CRASH and outcome.message.startswith("triple fault")
    assert outcome.crash and outcome.crash.registers and outcome.crash.registers.cs == 8
    assert outcome.crash.registers.cr3 and not outcome.crash.registers.user
    named = [hostile.symbols().lookup(address) for address in outcome.crash.backtrace]
    assert "vmi_main" in [name[0] for name in named if name]


def test_reported_crash(hostile: GuestImage) -> None:
    """QEMU has ended by then: the guest's report is read from the memory that it left."""
    said = bytearray()
    result = run_request(Request("hostile", on="bare", options="hostile.do=load"), lambda data: not said.extend(data))
    assert result.status == Status.CRASH and "vector 14" in result.outcome.message and b"panic" in said
    assert result.outcome.crash and result.outcome.crash.registers
    assert result.outcome.crash.registers.cr2 == 0x5EAD_0000_0000


def test_refusal_of_the_guest(run: Run, hostile: GuestImage) -> None:
    ran = run(hostile, "vmi.disable=nonsense")
    assert ran.outcome.ending is Ending.REFUSED and b"nonsense" in ran.said


@pytest.mark.parametrize("deed", ["jump", "deep", "write-rom", "jump-rom", "bad-calls", "unknown"])
def test_other_deeds_end(run: Run, hostile: GuestImage, deed: str) -> None:
    assert run(hostile, f"hostile.do={deed}", timeout=10.0).outcome.ending in (Ending.CRASH, Ending.EXIT)


def test_restart_and_reset(run: Run, case: GuestImage) -> None:
    assert run(case, "case.do=restart").outcome.ending is Ending.REBOOT
    outcome = run(case, "case.do=reset").outcome
    assert outcome.ending is Ending.CRASH and "other means than Shutdown" in outcome.message


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_qemu_ended_from_outside(make: Make, hostile: GuestImage, number: signal.Signals) -> None:
    machine = make(hostile, "hostile.do=spin", console=at_first(lambda: os.kill(machine.qemu.pid, number)))
    with pytest.raises(OpenVmiError, match=r"QEMU .* in the middle") as caught:
        machine.run()
    assert status_of(caught.value) is Status.TOOL
    word = "signal 15" if number is signal.SIGTERM else number.name
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"memory": 15 * MIB}, "15728640 bytes.*16 to 3072 MiB.*--memory"),
        ({"memory": 3073 * MIB}, "--memory"),
        ({"memory": 64 * MIB + 4096}, "multiple of 1 MiB.*--memory"),
        ({"command_line": "x" * 4096}, "4096 bytes.*at most 4095"),
        ({"command_line": "a\0b"}, "without NUL"),
        ({"command_line": "\u00e4"}, "ASCII"),
        ({"modules": (("a", b""), ("b", b""))}, "2 boot modules"),
    ],
)
def test_refused_configurations(hello: GuestImage, values: dict[str, object], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        get("bare").create(MachineConfig(**{"guest": hello, "rom": None, **values}))  # type: ignore[arg-type]


def test_image_that_does_not_fit(hello: GuestImage) -> None:
    *first, last = hello.segments
    large = evolve(last, memory_size=14 * MIB)
    guest = evolve(hello, segments=(*first, large), image_end=hello.image_start + 15 * MIB, window=0x5000_0000)
    with pytest.raises(RefusedError, match="at least --memory"):
        get("bare").create(MachineConfig(guest=guest, rom=None, memory=17 * MIB))


def _with_note(guest: GuestImage, number: int, entry: bytes) -> GuestImage:
    """The guest with another number and contents in its PVH note."""
    at = guest.data.index(struct.pack("<III4s", 4, 4, 18, b"Xen\0"))
    note = struct.pack("<I4s4s", number, b"Xen\0", entry)
    return evolve(guest, data=guest.data[: at + 8] + note + guest.data[at + 20 :])


def test_guest_without_pvh_entry(hello: GuestImage) -> None:
    with pytest.raises(RefusedError, match=r"older libvmi.*build it again"):
        get("bare").create(MachineConfig(guest=_with_note(hello, 17, bytes(4)), rom=None))


@pytest.mark.parametrize("entry", [0, 0x20_0000, 0x4000_2000, 0xFFFF_FFFF])
def test_pvh_entry_outside_code(hello: GuestImage, entry: int) -> None:
    with pytest.raises(RefusedError, match=f"PVH entry is guest-physical {entry:#x}"):
        get("bare").create(MachineConfig(guest=_with_note(hello, 18, entry.to_bytes(4, "little")), rom=None))
