# SPDX-License-Identifier: MIT
"""The package: guest, ROM, command line and modules as the one module that Xen hands to the boot shim.

The format is in roms/xen/private.h.
"""

from __future__ import annotations

import struct

from attrs import frozen

from openvmi.errors import BadFileError
from openvmi.hypervisors.xen import private
from openvmi.units import PAGE_MASK, page_up

_HEADER = struct.Struct("<QII")  # magic, count, size of header and entries
_ENTRY = struct.Struct("<IIQQQ")  # kind, reserved, offset of contents, size, offset of the name or flags
_NAME_LIMIT = 255
assert (_HEADER.size, _ENTRY.size) == (private.XEN_PACK_ENTRIES, private.XEN_PACK_ENTRY)

_SINGLE = {private.XEN_PACK_GUEST: "guest", private.XEN_PACK_ROM: "ROM", private.XEN_PACK_COMMAND_LINE: "command line"}


@frozen
class Package:
    """What is in a package. Names are ASCII without NUL, at most 255 bytes."""

    guest: bytes  #: the ELF file
    rom: bytes | None  #: the image
    command_line: bytes
    modules: tuple[tuple[bytes, bytes], ...] = ()  #: name, contents
    flags: int = 0  #: of boot_info, as :class:`openvmi.hypervisors.base.MachineConfig` has them

    def pack(self) -> bytes:
        """The bytes. :class:`ValueError` for more modules, or a longer name, than a package can have."""
        entries = [(private.XEN_PACK_GUEST, b"", self.guest)]
        if self.rom is not None:
            entries.append((private.XEN_PACK_ROM, b"", self.rom))
        entries.append((private.XEN_PACK_COMMAND_LINE, b"", self.command_line))
        entries += [(private.XEN_PACK_MODULE, name + b"\0", data) for name, data in self.modules]
        if len(entries) > private.XEN_PACK_LIMIT or any(len(name) > _NAME_LIMIT + 1 for _, name, _ in entries):
            raise ValueError("too much for a package")
        size = _HEADER.size + _ENTRY.size * len(entries)
        head = bytearray(_HEADER.pack(private.XEN_PACK_MAGIC, len(entries), size))
        names = b"".join(name for _, name, _ in entries)
        name_at, at = size, page_up(size + len(names))
        for kind, name, data in entries:
            flags = self.flags & private.XEN_PACK_FLAGS if kind == private.XEN_PACK_GUEST else 0
            head += _ENTRY.pack(kind, 0, at, len(data), name_at if name else flags)
            name_at += len(name)
            at += page_up(len(data))
        return b"".join(_padded(part) for part in (bytes(head) + names, *(data for _, _, data in entries)))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) & PAGE_MASK)


def module_name(name: str) -> bytes:
    """A file's name as a package has it: what is not ASCII becomes a question mark, what is too long is cut."""
    return name.encode("ascii", "replace").replace(b"\0", b"?")[:_NAME_LIMIT]


def unpack(data: bytes) -> Package:
    """The same from the bytes, which may be anything. Raises :class:`BadFileError` for what the shim would not take."""
    if len(data) < _HEADER.size:
        raise BadFileError(f"a package of {len(data)} bytes has no header; it begins with {_HEADER.size}")
    magic, count, size = _HEADER.unpack_from(data)
    if magic != private.XEN_PACK_MAGIC:
        raise BadFileError(f"it begins with {data[:8]!r}, a package with {struct.pack('<Q', private.XEN_PACK_MAGIC)!r}")
    if count > private.XEN_PACK_LIMIT or size != _HEADER.size + count * _ENTRY.size or size > len(data):
        raise BadFileError(f"a package with {count} entries and {size} bytes for them, in a file of {len(data)}; at "
                           f"most {private.XEN_PACK_LIMIT} of {_ENTRY.size} bytes fit after the header")
    found: dict[int, bytes] = {}
    modules = []
    end = size
    flags = 0
    for number in range(count):
        kind, reserved, offset, length, name = _ENTRY.unpack_from(data, _HEADER.size + number * _ENTRY.size)
        if reserved or offset & PAGE_MASK or not end <= offset <= len(data) or length > len(data) - offset:
            raise BadFileError(f"entry {number} has {length} bytes at offset {offset:#x}, in a package of {len(data)}; "
                               f"expected whole pages at or after {end:#x}")
        end = page_up(offset + length)
        contents = data[offset : offset + length]
        if kind == private.XEN_PACK_MODULE:
            modules.append((_name(data, number, name), contents))
        elif kind in _SINGLE and kind not in found:
            found[kind] = contents
            flags |= name & private.XEN_PACK_FLAGS if kind == private.XEN_PACK_GUEST else 0
        else:
            raise BadFileError(f"entry {number} is of kind {kind}, which is unknown or there already")
    if private.XEN_PACK_GUEST not in found:
        raise BadFileError("the package has no guest")
    return Package(found[private.XEN_PACK_GUEST], found.get(private.XEN_PACK_ROM),
                   found.get(private.XEN_PACK_COMMAND_LINE, b""), tuple(modules), flags)


def _name(data: bytes, number: int, offset: int) -> bytes:
    if not offset:
        return b""
    end = data.find(b"\0", offset, offset + _NAME_LIMIT + 1)
    if end < 0:
        raise BadFileError(f"entry {number} has its name at offset {offset:#x}, where none of at most {_NAME_LIMIT} "
                           "bytes ends with NUL")
    return data[offset:end]
