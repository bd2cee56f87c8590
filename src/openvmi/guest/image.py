# SPDX-License-Identifier: MIT
"""A guest kernel as a file: everything that is known about it before it runs, checked."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

from attrs import field, frozen

from openvmi.abi.layouts import NoteGroup, NotePolicy, NoteSites
from openvmi.abi.names import WINDOW_SIZE
from openvmi.errors import BadGuestError
from openvmi.files import read_bounded
from openvmi.guest import elf, notes, sites, symbols
from openvmi.guest.elf import Segment
from openvmi.guest.sites import SiteRecord
from openvmi.guest.symbols import Symbols
from openvmi.units import PAGE_MASK, Gva, page_up

__all__ = ["GuestImage", "Segment", "SiteRecord", "load", "parse"]

_DIRECT_MAP_ALIGN = 1 << 30
_REACH = 1 << 31  # bytes that a rel32 spans in either direction


@frozen(eq=False)
class GuestImage:
    """A guest that passed every check of :func:`parse`. Addresses are guest-virtual unless they say otherwise."""

    path: str
    name: str  #: the file's name without its extension
    data: bytes = field(repr=False)  #: the whole file
    sha256: str
    segments: tuple[Segment, ...] = field(repr=False)  #: by ascending address
    entry: Gva
    window: Gva  #: where the ROM's text and data go
    direct_map: Gva  #: where guest-physical 0 is mapped
    image_start: Gva  #: page-aligned bounds of the segments
    image_end: Gva
    version: tuple[int, int]  #: of the interface it was built for: major, minor
    profile: int  #: number of the profile it needs
    groups: tuple[NoteGroup, ...]  #: what it needs or wants beyond the profile
    licence: str  #: SPDX expression
    sites: NoteSites
    policy: NotePolicy  #: what it demands of a ROM
    records: tuple[SiteRecord, ...] = field(repr=False)  #: by ascending address

    def site_records(self) -> list[SiteRecord]:
        """Every place where the guest makes a call, by ascending address."""
        return list(self.records)

    def symbols(self) -> Symbols:
        """Names in the guest; none when it is stripped."""
        return self._symbols

    def functions(self) -> list[tuple[Gva, int]]:
        """As :func:`openvmi.guest.symbols.functions`; none when it is stripped."""
        return symbols.functions(self.data)

    @cached_property
    def _symbols(self) -> Symbols:
        return symbols.parse(self.data)


def load(path: Path) -> GuestImage:
    """Reads and checks a guest. Raises :class:`UsageError` when it cannot be read, else as :func:`parse`."""
    return parse(read_bounded(path, what="guest"), str(path))


def parse(data: bytes, path: str) -> GuestImage:
    """Checks the bytes of a guest, in this order; `path` is for messages and the name.

    1. ELF header: 64-bit little-endian x86-64 executable, program headers inside the file;
    2. each segment alone: inside the file, page aligned, canonical, bounded, never writable and executable;
    3. segments together: ascending, not overlapping, physically contiguous;
    4. notes: each that is required, once, of its size;
    5. entry in code;
    6. ROM window: aligned, apart from the image, within rel32 reach of all of it;
    7. direct map: aligned, apart from image and window;
    8. site records: in the image, in code, not overlapping, and the code at each is its native form.

    Raises :class:`BadGuestError` for the first that fails, and nothing else whatever the bytes.
    """
    try:
        return _parse(data, path)
    except BadGuestError as error:
        raise BadGuestError(f"{path}: {error}") from error


def _parse(data: bytes, path: str) -> GuestImage:
    entry, headers = elf.program_headers(data)
    segments = elf.segments(data, headers)
    said = notes.parse(data, elf.note_ranges(headers))
    image = segments[0].virtual, page_up(segments[-1].end)
    _check_entry(entry, said.entry, segments)
    _check_window(said.window, image)
    _check_direct_map(said.direct_map, page_up(segments[-1].physical + segments[-1].memory_size), image, said.window)
    return GuestImage(
        path=path, name=Path(path).stem, data=data, sha256=hashlib.sha256(data).hexdigest(), segments=segments,
        entry=said.entry, window=said.window, direct_map=said.direct_map,
        image_start=Gva(image[0]), image_end=Gva(image[1]), version=said.version, profile=said.profile,
        groups=said.groups, licence=said.licence, sites=said.sites, policy=said.policy,
        records=tuple(sites.parse(said.sites, segments, said.version)),
    )


def _check_entry(header: int, entry: Gva, segments: tuple[Segment, ...]) -> None:
    if not any(s.executable and s.holds(entry) for s in segments):
        raise BadGuestError(f"ENTRY note says {entry:#x}, which is not in the guest's code; name the entry symbol")
    if header != entry:
        raise BadGuestError(f"the ELF header enters at {header:#x}, the ENTRY note at {entry:#x}; "
                            "use the same symbol in ENTRY() of the linker script and in the note")


def _check_window(window: Gva, image: tuple[int, int]) -> None:
    end = window + WINDOW_SIZE
    if window & PAGE_MASK or not window or not elf.canonical(window) or not elf.canonical(end - 1):
        raise BadGuestError(f"ROM window at {window:#x}, expected a page-aligned canonical address other than 0; "
                            "reserve it in the linker script")
    if window < image[1] and image[0] < end:
        raise BadGuestError(f"ROM window {window:#x} to {end:#x} overlaps the image {image[0]:#x} to {image[1]:#x}; "
                            "move it in the linker script")
    if max(end - image[0], image[1] - window) > _REACH:
        raise BadGuestError(f"ROM window {window:#x} is not within 2 GiB of all of the image {image[0]:#x} to "
                            f"{image[1]:#x}, so that no call can reach it; move it in the linker script")


def _check_direct_map(base: Gva, physical_end: int, image: tuple[int, int], window: Gva) -> None:
    end = base + max(physical_end, _DIRECT_MAP_ALIGN)
    if base % _DIRECT_MAP_ALIGN or not elf.canonical(base) or not elf.canonical(end - 1):
        raise BadGuestError(f"direct map at {base:#x}, expected a canonical multiple of {_DIRECT_MAP_ALIGN:#x} (1 GiB) "
                            "with room for all memory; change the linker script")
    for what, start, stop in (("image", *image), ("ROM window", window, window + WINDOW_SIZE)):
        if base < stop and start < end:
            raise BadGuestError(f"direct map {base:#x} to {end:#x} overlaps the {what} {start:#x} to {stop:#x}; "
                                "change the linker script")
