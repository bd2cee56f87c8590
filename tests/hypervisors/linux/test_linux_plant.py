# SPDX-License-Identifier: MIT
"""Which bytes of a native guest become traps."""

from __future__ import annotations

import random
from pathlib import Path

import capstone
import pytest
from attrs import evolve, frozen

from openvmi import resources
from openvmi.errors import RefusedError
from openvmi.guest.elf import Segment
from openvmi.guest.image import GuestImage, load
from openvmi.guest.sites import SiteRecord
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.linux import plant
from openvmi.hypervisors.linux.machine import LinuxMachine
from openvmi.units import Gpa, Gva
from tests.machine.fakes import FakeGuest

CODE, DATA = 0x4000_0000, 0x4001_0000


@frozen
class Guest(FakeGuest):
    """With code, functions and sites of its own."""

    places: tuple[tuple[int, int], ...] = ()
    calls: tuple[tuple[int, int], ...] = ()

    def functions(self) -> list[tuple[Gva, int]]:
        return [(Gva(start), size) for start, size in self.places]

    def site_records(self) -> list[SiteRecord]:
        return [SiteRecord(Gva(start), 1, size) for start, size in self.calls]


def guest(code: str, **values: tuple[tuple[int, int], ...]) -> GuestImage:
    """One with this code, and the same bytes as data."""
    data = bytes.fromhex(code)
    segments = (Segment(Gva(CODE), Gpa(0x10_0000), data, len(data) + 64, writable=False, executable=True),
                Segment(Gva(DATA), Gpa(0x11_0000), data, len(data), writable=True, executable=False))
    return Guest(segments=segments, **values)  # type: ignore[return-value, arg-type]


@pytest.mark.parametrize(("code", "becomes"), [
    ("9c 58", "6c 58"),
    ("2e 2e 9c 58", "6c 90 90 58"),  # lengthened, as sites are
    ("48 9c", "6c 90"),
    ("0f a2 c3", "6e 90 c3"),
    ("2e 0f a2 c3", "6e 90 90 c3"),
    ("fa 9c 0f a2 9c", "fa 6c 6e 90 6c"),
    ("6c 6e", "1e 1e"),
    ("f3 6c f2 6e f3 6e f2 6c", "1e 90 1e 90 1e 90 1e 90"),
    ("6d 6f", "6d 6f"),  # of other sizes: not mistaken for anything
    ("66 9c 58", "66 9c 58"),  # PUSHF of 16 bits
    ("b8 9c 0f a2 00", "b8 9c 0f a2 00"),  # an immediate value
    ("48 8d 05 9c 9c 9c 9c", "48 8d 05 9c 9c 9c 9c"),  # an address
    ("9d fa fb f4 0f 0b", "9d fa fb f4 0f 0b"),
    ("06 9c", "06 9c"),  # what is no instruction ends it
    ("9c 06 9c", "6c 06 9c"),
    ("", ""),
])  # fmt: skip
def test_what_becomes_of_code(code: str, becomes: str) -> None:
    before, after = bytes.fromhex(code), bytearray.fromhex(code)
    for offset, new in plant.find(before):
        after[offset : offset + len(new)] = new
    assert after == bytes.fromhex(becomes)


def test_only_in_code_that_is_known_as_such() -> None:
    code = "9c c3 9c c3 9c c3"
    assert list(plant.places(guest(code))) == []
    assert list(plant.places(guest(code, places=((CODE, 2),)))) == [(0x10_0000, b"\x6c")]
    assert list(plant.places(guest(code, calls=((CODE + 2, 2),)))) == [(0x10_0002, b"\x6c")]
    both = guest(code, places=((CODE, 6),), calls=((CODE + 2, 2), (CODE + 4, 1)))
    assert sorted(plant.places(both)) == [(0x10_0000, b"\x6c"), (0x10_0002, b"\x6c"), (0x10_0004, b"\x6c")]
    for start, size in ((DATA, 2), (CODE - 1, 2), (CODE + 5, 2), (CODE + 6, 1), (2**64 - 1, 2), (CODE, 1 << 70)):
        assert list(plant.places(guest(code, places=((start, size),)))) == []


def test_too_much_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plant, "_CODE_LIMIT", 3)
    assert len(list(plant.places(guest("9c c3 9c c3", places=((CODE, 3),))))) == 2
    with pytest.raises(RefusedError, match=r"fake\.elf: it has more than 0 MiB of code.*--on emu"):
        list(plant.places(guest("9c c3 9c c3", places=((CODE, 4),))))


@pytest.mark.parametrize("seed", range(50))
def test_no_instruction_moves(seed: int) -> None:
    """Whatever the bytes: the others are as before, and each place has as many bytes as its instruction."""
    data = random.Random(seed).randbytes(400).replace(b"\x06", b"\x9c").replace(b"\x0e", b"\x0f\xa2")
    after = bytearray(data)
    for offset, new in plant.find(data):
        after[offset : offset + len(new)] = new
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    for at, size, name, _ in decoder.disasm_lite(data, 0):
        now = bytes(after[at : at + size])
        if name in plant.PLANTED:
            assert now == plant.PLANTED[name] + b"\x90" * (size - 1)
        else:
            assert now == data[at : at + size]


@pytest.mark.parametrize("name", ["hello", "bench"])
def test_guests_have_all_of_theirs_planted(name: str) -> None:
    """By their symbols and sites; without symbols, the sites alone."""
    built = load(resources.built("guests") / f"{name}.elf")
    names = [found for segment in built.segments if segment.executable for _, found in instructions(segment.data)]
    expected = names.count("pushfq") + names.count("cpuid")
    assert len(list(plant.places(built))) == expected > 3
    stripped = evolve(built, data=b"\x7fELF" + bytes(100))
    in_sites = [found for record in built.records for segment in built.segments if segment.holds(record.address)
                for _, found in instructions(segment.data[record.address - segment.virtual :][: record.size])]
    assert len(list(plant.places(stripped))) == in_sites.count("pushfq") > 0


def instructions(code: bytes) -> list[tuple[int, str]]:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    return [(at, name) for at, _, name, _ in decoder.disasm_lite(code, 0)]


@pytest.mark.parametrize("line", ["", "vmi=off"])
def test_only_memory_is_changed(line: str) -> None:
    built = load(resources.built("guests") / "hello.elf")
    file = Path(built.path).read_bytes()
    with LinuxMachine(MachineConfig(guest=built, rom=None, command_line=line)) as machine:
        for address, new in plant.places(built):
            at = Gva(built.segments[0].virtual + address - built.segments[0].physical)
            assert machine.read_memory(at, len(new)) == new
    assert Path(built.path).read_bytes() == file == built.data
