# SPDX-License-Identifier: MIT
"""The notes by which a guest says what it is and needs.

One note (System V ABI, chapter 5, note section; fields of four bytes, name and contents padded to four):

       0  |           name size           |         contents size         |
       8  |             type              |   O       p       e       n   |
      16  |   V       M       I       0   |  contents ...                 |
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from attrs import frozen

from openvmi.abi.layouts import NoteGroup, NotePolicy, NoteSites, NoteVersion
from openvmi.abi.names import MINOR, POLICY_SIGNED, LicenceClass, NoteType, Profile
from openvmi.errors import BadGuestError
from openvmi.units import Gva

OWNER = b"OpenVMI\0"
_HEAD = struct.Struct("<III")
_ADDRESS = struct.Struct("<Q")
_SIZES = {
    NoteType.VERSION: NoteVersion.SIZE,
    NoteType.ENTRY: _ADDRESS.size,
    NoteType.WINDOW: _ADDRESS.size,
    NoteType.DIRECT_MAP: _ADDRESS.size,
    NoteType.SITES: NoteSites.SIZE,
    NoteType.POLICY: NotePolicy.SIZE,
}
_REQUIRED = (*(kind for kind in _SIZES if kind is not NoteType.POLICY), NoteType.LICENCE)
_LICENCE_LIMIT = 1024
_GROUP_LIMIT = 256


@frozen
class Notes:
    """What the notes say, each value as written; nothing is compared with the rest of the file yet."""

    version: tuple[int, int]
    profile: int
    groups: tuple[NoteGroup, ...]
    entry: Gva
    window: Gva
    direct_map: Gva
    licence: str
    sites: NoteSites
    policy: NotePolicy  #: what it demands of a ROM: nothing, unless it says so


def parse(data: bytes, ranges: list[tuple[int, int]]) -> Notes:
    """Reads the notes in these file ranges. Raises :class:`BadGuestError` without the path."""
    found: dict[NoteType, bytes] = {}
    for offset, number, contents in _own(data, ranges):
        if number not in list(NoteType):
            raise BadGuestError(f"note of unknown type {number} at {offset:#x}; known are 1 to {max(NoteType)}; "
                                "rebuild the guest, or use a newer openvmi")
        kind = NoteType(number)
        if kind in found:
            raise BadGuestError(f"second {kind.name} note at {offset:#x}, expected one; include the notes once")
        if kind in _SIZES and len(contents) != _SIZES[kind]:
            raise BadGuestError(f"{kind.name} note at {offset:#x} has {len(contents)} bytes, expected {_SIZES[kind]}; "
                                "use the macros of libvmi")
        found[kind] = contents
    if not found:
        raise BadGuestError("an ELF file, but not an OpenVMI guest: it has no note of owner OpenVMI; "
                            "link the kernel with libvmi")
    if missing := [kind.name for kind in _REQUIRED if kind not in found]:
        raise BadGuestError(f"no {', '.join(missing)} note; a guest has all of "
                            f"{', '.join(kind.name for kind in _REQUIRED)}; link the kernel with libvmi")
    version = NoteVersion.unpack(found[NoteType.VERSION])
    if version.minor <= MINOR and version.profile not in list(Profile):
        raise BadGuestError(f"VERSION note asks for profile {version.profile}; VMI {version.major}.{version.minor} has "
                            f"{', '.join(f'{p.value} ({p.name.lower()})' for p in Profile)}")
    return Notes(
        version=(version.major, version.minor), profile=version.profile,
        groups=_groups(found.get(NoteType.GROUPS, b"")),
        entry=_address(found[NoteType.ENTRY]), window=_address(found[NoteType.WINDOW]),
        direct_map=_address(found[NoteType.DIRECT_MAP]), licence=_licence(found[NoteType.LICENCE]),
        sites=NoteSites.unpack(found[NoteType.SITES]),
        policy=_policy(found.get(NoteType.POLICY, bytes(NotePolicy.SIZE))),
    )


def _own(data: bytes, ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int, bytes]]:
    """Offset, type and contents of each OpenVMI note."""
    for offset, end in ranges:
        while offset + _HEAD.size <= end:
            name_size, size, number = _HEAD.unpack_from(data, offset)
            start = offset + _HEAD.size + (name_size + 3 & ~3)
            if start + size > end:
                raise BadGuestError(f"note at {offset:#x} needs {start + size - offset} bytes, its segment ends at "
                                    f"{end:#x}; the file is damaged")
            if data[offset + _HEAD.size:offset + _HEAD.size + name_size] == OWNER:
                yield offset, number, data[start:start + size]
            offset = start + (size + 3 & ~3)


def _address(contents: bytes) -> Gva:
    return Gva(_ADDRESS.unpack(contents)[0])


def _groups(contents: bytes) -> tuple[NoteGroup, ...]:
    if len(contents) % NoteGroup.SIZE or len(contents) > _GROUP_LIMIT * NoteGroup.SIZE:
        raise BadGuestError(f"GROUPS note has {len(contents)} bytes, expected at most {_GROUP_LIMIT} entries of "
                            f"{NoteGroup.SIZE}; use the macros of libvmi")
    groups = tuple(NoteGroup.unpack(contents, at) for at in range(0, len(contents), NoteGroup.SIZE))
    if len({g.group for g in groups}) != len(groups):
        raise BadGuestError("GROUPS note names a group twice; name each once, with the lowest revision that will do")
    return groups


def _policy(contents: bytes) -> NotePolicy:
    policy = NotePolicy.unpack(contents)
    # Also in a guest of a newer version: what it demands must not be taken for less.
    if policy.licence not in list(LicenceClass) or policy.flags & ~POLICY_SIGNED:
        raise BadGuestError(f"POLICY note asks for licence class {policy.licence} with flags {policy.flags:#x}; known "
                            f"are classes 0 to {max(LicenceClass)} and flag {POLICY_SIGNED:#x}; use VMI_POLICY of "
                            "libvmi, or a newer openvmi")
    return policy


def _licence(contents: bytes) -> str:
    text = contents.rstrip(b"\0")
    if not 0 < len(text) <= _LICENCE_LIMIT or not text.isascii() or not text.decode("ascii").isprintable():
        raise BadGuestError(f"LICENCE note has {len(contents)} bytes that are not an SPDX expression of 1 to "
                            f"{_LICENCE_LIMIT} printable ASCII characters; state one, such as MIT")
    return text.decode("ascii")
