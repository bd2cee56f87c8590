# SPDX-License-Identifier: MIT
"""Boots guests on emu, whole or tampered with, and keeps what they said."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from openvmi import hypervisors
from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomDescriptor, RomHeader
from openvmi.guest.image import GuestImage
from openvmi.guest.image import load as load_guest
from openvmi.hypervisors.base import MachineConfig, Outcome
from openvmi.rom.image import RomImage
from openvmi.running import LinkState, find_guest, find_rom, read_link


@frozen
class Boot:
    """What a boot left behind."""

    outcome: Outcome
    console: str
    link: LinkState | None


def guest(name: str = "hello") -> GuestImage:
    """A built guest."""
    return load_guest(find_guest(name))


def rom() -> RomImage:
    """The built ROM of emu."""
    image = find_rom(hypervisors.get("emu"), None)
    assert image is not None
    return image


def boot(image: GuestImage | None = None, with_rom: RomImage | Tampered | None = None, options: str = "",
         timeout: float = 20.0, **config: object) -> Boot:
    """Runs a guest, hello unless given another, deterministically."""
    image = image or guest()
    said = bytearray()
    setup = MachineConfig(guest=image, rom=with_rom, command_line=options, timeout=timeout, deterministic=True,
                          console=said.extend, **config)
    with hypervisors.get("emu").create(setup) as machine:
        outcome = machine.run()
        link = read_link(image, machine)
    return Boot(outcome, said.decode(errors="replace"), link)


class Tampered:
    """A ROM whose bytes in guest memory differ from what the host has checked and mapped."""

    def __init__(self, image: RomImage, data: bytes) -> None:
        self._image, self.data = image, data

    def __getattr__(self, name: str) -> object:
        return getattr(self._image, name)


def tamper(image: RomImage, change: Callable[[bytearray], None], checksum: bool = True) -> Tampered:
    """The ROM with other bytes behind the host's back: its own checks have passed, the guest's have not."""
    data = bytearray(image.data)
    change(data)
    if checksum:
        at = offset_of(RomHeader, "checksum")
        data[at] = (data[at] - sum(data)) & 0xFF
    return Tampered(image, bytes(data))


def in_descriptor(image: RomImage, field: str) -> int:
    """Image offset of a field of the descriptor."""
    return image.header.descriptor + offset_of(RomDescriptor, field)


def tamper_guest(image: GuestImage, old: bytes, new: bytes) -> GuestImage:
    """The guest with bytes in its segments replaced, once, behind the host's back."""
    assert len(old) == len(new)
    changed, segments = False, []
    for segment in image.segments:
        if not changed and old in segment.data:
            segment = evolve(segment, data=segment.data.replace(old, new, 1))
            changed = True
        segments.append(segment)
    assert changed, f"{old.hex()} is not in the guest"
    return evolve(image, segments=tuple(segments))
