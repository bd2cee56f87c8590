# SPDX-License-Identifier: MIT
"""Runs the small kernels of guest/cases.S on the emulator."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from elftools.elf.elffile import ELFFile

from openvmi.hypervisors.base import Outcome
from openvmi.hypervisors.emu.machine import EmuMachine
from openvmi.machine.paging import ADDRESS, USER, WRITABLE
from openvmi.toolchain import Toolchain
from openvmi.units import Gpa, Gva
from tests.machine.fakes import FakeGuest, FakeRom, FakeSegment, config

HERE = Path(__file__).parent / "guest"
USER_PAGES = range(0x4002_0000, 0x4002_2000, 0x1000)


@define
class Cases:
    """The assembled kernels: one image, an entry for each."""

    segments: tuple[FakeSegment, ...]
    symbols: dict[str, int]

    def guest(self, name: str) -> FakeGuest:
        """A guest that enters at a case."""
        return FakeGuest(
            path=f"{name}.elf", segments=self.segments, entry=Gva(self.symbols[f"case_{name}"]),
            image_start=Gva(0x4000_0000), image_end=Gva(0x4002_2000),
        )  # fmt: skip


def build(top: Path, work: Path) -> Cases:
    """Compiles and links the cases."""
    tool = Toolchain(top / "build" / "cache")
    tool.compile(HERE / "cases.S", work / "cases.o", includes=[top / "libvmi" / "include", top / "roms" / "emu"])
    tool.link([work / "cases.o"], work / "cases.elf", HERE / "cases.lds")
    with (work / "cases.elf").open("rb") as file:
        elf = ELFFile(file)
        found = {name: elf.get_section_by_name(name) for name in (".text", ".data", ".user")}
        segments = tuple(
            FakeSegment(Gva(s["sh_addr"]), Gpa(s["sh_addr"] - 0x4000_0000 + 0x10_0000), s.data(), s["sh_size"],
                        writable=name != ".text", executable=name != ".data")
            for name, s in found.items()
        )  # fmt: skip
        table = elf.get_section_by_name(".symtab")
        return Cases(segments, {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()})


@define
class Ran:
    """A run that is over, the machine still open."""

    machine: EmuMachine
    outcome: Outcome
    console: bytes
    symbols: dict[str, int] = field(repr=False)

    def words(self, name: str, count: int, first: int = 0) -> tuple[int, ...]:
        """64-bit words from a place in the guest's data."""
        raw = self.machine.read_memory(Gva(self.symbols[name] + 8 * first), 8 * count)
        assert raw is not None
        return struct.unpack(f"<{count}Q", raw)


def path(machine: EmuMachine, address: int) -> list[Gpa]:
    """Guest-physical places of the entries that map an address, from level 4 down."""
    table, places = machine.vcpu.cpu.page_root, []
    for shift in (39, 30, 21, 12):
        places.append(Gpa((table & ADDRESS) + 8 * (address >> shift & 511)))
        raw = machine.vcpu.memory.read(places[-1], 8)
        assert raw is not None
        table = Gpa(int.from_bytes(raw, "little"))
    return places


def _change(machine: EmuMachine, place: Gpa, change: Callable[[int], int]) -> None:
    raw = machine.vcpu.memory.read(place, 8)
    assert raw is not None
    machine.vcpu.memory.write(place, struct.pack("<Q", change(int.from_bytes(raw, "little"))))


def change_leaf(machine: EmuMachine, address: int, change: Callable[[int], int]) -> None:
    """Edits a leaf entry before the guest runs."""
    _change(machine, path(machine, address)[-1], change)


def prepare(machine: EmuMachine) -> None:
    """Gives user mode its pages."""
    for page in USER_PAGES:
        for place in path(machine, page):
            _change(machine, place, lambda entry: entry | USER)


def writable(entry: int) -> int:
    """For change_leaf."""
    return entry | WRITABLE


def make(cases: Cases, name: str, **values: Any) -> tuple[EmuMachine, bytearray]:
    """A machine ready to run a case, and where its console output goes. With a ROM and deterministic by default."""
    said = bytearray()
    setup = config(guest=cases.guest(name), console=said.extend,
                   **{"rom": FakeRom(), "deterministic": True, **values})  # fmt: skip
    machine = EmuMachine(setup)
    prepare(machine)
    return machine, said
