# SPDX-License-Identifier: MIT
"""openvmi run with a Linux kernel: what goes to the machine, which hypervisor, and what is refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from attrs import define
from fakes import FakeHypervisor, FakeMachine

from openvmi.classic.image import ClassicRom
from openvmi.cli import main
from openvmi.errors import RefusedError
from openvmi.hypervisors.base import Availability, Crash, Ending, LinuxConfig, Outcome
from openvmi.units import Gpa


@define
class FakeLinux(FakeMachine):
    """With the ROM where firmware would put it."""

    def read_physical(self, address: Gpa, size: int) -> bytes | None:
        return self.config.rom.data.ljust(size, b"\0")[:size]


@define
class FakePc(FakeHypervisor):
    """Boots Linux kernels, too."""

    def create_linux(self, config: LinuxConfig) -> FakeLinux:
        if self.refusal:
            raise self.refusal
        self.machines.append(FakeLinux(config, self.outcome, self.memory))
        return self.machines[-1]


@pytest.fixture
def pc(known: dict[str, FakeHypervisor]) -> FakePc:
    """The one of two hypervisors that boots Linux kernels, and the one that is not preferred."""
    known["first"], known["pc"] = FakeHypervisor("first"), FakePc("pc")
    return known["pc"]


@pytest.fixture
def bzimage(tmp_path: Path) -> Path:
    """A kernel with a good header and nothing in it."""
    data = bytearray(2048)
    struct.pack_into("<BxxI", data, 0x1F1, 1, 64)
    struct.pack_into("<HH4sH", data, 0x1FE, 0xAA55, 0, b"HdrS", 0x0206)
    data[0x211] = 1
    (tmp_path / "vmlinuz.old").write_bytes(data)
    return tmp_path / "vmlinuz.old"


@pytest.fixture
def rom(top: Path) -> Path:
    """A ROM for the classic interface."""
    return top / "build" / "roms" / "classic-minimal.rom"


def test_everything_reaches_the_machine(pc: FakePc, bzimage: Path, rom: Path, tmp_path: Path) -> None:
    (tmp_path / "rd").write_bytes(b"initrd")
    (tmp_path / "typed").write_bytes(b"root\n")
    assert main.run(["run", str(bzimage), "--on", "pc", "--rom", str(rom), "--append", "quiet", "--memory", "32M",
                     "--initrd", str(tmp_path / "rd"), "--cpus", "2", "--timeout", "2.5", "--deterministic",
                     "--input", str(tmp_path / "typed")]) == 0
    machine, = pc.machines
    config = machine.config
    assert (config.kernel.data, config.rom.file) == (bzimage.read_bytes(), rom.read_bytes())
    assert (config.command_line, config.initrd, config.memory, config.cpus) == ("quiet", b"initrd", 32 << 20, 2)
    assert (config.timeout, config.deterministic, config.exact, machine.typed) == (2.5, True, False, [b"root\n"])
    assert machine.left


def test_defaults(pc: FakePc, bzimage: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The first hypervisor that boots Linux kernels, one processor, no ROM and nothing said about one."""
    assert main.run(["run", str(bzimage)]) == 0
    config = pc.machines[0].config
    assert (config.rom, config.initrd, config.cpus, config.memory) == (None, None, 1, 64 << 20)
    assert capfd.readouterr() == ("", "")


def test_report_comes_before_the_ending(pc: FakePc, bzimage: Path, rom: Path, tmp_path: Path,
                                        capfd: pytest.CaptureFixture[str]) -> None:
    def talk(machine: FakeMachine) -> Outcome:
        for part in (b"VMI: Found a b, API vers", b"ion 3.0, ROM version 1.2\r\nKernel panic"):
            machine.config.console(part)
        return Outcome(Ending.CRASH, message="Kernel panic", crash=Crash("Kernel panic"))

    pc.outcome = talk
    assert main.run(["run", str(bzimage), "--rom", str(rom), "--json", str(tmp_path / "r")]) == 120
    out, told = capfd.readouterr()
    assert out.endswith("Kernel panic") and told == (
        "openvmi: ROM classic-minimal: firmware put it at 0xc0000; the kernel accepted it, and does not say that it "
        "runs on it\n  kernel: VMI: Found a b, API version 3.0, ROM version 1.2\nopenvmi: crash: Kernel panic\n")
    record = json.loads((tmp_path / "r").read_text())
    assert (record["guest"], record["rom"], record["status"]) == ("vmlinuz", "classic-minimal", 120)
    assert record["crash"] == {"reason": "Kernel panic", "taint": "SURO", "backtrace": [], "registers": None}
    assert record["rom_sha256"] == ClassicRom.load(rom).sha256 and record["kernel_version"] is None
    assert record["classic"]["placed"] == 0xC0000 and record["classic"]["accepted"]
    assert record["classic"]["activated"] is False


def test_record_of_other_guests_has_the_same_keys(pc: FakePc, bzimage: Path, tiny_file: Path, tmp_path: Path) -> None:
    records = []
    for guest in (bzimage, tiny_file):
        assert main.run(["run", str(guest), "--on", "pc", "--json", str(tmp_path / "r")]) == 0
        records.append(json.loads((tmp_path / "r").read_text()))
    assert list(records[0]) == list(records[1]) and records[0]["classic"] is records[1]["classic"] is None


def test_nothing_is_told_to_nobody(pc: FakePc, bzimage: Path, rom: Path, monkeypatch: pytest.MonkeyPatch,
                                   capfd: pytest.CaptureFixture[str]) -> None:
    def talk(machine: FakeMachine) -> Outcome:
        machine.config.console(b"more")
        return Outcome(Ending.INTERRUPTED if machine.stopped.is_set() else Ending.EXIT)

    pc.outcome = talk
    monkeypatch.setattr("openvmi.cli.terminal.console", lambda seconds: lambda data: False)
    assert main.run(["run", str(bzimage), "--rom", str(rom)]) == 141
    assert capfd.readouterr() == ("", "")


def test_rom_that_is_wrong_is_offered_all_the_same(pc: FakePc, bzimage: Path, rom: Path, tmp_path: Path) -> None:
    data = bytearray(rom.read_bytes())
    data[ClassicRom.load(rom).header.rom_length * 512 - 1] ^= 1
    (tmp_path / "bad.rom").write_bytes(data)
    assert main.run(["run", str(bzimage), "--rom", str(tmp_path / "bad.rom"), "--json", str(tmp_path / "r")]) == 0
    assert "byte sum 0x01" in json.loads((tmp_path / "r").read_text())["classic"]["findings"][0]


@pytest.mark.parametrize(("arguments", "status", "said"), [
    (["{linux}", "--on", "first"], 121, "a Linux kernel, which needs a PC to boot on, and first only runs guests of VMI"
                                        " 4; use --on pc"),
    (["{linux}", "--module", "{linux}"], 64, "is a Linux kernel; use --initrd"),
    (["{linux}", "--initrd", "/does/not/exist"], 64, "cannot read this initrd"),
    (["{linux}", "--cpus", "0"], 64, "--cpus"),
    (["{linux}", "--rom", "nothing"], 64, "no ROM 'nothing'"),
    (["{linux}", "--rom", "{emu}"], 121, "a ROM of VMI 4.1, and a Linux kernel with CONFIG_VMI needs one of version 3"),
    (["{linux}", "--rom", "{linux}"], 65, "vmlinuz.old"),
    (["{guest}", "--initrd", "{linux}"], 64, "--initrd and --cpus are for Linux kernels, and"),
    (["{guest}", "--cpus", "1"], 64, "is a guest of VMI 4, which runs on one processor"),
    (["{guest}", "--rom", "{rom}"], 121, "a ROM of VMI 3.0, and a guest of VMI 4.1 needs one of version 4"),
])
def test_refused(arguments: list[str], status: int, said: str, pc: FakePc, bzimage: Path, tiny_file: Path, rom: Path,
                 top: Path, capfd: pytest.CaptureFixture[str]) -> None:
    names = {"linux": bzimage, "guest": tiny_file, "rom": rom, "emu": top / "build" / "roms" / "emu.rom"}
    assert main.run(["run", *[a.format(**names) for a in arguments]]) == status
    out, told = capfd.readouterr()
    assert out == "" and said in told and told.count("\n") == 1 and not pc.machines


@pytest.mark.parametrize("verb", ["compare", "matrix", "image"])
def test_other_verbs_want_guests(verb: str, pc: FakePc, bzimage: Path, tmp_path: Path,
                                 capfd: pytest.CaptureFixture[str]) -> None:
    more = ["-o", str(tmp_path / "o")] if verb == "image" else []
    assert main.run([verb, str(bzimage), *more]) == 121
    assert "a Linux kernel, and this needs a guest of VMI 4" in capfd.readouterr().err


def test_unusable(pc: FakePc, bzimage: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pc.state = Availability(False, "No QEMU.", "Install one.")
    assert main.run(["run", str(bzimage)]) == main.run(["run", str(bzimage), "--on", "pc"]) == 69
    assert "pc is not usable here: No QEMU. Install one." in capfd.readouterr().err


def test_refused_by_the_machine(pc: FakePc, bzimage: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pc.refusal = RefusedError("too many processors")
    assert main.run(["run", str(bzimage), "--cpus", "9"]) == 121
    assert capfd.readouterr().err == "openvmi: too many processors\n"


def test_damaged_kernel(pc: FakePc, bzimage: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(bzimage.read_bytes())
    data[0x211] = 0
    bzimage.write_bytes(data)
    assert main.run(["run", str(bzimage)]) == 65
    assert "this is a zImage" in capfd.readouterr().err


def test_inspect(pc: FakePc, bzimage: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main.run(["guest", "inspect", str(bzimage)]) == 0
    told = capfd.readouterr().out
    assert "vmlinuz.old: bzImage, boot protocol 2.06, 2048 bytes" in told and "before 2.12" in told
    assert main.run(["guest", "inspect", "--json", str(bzimage)]) == 0
    about = json.loads(capfd.readouterr().out)
    assert (about["format"], about["protocol"], about["kernel_version"]) == ("bzimage", "2.06", None)
