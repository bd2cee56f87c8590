# SPDX-License-Identifier: MIT
"""The records of the places where a guest makes calls, compared with the code that is there."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from openvmi.abi import load, names
from openvmi.abi.layouts import NoteSites, Site
from openvmi.abi.model import Call
from openvmi.errors import BadGuestError
from openvmi.guest.elf import Segment
from openvmi.units import Gva

_DISTANCE = 4  #: bytes of a call or jump that the linker fills in
_ADDRESSES = 1 << 64


@frozen
class SiteRecord:
    """One site: `size` bytes at `address`, which the native form of the call fills."""

    address: Gva
    call: int
    size: int


def parse(note: NoteSites, segments: Sequence[Segment], version: tuple[int, int]) -> list[SiteRecord]:
    """The records that the note points at, by ascending address.

    For a guest of this major version every site is compared with the interface. Raises :class:`BadGuestError`
    without the path.
    """
    records = sorted(_read(note, segments), key=lambda record: record.address)
    calls = {call.number: call for call in load.interface().calls} if version[0] == names.MAJOR else {}
    end = 0
    for record in records:
        where = f"site of call {record.call:#06x} at {record.address:#x}"
        if record.address < end:
            raise BadGuestError(f"{where} overlaps the site that ends at {end:#x}; rebuild the guest")
        end = record.address + record.size
        if not 0 < record.size <= names.SITE_LIMIT:
            raise BadGuestError(f"{where} has {record.size} bytes, expected 1 to {names.SITE_LIMIT}; rebuild the guest")
        home = next((s for s in segments if s.executable and s.holds(record.address, record.size)), None)
        if home is None:
            raise BadGuestError(f"{where} is not in the guest's code; rebuild the guest")
        start = record.address - home.virtual
        if call := calls.get(record.call):
            _compare(where, record, home.data[start:start + record.size], call)
    return records


def _read(note: NoteSites, segments: Sequence[Segment]) -> list[SiteRecord]:
    if note.start > note.end or (note.end - note.start) % Site.SIZE:
        raise BadGuestError(f"SITES note says {note.start:#x} to {note.end:#x}, expected records of {Site.SIZE} bytes; "
                            "take both addresses from the linker script")
    if note.start == note.end:
        return []
    home = next((s for s in segments if s.holds(note.start, note.end - note.start)), None)
    if home is None:
        raise BadGuestError(f"SITES note says {note.start:#x} to {note.end:#x}, which no segment holds; "
                            "keep .vmi.sites in a segment")
    at = note.start - home.virtual
    fields = Site.FORMAT.iter_unpack(home.data[at:at + note.end - note.start])
    return [
        SiteRecord(Gva((note.start + index * Site.SIZE + distance) % _ADDRESSES), call, size)
        for index, (distance, call, size, _) in enumerate(fields)
    ]


def _compare(where: str, record: SiteRecord, found: bytes, call: Call) -> None:
    if record.size != call.site:
        raise BadGuestError(f"{where} has {record.size} bytes; {call.name} has {call.site}; "
                            "rebuild the guest with the headers of its version")
    native = call.native.fill(call.site)
    fixed = native[:-_DISTANCE] if call.native.target else native
    expected = fixed.hex(" ") + (" and a 32-bit distance" if call.native.target else "")
    if not found.startswith(fixed):
        raise BadGuestError(f"{where} holds {found.hex(' ')}, expected {expected} for {call.name}; "
                            "the file is damaged or was patched")
