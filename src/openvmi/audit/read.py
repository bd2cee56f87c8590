# SPDX-License-Identifier: MIT
"""From a file to what is known about it: finds the reader by the first bytes."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from openvmi.audit import elf, option_rom, unpack
from openvmi.audit.blob import Blob, Judged, Kind
from openvmi.errors import BadFileError, UnavailableError
from openvmi.files import READ_LIMIT, read_bounded

_HEAD = 512
_COMPRESSED = re.compile(r"\.(ko|rom|bin)\.(xz|gz|zst)$")
NOT_KNOWN = "neither an ELF file nor an option ROM, and no FCode program"


def audit(path: Path) -> Blob:
    """Reads one file that somebody named. Whatever is wrong with its bytes is told in the blob.

    :class:`UsageError` when it cannot be read, :class:`UnavailableError` when a library is missing for it.
    """
    return judge(read_bounded(path), str(path))


def audit_found(path: str) -> Blob | None:
    """The same for one that was found in a folder: no link or device is followed, and of what is not
    recognised by its beginning no more is read; that gives None. What cannot be read is a blob with its problem."""
    name = os.path.basename(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            head = file.read(_HEAD)
            if not _promising(head, name):
                return None
            data = head + file.read(READ_LIMIT + 1 - len(head))
    except OSError as error:
        return Blob(path, _guess(name), name, 0, "", problem=f"cannot be read: {error.strerror}")
    if len(data) > READ_LIMIT:
        return Blob(path, _guess(name), name, len(data), "", problem=f"larger than {READ_LIMIT} bytes")
    try:
        blob = judge(data, path)
    except UnavailableError as error:
        return Blob(path, _guess(name), name, len(data), "", problem=str(error))
    return None if blob.kind is Kind.UNKNOWN else blob


def _guess(name: str) -> Kind:
    return Kind.MODULE if re.search(r"\.ko(\.|$)", name) else Kind.ELF


def _promising(head: bytes, name: str) -> bool:
    return (head.startswith((elf.MAGIC, option_rom.MAGIC)) or _is_fcode(head)
            or bool(unpack.form(head) and _COMPRESSED.search(name)))


def _is_fcode(data: bytes) -> bool:
    return data[:1] in (b"\xf1", b"\xfd") and data[1:2] in (b"\x03", b"\x08")


def judge(data: bytes, path: str) -> Blob:
    """What these bytes are. :class:`UnavailableError` when a library is missing for them."""
    name = _COMPRESSED.sub("", os.path.basename(path)).removesuffix(".ko")
    size, digest = len(data), hashlib.sha256(data).hexdigest()
    compressed = unpack.form(data)
    kind = _guess(path) if compressed else Kind.UNKNOWN
    try:
        if compressed:
            data = unpack.unpack(data)
        kind = _kind(data)
        found = _judge(kind, data, name)
    except BadFileError as error:
        if kind is Kind.OPTION_ROM:  # two bytes at the beginning are no proof
            kind = Kind.UNKNOWN
        return Blob(path, kind, name, size, digest, problem=str(error).removeprefix(f"{name}: "))
    except UnavailableError as error:
        raise UnavailableError(f"{path}: {error}") from error
    if found is None:
        return Blob(path, Kind.UNKNOWN, name, size, digest, problem=NOT_KNOWN)
    facts = found.facts | ({"compressed": compressed, "unpacked_size": len(data)} if compressed else {})
    return Blob(path, found.kind, found.name, size, digest, found.rows, facts, found.findings)


def _kind(data: bytes) -> Kind:
    if data.startswith(elf.MAGIC):
        return Kind.ELF
    if data.startswith(option_rom.MAGIC):
        from openvmi.abi import names
        from openvmi.rom import load

        if data[8:12] == names.ROM_MAGIC.to_bytes(4, "little"):
            return Kind.CLASSIC_ROM if load.is_classic(data) else Kind.ROM
        return Kind.OPTION_ROM
    return Kind.FCODE if _is_fcode(data) else Kind.UNKNOWN


def _judge(kind: Kind, data: bytes, name: str) -> Judged | None:
    if kind is Kind.ELF:
        from openvmi.audit import of_elf

        return of_elf.judge(data, name)
    if kind in (Kind.OPTION_ROM, Kind.FCODE):
        from openvmi.audit import of_option_rom

        return (of_option_rom.judge if kind is Kind.OPTION_ROM else of_option_rom.judge_fcode)(data, name)
    if kind in (Kind.ROM, Kind.CLASSIC_ROM):
        from openvmi.audit import of_rom

        return (of_rom.judge if kind is Kind.ROM else of_rom.judge_classic)(data, name)
    return None

