# SPDX-License-Identifier: MIT
"""The real guest on the real Xen: boot shim, ROM and class together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.errors import OpenVmiError, RefusedError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.xen.machine import XenMachine
from openvmi.matrix import run_everywhere
from openvmi.rom.image import RomImage
from openvmi.running import NO_ROM, Request, read_link
from openvmi.running import run as run_request
from openvmi.status import Status
from openvmi.units import TextOffset
from tests.consoles import at_first
from tests.hypervisors.test_differential import said
from tests.hypervisors.xen.conftest import Ran

pytestmark = pytest.mark.needs("qemu-system-x86_64", "/boot/xen*.gz")
Run = Callable[..., Ran]
Make = Callable[..., XenMachine]


@pytest.mark.parametrize("deterministic", [True, False])
def test_every_check_passes(run: Run, hello: GuestImage, rom: RomImage, deterministic: bool) -> None:
    ran = run(hello, rom, deterministic=deterministic)
    assert (ran.outcome.ending, ran.outcome.code) == (Ending.EXIT, 0), ran.outcome.message + ran.said.decode()
    assert ran.said.startswith(b"vmi: 4.1 on xen, ROM xen, ") and b"hello from ring 3 on xen, ROM xen" in ran.said
    assert b"FAIL" not in ran.said and ran.said.endswith(b"0 checks failed\n")
    link = read_link(hello, ran.machine)
    assert link and link.inline and link.call and link.sites == len(hello.records)


def test_says_what_it_says_on_emu() -> None:
    """But for which groups their ROMs have."""
    texts = [re.sub(r"^  group .*\n", "", said(on, None), flags=re.MULTILINE) for on in ("xen", "emu")]
    assert texts[0] == texts[1] and texts[0].count(" ok\n") == 16


def test_status(run: Run, hello: GuestImage, rom: RomImage) -> None:
    outcome = run(hello, rom, "hello.exit=7").outcome
    assert (outcome.ending, outcome.code, outcome.message) == (Ending.EXIT, 7, "")


def test_two_runs_are_equal(run: Run, hello: GuestImage, rom: RomImage) -> None:
    one, other = (run(hello, rom, "vmi.verbose") for _ in range(2))
    assert one.said and one.said == other.said


@pytest.mark.parametrize("mebibytes", [8, 3072])
def test_memory_sizes(run: Run, hello: GuestImage, rom: RomImage, mebibytes: int) -> None:
    ran = run(hello, rom, memory=mebibytes << 20)
    assert (ran.outcome.ending, ran.outcome.code) == (Ending.EXIT, 0), ran.said.decode()


def test_least_memory_for_a_module_is_enough(run: Run, hello: GuestImage, rom: RomImage) -> None:
    """What the refusal says to give is enough, for Xen and for the shim."""
    modules = (("m", bytes(30 << 20)),)
    with pytest.raises(RefusedError, match=r"at least --memory (\d+)M") as caught:
        run(hello, rom, memory=30 << 20, modules=modules)
    least = int(str(caught.value).rpartition(" ")[2].rstrip("M"))
    assert run(hello, rom, memory=least << 20, modules=modules).outcome.ending is Ending.EXIT


def test_crash_that_the_guest_reports() -> None:
    output = bytearray()
    result = run_request(Request("hostile", on="xen", options="hostile.do=load"), lambda data: not output.extend(data))
    assert result.status == Status.CRASH and "vector 14" in result.outcome.message and b"panic" in output
    assert result.outcome.crash and result.outcome.crash.registers
    assert result.outcome.crash.registers.cr2 == 0x5EAD_0000_0000


@pytest.mark.parametrize("deed", ["gate", "stack"])
def test_killed_by_xen(run: Run, hostile: GuestImage, rom: RomImage, deed: str) -> None:
    outcome = run(hostile, rom, f"hostile.do={deed}").outcome
    assert outcome.ending is Ending.CRASH and "Xen ended the guest: " in outcome.message
    assert outcome.crash and outcome.crash.registers and outcome.crash.registers.cs == 0xE033
    named = [hostile.symbols().lookup(address) for address in outcome.crash.backtrace]
    assert "vmi_main" in [name[0] for name in named if name]


@pytest.mark.parametrize("deed", ["jump", "deep", "write-rom", "jump-rom", "bad-calls", "unknown", "tables"])
def test_other_deeds_end(run: Run, hostile: GuestImage, rom: RomImage, deed: str) -> None:
    assert run(hostile, rom, f"hostile.do={deed}", timeout=20.0).outcome.ending in (Ending.CRASH, Ending.EXIT)


@pytest.mark.parametrize(("line", "words"), [
    ("vmi.disable=mmu", "whose group mmu is native"), ("vmi.disable=nonsense", "there is no such group"),
])  # fmt: skip
def test_refusal_of_the_guest(run: Run, hello: GuestImage, rom: RomImage, line: str, words: str) -> None:
    """By name, although it is not linked yet."""
    ran = run(hello, rom, line)
    assert ran.outcome.ending is Ending.REFUSED and ran.said.startswith(b"vmi: refused: vmi.disable"), ran.outcome
    assert words in ran.said.decode()


@pytest.mark.parametrize(("rom", "line", "words"), [(NO_ROM, "", "Xen runs no kernel that stays native"),
                                                    (None, "vmi=off", "leave vmi=off away"),
                                                    ("emu", "", "ROM emu is for the hypervisor emu")])
def test_refused_before_it_starts(rom: str | None, line: str, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        run_request(Request("hello", on="xen", rom=rom, options=line), lambda data: True)


def test_stop_and_time_limit(make: Make, run: Run, hostile: GuestImage, rom: RomImage) -> None:
    machine = make(hostile, rom, "hostile.do=flood", console=lambda data: machine.stop())
    assert machine.run().ending is Ending.INTERRUPTED
    ran = run(hostile, rom, "hostile.do=spin", timeout=2.0)
    assert ran.outcome.ending is Ending.TIMEOUT and b"hostile: spin" in ran.said


def test_qemu_killed(make: Make, hostile: GuestImage, rom: RomImage) -> None:
    machine = make(hostile, rom, "hostile.do=spin", console=at_first(lambda: os.kill(machine.qemu.pid, signal.SIGKILL)))
    with pytest.raises(OpenVmiError, match=r"QEMU .* in the middle .*SIGKILL"):
        machine.run()


def test_ctrl_c() -> None:
    """The front end as a process: one interrupt ends it, and nothing is left."""
    command = [sys.executable, "-c", "from openvmi.cli.entry import main; main()",
               "run", "hostile", "--on", "xen", "--append", "hostile.do=spin"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout
            while b"hostile: spin" not in process.stdout.readline():
                assert process.poll() is None
            children = set(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == Status.INTERRUPTED
        finally:
            process.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert children


class _Quiet:
    def begins(self, *place: object) -> None:
        """As Watcher."""

    def ended(self, row: object) -> None:
        """As Watcher."""


def test_matrix_has_one_row() -> None:
    rows = run_everywhere(Request("hello", deterministic=True), _Quiet()).rows
    on_xen = [row for row in rows if row.place.hypervisor == "xen"]
    assert [(row.place.rom, row.status) for row in on_xen] == [("xen", 0)]


def test_crash_in_the_rom() -> None:
    """A pointer that leads nowhere, followed by the ROM: the report names the place in its text."""
    result = run_request(Request("hostile", on="xen", options="hostile.do=bad-calls"), lambda data: True)
    crash = result.outcome.crash
    assert result.status == Status.CRASH and crash and crash.registers
    assert crash.registers.cr2 == 0x5EAD_0000_0000 and result.rom
    place = result.rom.symbol_at(TextOffset(crash.registers.rip - result.guest.window))
    assert place.split("+")[0] == "info"
