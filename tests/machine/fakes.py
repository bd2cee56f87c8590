# SPDX-License-Identifier: MIT
"""Guests and ROMs of a few bytes, with the attributes that machines read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import Factory, frozen

from openvmi.abi.layouts import RomGroup
from openvmi.hypervisors.base import MachineConfig
from openvmi.units import Gpa, Gva


@frozen
class FakeSegment:
    """As openvmi.guest.elf.Segment."""

    virtual: Gva
    physical: Gpa
    data: bytes
    memory_size: int
    writable: bool = False
    executable: bool = False


def _segments() -> tuple[FakeSegment, ...]:
    return (
        FakeSegment(Gva(0x4000_0000), Gpa(0x10_0000), b"\x90" * 0x1800, 0x1800, executable=True),
        FakeSegment(Gva(0x4000_3000), Gpa(0x10_3000), b"data", 0x2000, writable=True),
    )


@frozen
class FakeGuest:
    """As openvmi.guest.image.GuestImage."""

    path: str = "fake.elf"
    name: str = "fake"
    sha256: str = ""
    segments: tuple[FakeSegment, ...] = Factory(_segments)
    entry: Gva = Gva(0x4000_0010)
    window: Gva = Gva(0x4010_0000)
    direct_map: Gva = Gva(0x1_0000_0000)
    image_start: Gva = Gva(0x4000_0000)
    image_end: Gva = Gva(0x4000_5000)
    version: tuple[int, int] = (4, 0)


@frozen
class FakeRom:
    """As openvmi.rom.image.RomImage."""

    hypervisor: str = "emu"
    name: str = "fake"
    version: str = "9.9"
    text: bytes = b"\xc3" * 64
    data_page: bytes = b"rom data"
    data: bytes = b"\x55\xaa" + b"R" * 1022
    groups: tuple[RomGroup, ...] = (RomGroup(group=0, revision=1), RomGroup(group=1, revision=3, may_be_native=1))


def config(guest: Any = None, rom: Any = None, console: Callable[[bytes], None] = lambda data: None,
           **values: Any) -> MachineConfig:
    """A configuration with 16 MiB, unless told otherwise."""
    return MachineConfig(guest=guest or FakeGuest(), rom=rom, console=console,
                         **{"memory": 16 << 20, "timeout": 10.0, **values})
