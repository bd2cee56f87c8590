# SPDX-License-Identifier: MIT
"""A machine from the outside: refusals, console, stopping, time limit, pausing, what a crash leaves."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from openvmi.abi.names import Error
from openvmi.errors import RefusedError
from openvmi.hypervisors import get, names
from openvmi.hypervisors.base import Ending, Mark
from openvmi.hypervisors.emu import private
from openvmi.units import Gva, Nanoseconds
from tests.hypervisors.emu.cases import Cases, Ran, change_leaf, make, writable
from tests.machine.fakes import FakeRom, config

Run = Callable[..., Ran]


def test_known_and_available() -> None:
    assert "emu" in names()
    emu = get("emu")
    found = emu.available()
    assert (emu.name, emu.default_rom, found.usable) == ("emu", "emu", True)
    assert found.versions["unicorn"] == "2.1.4"


def test_importing_it_is_cheap() -> None:
    code = (
        "import sys, openvmi.hypervisors.emu as emu; emu.HYPERVISOR.available();"
        " sys.exit('unicorn' in sys.modules or 'capstone' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


def test_private_numbers_are_the_roms(top: Path) -> None:
    header = (top / "roms" / "emu" / "private.h").read_text()
    found = re.findall(r"^#define (EMU_\w+) (0x[0-9a-f]+|\d+)\b", header, re.M)
    numbers = {name: int(value, 0) for name, value in found}
    assert numbers and numbers == {name: value for name, value in vars(private).items() if name.startswith("EMU_")}


def test_foreign_rom_is_refused(cases: Cases) -> None:
    with pytest.raises(RefusedError, match="for the hypervisor xen"):
        make(cases, "exit", rom=FakeRom(hypervisor="xen"))


def test_guest_that_does_not_fit_is_refused(cases: Cases) -> None:
    guest = evolve(cases.guest("exit"), window=Gva(0x4000_0000))
    with pytest.raises(RefusedError, match="overlaps"):
        get("emu").create(config(guest=guest))
    with pytest.raises(RefusedError, match="--memory"):
        make(cases, "exit", memory=1 << 20)


def test_stop_from_another_thread(cases: Cases) -> None:
    machine, _ = make(cases, "spin", timeout=60.0)
    with machine:
        threading.Timer(0.05, machine.stop).start()
        outcome = machine.run()
    assert outcome.ending is Ending.INTERRUPTED and outcome.run_ms < 2000


def test_stop_while_idle(cases: Cases) -> None:
    machine, _ = make(cases, "hang", timeout=60.0, deterministic=False)
    with machine:
        threading.Timer(0.05, machine.stop).start()
        assert machine.run().ending is Ending.INTERRUPTED


@pytest.mark.parametrize("case", ["spin", "hang"])
def test_time_limit(run: Run, case: str) -> None:
    ran = run(case, timeout=0.1, deterministic=False)
    assert ran.outcome.ending is Ending.TIMEOUT and "0.1 s" in ran.outcome.message
    assert 100 <= ran.outcome.run_ms < 2000


def test_pause_and_resume(cases: Cases) -> None:
    machine, _ = make(cases, "spin", timeout=60.0)
    with machine:
        thread = threading.Thread(target=machine.run)
        thread.start()
        time.sleep(0.02)
        machine.pause()
        before = machine.vcpu.cpu.instructions
        time.sleep(0.03)
        assert machine.vcpu.cpu.instructions == before
        machine.resume()
        time.sleep(0.05)
        machine.stop()
        thread.join(5)
        assert not thread.is_alive() and machine.vcpu.cpu.instructions > before


def test_console_both_ways(cases: Cases) -> None:
    machine, said = make(cases, "echo", deterministic=False)
    with machine:
        machine.send_console(b"hello, ")
        threading.Timer(0.05, machine.send_console, [b"a longer piece of input."]).start()
        outcome = machine.run()
    assert (outcome.ending, outcome.code, bytes(said)) == (Ending.EXIT, 3, b"hello, a longer piece of input.")
    assert 0 < outcome.boot_ms <= outcome.run_ms


def test_calls(run: Run) -> None:
    ran = run("calls")
    probed, absent, size, unknown, pat, lstar, wall = ran.words("seen", 7, 5)
    assert size == 2
    assert unknown == lstar == int(Error.NOT_SUPPORTED) & 2**64 - 1
    assert probed == absent == unknown, "the ROM answers Probe by itself"
    assert pat == 0x0007_0406_0007_0406
    assert wall // 10**9 == 1_577_836_800
    text = ran.machine.read_memory(Gva(ran.symbols["buffer"]), 32)
    assert text is not None and text[:3] == b"9.\0" and text[20:32] == b"OpenVMIemu\0\0"
    assert ran.outcome.exits["unknown call"] == 3


def test_mark_and_exit_code(run: Run) -> None:
    ran = run("mark")
    assert ran.outcome.marks == [Mark(17, 34, 4, Nanoseconds(4))]
    assert ran.outcome.code == 63, "a larger code is taken as 63"


def test_descriptors(run: Run) -> None:
    good, bad, beyond, loaded = ran = run("descriptors").words("seen", 4, 5)
    assert len(ran) == 4 and good == 0 and loaded == 0x33
    assert bad == beyond == int(Error.INVALID) & 2**64 - 1


def test_crash_report(run: Run) -> None:
    outcome = run("crash").outcome
    assert outcome.ending is Ending.CRASH and outcome.crash is not None
    assert outcome.crash.reason.startswith("it went away (vector 14, error code 0x2)")
    assert "ROM's window" in outcome.crash.reason
    registers = outcome.crash.registers
    assert registers is not None
    assert (registers.rip, registers.general["rsp"]) == (0x1111, 0x2222)
    assert (registers.cr2, registers.cr3) == (0x4010_0010, 0x5000)
    assert registers.general["rbx"] == 1 and registers.general["r15"] == 14


def test_writing_the_rom_is_a_page_fault(run: Run) -> None:
    ran = run("rom_write")
    assert ran.outcome.ending is Ending.CRASH and "page fault (vector 14, error code 0x3" in ran.outcome.message


def test_writing_the_rom_through_a_page_of_its_own_is_a_crash(run: Run) -> None:
    ran = run("rom_write", prepare=lambda machine: change_leaf(machine, 0x4010_0000, writable))
    assert ran.outcome.ending is Ending.CRASH and "wrote the ROM's text" in ran.outcome.message
    text = ran.machine.vcpu.memory.read(0xF000_0000, 1)
    assert text == b"\xc3"


def test_memory_that_does_not_exist(run: Run) -> None:
    ran = run("no_memory", prepare=lambda m: change_leaf(m, 0x1_FEE0_0000, lambda entry: 0x5000_0003))
    assert ran.outcome.ending is Ending.CRASH and "guest-physical 0x50000000" in ran.outcome.message


def test_no_hypercalls_without_rom(run: Run) -> None:
    ran = run("exit", rom=None, timeout=0.2)
    assert ran.outcome.ending is not Ending.EXIT and "shutdown" not in ran.outcome.exits
