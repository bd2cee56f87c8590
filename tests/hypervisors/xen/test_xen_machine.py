# SPDX-License-Identifier: MIT
"""What the class does with a Xen, whose guest is a PV kernel of these tests in place of the boot shim."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from openvmi import resources
from openvmi.errors import BadFileError, OpenVmiError, RefusedError, UnavailableError
from openvmi.guest import elf
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.xen import checks
from openvmi.hypervisors.xen import machine as xen
from openvmi.hypervisors.xen.machine import XenMachine
from openvmi.rom.emit import contents_of, emit
from openvmi.rom.image import RomImage
from openvmi.rom.load import load_current
from openvmi.status import Status, status_of
from openvmi.units import Gva
from tests.consoles import at_first

pytestmark = pytest.mark.needs("qemu-system-x86_64", "/boot/xen*.gz")
Alone = Callable[..., XenMachine]
ENOUGH = 20.0  # seconds after which something counts as hanging
WORDS = b"(XEN) a\r\n(XEN) [b] \n\r\r\n(XEN) ["


@pytest.mark.parametrize("deterministic", [True, False])
def test_output_is_exact_and_the_record_is_read(alone: Alone, deterministic: bool) -> None:
    said = bytearray()
    machine = alone("b", console=said.extend, deterministic=deterministic)
    outcome = machine.run()
    assert (outcome.ending, outcome.code, outcome.message, outcome.crash) == (Ending.EXIT, 7, "", None)
    assert bytes(said) == bytes(range(256)) + WORDS
    assert 0 < outcome.boot_ms <= outcome.run_ms
    assert (outcome.exits, outcome.instructions, outcome.marks) == ({}, None, [])


def test_two_runs_are_equal(alone: Alone) -> None:
    logs = []
    for _ in range(2):
        machine = alone("b")
        machine.run()
        logs.append(list(machine._console.lines))
    assert len(logs[0]) > 30 and logs[0] == logs[1]


@pytest.mark.parametrize("mebibytes", [8, 64, 333, 3072])
def test_guest_memory_is_exact(alone: Alone, mebibytes: int) -> None:
    said = bytearray()
    outcome = alone("m", memory=mebibytes << 20, console=said.extend).run()
    assert outcome.ending is Ending.EXIT and int(said) == mebibytes << 8


def test_a_module_is_part_of_the_memory(alone: Alone) -> None:
    said = bytearray()
    alone("m", memory=32 << 20, modules=(("m", os.urandom(20 << 20)),), console=said.extend).run()
    assert int(said) == 32 << 8


def test_killed_by_xen(alone: Alone, kernel: bytes) -> None:
    """It is over at once, not after the five seconds that Xen waits."""
    said = bytearray()
    machine = alone("c", console=said.extend, deterministic=False)
    outcome = machine.run()
    assert outcome.ending is Ending.CRASH and outcome.run_ms - outcome.boot_ms < 3000
    assert outcome.message.startswith("Xen ended the guest: d0v0 Unhandled: vec 14, #PF[0002]")
    assert bytes(said) == b"unfinished"
    assert outcome.crash and outcome.crash.reason == outcome.message
    registers = outcome.crash.registers
    assert registers and registers.cr2 == registers.general["rax"] == 0x5EAD_0000_0000
    _, headers = elf.program_headers(kernel)
    load = headers[0]
    code = range(load.virtual, load.virtual + load.memory_size)
    assert registers.rip in code and len(outcome.crash.backtrace) == 2
    assert all(address in code for address in outcome.crash.backtrace)
    text = machine.read_memory(registers.rip, 4)
    assert text and text in kernel


def test_crash_that_is_recorded(alone: Alone) -> None:
    outcome = alone("t").run()
    assert (outcome.ending, outcome.message) == (Ending.CRASH, "because")
    assert outcome.crash and outcome.crash.registers is None


@pytest.mark.parametrize(("deed", "words"), [("r", "Hardware Dom0 shutdown: rebooting"), ("h", "Hardware Dom0 halted")])
def test_no_last_word(alone: Alone, deed: str, words: str) -> None:
    outcome = alone(deed).run()
    assert outcome.ending is Ending.CRASH and "by other means than Shutdown" in outcome.message
    assert words in outcome.message and "Xen version" not in outcome.message


def test_memory_after_the_end(alone: Alone, kernel: bytes) -> None:
    machine = alone("b")
    assert machine.read_memory(Gva(0xFFFF_C000_0000_1000), 1) is None
    machine.run()
    assert machine.read_memory(Gva(0xFFFF_C000_0000_0000 + 256), 4) == b"EXIT"
    hole = checks.HOLE
    for address, size in [(0, 1), (hole.start, 8), (hole.stop - 8, 8), (hole.start - 4, 8), (1 << 47, 1),
                          (0xFFFF_BFFF_FFFF_FFFF, 2), (2**64 - 1, 1)]:  # fmt: skip
        assert machine.read_memory(Gva(address), size) is None


@pytest.mark.parametrize("mebibytes", [64, 3072])
def test_slow_reader_gets_everything(alone: Alone, mebibytes: int) -> None:
    """Xen must wait for its port, not drop what comes too fast."""
    said = bytearray()

    def slowly(data: bytes) -> None:
        time.sleep(0.005)
        said.extend(data)

    assert alone("f", memory=mebibytes << 20, console=slowly).run().ending is Ending.EXIT
    assert bytes(said) == b"0123456789012345678901234567890123456789\n" * 4000


def test_console_input(alone: Alone) -> None:
    """None of it is taken for Xen's own keys, neither before the guest runs nor while it does. Xen takes 7 bits."""
    text = bytes(value for value in range(128) if value != ord(".")) * 3 + b"\1\1\1Rd0."
    said = bytearray()
    machine = alone("e", console=said.extend)
    machine.send_console(text)
    assert machine.run().ending is Ending.EXIT
    assert bytes(said) == text


def test_time_limit(alone: Alone) -> None:
    machine = alone("s", timeout=2.5)
    outcome = machine.run()
    assert outcome.ending is Ending.TIMEOUT and "2.5 s" in outcome.message and 2500 <= outcome.run_ms < 7000
    assert machine.read_memory(Gva(0xFFFF_C000_0000_1000), 8)
    assert not _alive(machine.qemu.pid)
    assert alone("s", timeout=0.1).run().message == "the guest did not end within 0.1 s; Xen had not started it yet"


def test_stop_and_pause(alone: Alone) -> None:
    begun = threading.Event()
    outcomes = []
    machine = alone("s", console=lambda data: begun.set())
    thread = threading.Thread(target=lambda: outcomes.append(machine.run()))
    thread.start()
    assert begun.wait(ENOUGH)
    machine.pause()
    assert machine.read_memory(Gva(0xFFFF_C000_0000_1000), 8)
    machine.resume()
    machine.stop()
    thread.join(ENOUGH)
    assert outcomes and outcomes[0].ending is Ending.INTERRUPTED and not _alive(machine.qemu.pid)


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_qemu_ended_from_outside(alone: Alone, number: signal.Signals) -> None:
    machine = alone("s", console=at_first(lambda: os.kill(machine.qemu.pid, number)))
    with pytest.raises(OpenVmiError, match=r"QEMU .* in the middle") as caught:
        machine.run()
    assert status_of(caught.value) is Status.TOOL


def test_a_shim_belongs_to_the_rom_beside_it(tmp_path: Path) -> None:
    """A ROM built elsewhere runs with its own shim, which is beside it, and with no other; without one, the usual one.

    A shim that the ROM does not name is covered by no signature: it could have been put there by anybody.
    """
    rom = load_current(resources.built("roms") / "xen.rom")
    usual = (resources.built("roms") / "xen.shim").read_bytes()
    assert xen.read_shim(None) == xen.read_shim(rom) == usual
    elsewhere = RomImage.parse(rom.data, str(tmp_path / "mine.rom"))
    assert xen.read_shim(elsewhere) == usual
    (tmp_path / "mine.shim").write_bytes(b"another")
    with pytest.raises(BadFileError, match=r"mine\.shim: a boot shim with SHA-256 .*keep the two .* side by side"):
        xen.read_shim(elsewhere)
    manifest = {name: value for name, value in rom.manifest.items() if name != "shim"}
    nameless = RomImage.parse(emit(evolve(contents_of(rom), manifest=manifest)), elsewhere.path)
    assert xen.read_shim(nameless) == usual


def test_a_kernel_that_xen_does_not_take(alone: Alone, kernel: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xen, "read_shim", lambda rom: kernel.replace(b"xen-3.0", b"xen-9.9"))
    with pytest.raises(OpenVmiError, match=r"^Xen .*gave up: Could not (construct|set up) (domain 0|DOM0)"):
        alone("b").run()


def test_memory_that_xen_finds_too_small(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = (("m", bytes(12 << 20)),)
    with pytest.raises(RefusedError, match="--memory"):
        alone("b", memory=12 << 20, modules=modules)
    monkeypatch.setattr(checks, "check_package", lambda *sizes: None)
    outcome = alone("b", memory=12 << 20, modules=modules).run()
    assert outcome.ending is Ending.REFUSED and "allocation is too small" in outcome.message
    assert "--memory" in outcome.message


def test_no_shim(make: Alone, hello: GuestImage, rom: RomImage, tmp_path: Path,
                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xen.resources, "built", lambda kind: tmp_path)
    with pytest.raises(UnavailableError, match=r"xen.shim: the boot shim of xen is not built; run: openvmi rom build"):
        make(hello, RomImage.parse(rom.data, str(tmp_path / "xen.rom")))


def test_nothing_is_left(alone: Alone) -> None:
    held = len(os.listdir("/proc/self/fd"))
    for deed in "bc":
        with alone(deed) as machine:
            machine.run()
        assert not _alive(machine.qemu.pid)
    assert len(os.listdir("/proc/self/fd")) == held
