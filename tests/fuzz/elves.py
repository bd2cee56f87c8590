# SPDX-License-Identifier: MIT
"""A kernel module made byte by byte, without a compiler (System V ABI, chapter 4)."""

from __future__ import annotations

import struct

_TEXT, _INFO, _THIS, _SYMBOLS, _STRINGS, _NAMES = range(1, 7)
_SECTIONS = (".text", ".modinfo", ".gnu.linkonce.this_module", ".symtab", ".strtab", ".shstrtab")


def module(info: bytes, imports: tuple[str, ...]) -> bytes:
    """Relocatable, for x86-64: code, .modinfo, a struct module, symbols."""
    strings = b"\0init_module\0" + b"".join(name.encode() + b"\0" for name in imports)
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x12, 0, _TEXT, 0, 1)
    at = 13
    for name in imports:
        symbols += struct.pack("<IBBHQQ", at, 0x10, 0, 0, 0, 0)
        at += len(name) + 1
    names = b"\0" + b"".join(name.encode() + b"\0" for name in _SECTIONS)
    contents = (b"\xc3", info, bytes(64), symbols, strings, names)
    kinds = ((1, 6), (1, 2), (1, 3), (2, 0), (3, 0), (3, 0))
    body, headers, offset, name_at = b"", bytes(64), 64, 1
    for index, (content, (kind, flags)) in enumerate(zip(contents, kinds, strict=True), 1):
        link = _STRINGS if index == _SYMBOLS else 0
        headers += struct.pack("<IIQQQQIIQQ", name_at, kind, flags, 0, offset, len(content), link, 0, 1, 0)
        name_at += len(_SECTIONS[index - 1]) + 1
        body += content
        offset += len(content)
    head = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, offset, 0, 64, 0, 0, 64, len(_SECTIONS) + 1, _NAMES)
    return head + body + headers
