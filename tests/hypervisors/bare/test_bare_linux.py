# SPDX-License-Identifier: MIT
"""Linux kernels on a PC: what they get, how they end, what is refused before. By a bzImage that does as it is told."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from openvmi.classic.image import ClassicRom
from openvmi.classic.outcome import find_image
from openvmi.cli import main
from openvmi.errors import OpenVmiError, RefusedError
from openvmi.guest.build import build
from openvmi.guest.linux import LinuxImage
from openvmi.hypervisors import get
from openvmi.hypervisors.bare.linux import BareLinux
from openvmi.hypervisors.base import Ending, LinuxConfig, Outcome, boots_linux
from openvmi.machine.qemu import installation
from openvmi.units import Gpa, Gva
from tests.consoles import at_first

MIB = 1 << 20
MEMTEST = Path("/boot/memtest86+ia32.bin")
FOUND = "say=VMI:~Found~OpenVMI~classic-full,~API~version~3.0,~ROM~version~1.0"
Make = Callable[..., BareLinux]
Run = Callable[..., tuple[Outcome, bytes]]


@pytest.fixture(scope="module")
def kernel(top: Path, tmp_path_factory: pytest.TempPathFactory) -> LinuxImage:
    """The bzImage of these tests."""
    image = build(Path(__file__).parent / "linux", tmp_path_factory.mktemp("linux") / "speaker.bzimage",
                  top / "build" / "cache")
    assert isinstance(image, LinuxImage)
    return image


@pytest.fixture(scope="module")
def rom(top: Path) -> ClassicRom:
    """One that is right."""
    return ClassicRom.load(top / "build" / "roms" / "classic-full.rom")


@pytest.fixture
def make(kernel: LinuxImage) -> Iterator[Make]:
    """Makes machines that end with the test."""
    with ExitStack() as stack:

        def create(line: str = "", **values: Any) -> BareLinux:
            hypervisor = get("bare")
            assert boots_linux(hypervisor)
            config = LinuxConfig(**{"kernel": kernel, "rom": None, "command_line": line, "timeout": 20.0, **values})
            return stack.enter_context(hypervisor.create_linux(config))

        yield create


@pytest.fixture
def run(make: Make) -> Run:
    """Runs it to its end; the outcome and what it said."""

    def start(line: str = "", **values: Any) -> tuple[Outcome, bytes]:
        said = bytearray()
        return make(line, console=said.extend, **values).run(), bytes(said)

    return start


# ---- what the kernel gets ----


def test_console_is_the_serial_port(run: Run) -> None:
    assert run("about=line exit=0")[1] == b"line: about=line exit=0 console=ttyS0 earlyprintk=serial\n"
    assert run("about=line exit=0 console=tty0")[1] == b"line: about=line exit=0 console=tty0\n"


def test_processor(run: Run) -> None:
    assert run("about=cpus about=pae exit=0", cpus=3)[1] == b"cpus: 3\npae: 1\n"


def test_initrd(run: Run) -> None:
    assert run("about=initrd exit=0", initrd=b"contents" * 1000)[1] == b"initrd: 8000 contents\n"
    assert run("about=initrd exit=0")[1] == b"initrd: 0 \n"


def test_input(make: Make) -> None:
    said = bytearray()
    machine = make("echo exit=5", console=said.extend)
    machine.send_console(b"typed\n")
    assert (machine.run().code, bytes(said)) == (5, b"typed\n")


def test_deterministic(run: Run) -> None:
    assert run("about=cpus exit=1", cpus=2, deterministic=True)[0].code == 1
    assert run("about=cpus exit=1", deterministic=True, exact=True)[0].code == 1


def test_either_qemu(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in installation.PROGRAMS_I386:
        monkeypatch.setattr(installation, "PROGRAMS_I386", (program, "qemu-system-none"))
        assert run("about=pae exit=0")[1] == b"pae: 1\n"


# ---- how it ends ----


@pytest.mark.parametrize(("line", "ending", "code", "message"), [
    ("exit=0", Ending.EXIT, 0, ""), ("exit=63", Ending.EXIT, 63, ""),
    ("exit=65", Ending.REBOOT, 0, "the guest asked to be started again"),
    ("power", Ending.EXIT, 0, ""),
    ("reset", Ending.REBOOT, 0, "the kernel restarted the machine"),
    ("fault", Ending.CRASH, 0, "triple fault: a processor could not deliver a fault to the kernel, and the machine"
                               " was reset"),
])
def test_endings(run: Run, line: str, ending: Ending, code: int, message: str) -> None:
    outcome, said = run(f"say=here {line}")
    assert (outcome.ending, outcome.code, outcome.message, said) == (ending, code, message, b"here\n")
    assert (outcome.crash is not None) == (ending is Ending.CRASH)
    assert 0 < outcome.boot_ms < outcome.run_ms


def test_time_limit(run: Run) -> None:
    outcome, _ = run("say=Oops halt", timeout=0.7)
    assert (outcome.ending, outcome.message) == (Ending.TIMEOUT, "the guest did not end within 0.7 s")


PANIC = "Kernel panic - not syncing: VFS: Unable to mount root fs"


@pytest.mark.parametrize("end", ["halt", "reset", "fault", "say=---[~end~Kernel~panic~-~not~syncing halt"])
def test_panic(run: Run, end: str) -> None:
    """It ends the run: a kernel waits for ever then, or starts again."""
    began = time.monotonic()
    outcome, _ = run(f"say=<0>[~~~~1.500000]~{PANIC.replace(' ', '~')} {end}")
    assert (outcome.ending, outcome.message) == (Ending.CRASH, PANIC)
    assert outcome.crash and outcome.crash.reason == PANIC and time.monotonic() - began < 10


def test_panic_beyond_the_time_limit(run: Run) -> None:
    outcome, _ = run(f"say={PANIC.replace(' ', '~')} halt", timeout=0.7)
    assert (outcome.ending, outcome.message) == (Ending.CRASH, PANIC)


def test_whoever_goes_on_did_not_panic(run: Run) -> None:
    assert run(f"say={PANIC.replace(' ', '~')} say=more exit=4")[0].code == 4
    outcome, _ = run(f"say=I~saw~{PANIC.replace(' ', '~')} halt", timeout=2.5)
    assert outcome.ending is Ending.TIMEOUT, "a line that only quotes one"


def test_stop_and_pause(make: Make) -> None:
    machine = make("say=here halt", console=lambda data: machine.stop())
    assert machine.run().ending is Ending.INTERRUPTED
    machine.pause()
    machine.resume()


def test_killed_from_outside(make: Make) -> None:
    machine = make("say=here halt", console=at_first(lambda: os.kill(machine.qemu.pid, signal.SIGKILL)))
    with pytest.raises(OpenVmiError, match="ended in the middle of the run"):
        machine.run()


# ---- memory and ROM ----


def test_memory_stays_readable(make: Make, kernel: LinuxImage) -> None:
    machine = make("exit=0", memory=16 * MIB)
    machine.run()
    code = kernel.data[kernel.setup_size:]
    assert machine.read_physical(Gpa(MIB), len(code)) == code == machine.read_memory(Gva(0xC0100000), len(code))
    assert machine.read_physical(Gpa(16 * MIB), 1) is None and machine.read_memory(Gva(MIB), 1) is None


def test_firmware_places_a_good_rom_only(make: Make, rom: ClassicRom) -> None:
    machine = make("exit=0", rom=rom)
    machine.run()
    placed = find_image(rom, machine.read_physical)
    assert placed is not None and machine.read_physical(placed, len(rom.data)) == rom.data
    bad = ClassicRom.read(rom.data[:-1] + bytes([rom.data[-1] ^ 1]))
    machine = make("exit=0", rom=bad)
    machine.run()
    assert find_image(bad, machine.read_physical) is None


def test_too_large_a_rom_is_not_placed(make: Make, rom: ClassicRom) -> None:
    data = bytearray(rom.data) + bytes(255 * 512 - len(rom.data))
    data[2] = 255
    data[-1] = -sum(data) & 0xFF
    large = ClassicRom.read(bytes(data))
    machine = make("exit=0", rom=large)
    machine.run()
    assert find_image(large, machine.read_physical) is None


# ---- refused before it starts ----


@pytest.mark.parametrize(("values", "said"), [
    ({"memory": 15 * MIB}, "must be a multiple of 1 MiB from 16 to 3072 MiB"),
    ({"memory": 16 * MIB + 1}, "must be a multiple of 1 MiB"),
    ({"memory": 3073 * MIB}, "from 16 to 3072 MiB"),
    ({"cpus": 0}, "0 processors asked for; on bare there are 1 to 32"),
    ({"cpus": 33}, "33 processors asked for"),
    ({"command_line": "é"}, "must be ASCII without NUL"),
    ({"command_line": "a\0b"}, "must be ASCII without NUL"),
    ({"command_line": "x" * 2015}, "has 2048 bytes; on bare it must be ASCII without NUL and at most 2047 bytes"),
    ({"initrd": bytes(14 * MIB), "memory": 16 * MIB}, "what they may use ends at 15728640"),
])
def test_refused(make: Make, values: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        make(**values)
    assert said in str(caught.value)


@pytest.mark.parametrize(("changes", "values", "said"), [
    ({"is_64bit": True}, {}, "a kernel of 64 bits"),
    ({"command_line_limit": 255}, {"command_line": "x" * 223}, "has 256 bytes; on bare it must be"),
    ({"command_line_limit": 1 << 31}, {"command_line": "x" * 4096}, "at most 4095 bytes"),
    ({"initrd_end": 2 * MIB}, {"initrd": bytes(MIB)}, "what they may use ends at 2097153"),
])
def test_refused_by_the_header(make: Make, kernel: LinuxImage, changes: dict[str, Any], values: dict[str, Any],
                               said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        make(kernel=evolve(kernel, **changes), **values)
    assert said in str(caught.value)


def test_limits_themselves_are_fine(run: Run, kernel: LinuxImage) -> None:
    assert run("exit=7 " + "x" * 2007)[0].code == 7
    assert run("exit=7", cpus=32, memory=16 * MIB, initrd=bytes(12 * MIB))[0].code == 7


# ---- the whole command ----


def test_command(kernel: LinuxImage, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    record = tmp_path / "record"
    assert main.run(["run", kernel.path, "--on", "bare", "--rom", "classic-full", "--json", str(record), "--append",
                     f"{FOUND} say=Booting~paravirtualized~kernel~on~vmi exit=3 console=x"]) == 3
    out, told = capfd.readouterr()
    assert out.splitlines() == ["VMI: Found OpenVMI classic-full, API version 3.0, ROM version 1.0",
                                "Booting paravirtualized kernel on vmi"]
    about = json.loads(record.read_text())
    classic = about["classic"]
    assert 0xC0000 <= classic["placed"] < 0xE0000 and classic["accepted"] and classic["activated"]
    assert classic["found"] == out.splitlines()[0] and classic["findings"] == []
    assert (about["guest"], about["rom"], about["rom_licence"]) == ("speaker", "classic-full", "GPL")
    assert about["kernel_version"] == kernel.version and about["link"] is None
    assert told.splitlines() == [f"openvmi: ROM classic-full: firmware put it at {classic['placed']:#x}; the kernel "
                                 "accepted it and runs on it", *(f"  kernel: {line}" for line in out.splitlines())]


def test_command_without_rom(kernel: LinuxImage, capfd: pytest.CaptureFixture[str]) -> None:
    for choice in ([], ["--rom", "none"]):
        assert main.run(["run", kernel.path, "--append", "say=native exit=0", *choice]) == 0
        assert capfd.readouterr() == ("native\n", "")


@pytest.mark.needs(str(MEMTEST))
def test_kernel_of_somebody_else(make: Make) -> None:
    """Memtest86+ is no Linux, but a bzImage, with a console on the serial port."""
    said = bytearray()

    def hear(data: bytes) -> None:
        said.extend(data)
        if b"Status: Testing" in said:
            machine.stop()

    machine = make(kernel=LinuxImage.load(MEMTEST), console=hear)
    assert machine.run().ending is Ending.INTERRUPTED and b"Memtest86+" in said


@pytest.mark.needs(str(MEMTEST))
def test_kernel_of_64_bits_of_somebody_else(make: Make) -> None:
    with pytest.raises(RefusedError, match="a kernel of 64 bits"):
        make(kernel=LinuxImage.load(MEMTEST.with_name("memtest86+x64.bin")))
