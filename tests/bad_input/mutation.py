# SPDX-License-Identifier: MIT
"""Mutated images in this process: parsed, and where they are accepted, booted on emu for a moment."""

from __future__ import annotations

from attrs import frozen

from openvmi import hypervisors
from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomDescriptor
from openvmi.errors import OpenVmiError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import MachineConfig
from openvmi.report import ending, record
from openvmi.rom import container, identity
from openvmi.rom.image import RomImage
from openvmi.running import Run, read_link
from tests.bad_input.damage import Rom

LIMIT = 0.25  # seconds of a run


@frozen
class Change:
    """Bytes put over others."""

    offset: int
    new: bytes


def changed(data: bytes, changes: list[Change]) -> bytes:
    """Data of the same size with the changes in it; offsets wrap around."""
    out = bytearray(data)
    for change in changes:
        at = change.offset % len(out)
        out[at:at + len(change.new)] = change.new[:len(out) - at]
    return bytes(out)


def sealed(data: bytes) -> bytes:
    """A ROM with build id and checksum made right, so far as its descriptor can still be found."""
    rom = Rom()
    image = RomImage("", bytes(data))
    rom.data[:] = data
    at = image.header.descriptor
    if at <= len(data) - RomDescriptor.SIZE:
        parts = {name: image.part(offset, size) for name, offset, size in container.extents(image)}
        names = ("text", "data", "recipes", "calls", "relocations", "groups")
        at += offset_of(RomDescriptor, "build_id")
        rom.data[at:at + 32] = identity.build_id(*(parts.get(name, b"") for name in names))
    return bytes(rom.seal().data)


def boot(guest: GuestImage, rom: RomImage | None, options: str = "") -> Run | None:
    """Runs and reports it all; None when it was refused before it ran. Any other error comes out."""
    said = bytearray()
    config = MachineConfig(guest=guest, rom=rom, command_line=options, timeout=LIMIT, deterministic=True,
                           console=said.extend)
    try:
        with hypervisors.get("emu").create(config) as machine:
            outcome = machine.run()
            run = Run(guest, "emu", rom, outcome, read_link(guest, machine), 0.0)
    except OpenVmiError as error:
        assert str(error)
        return None
    assert 0 <= run.status <= 255
    assert ending.lines(run) or not outcome.message
    assert record.text(record.run(run))
    return run
