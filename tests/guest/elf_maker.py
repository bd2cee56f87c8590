# SPDX-License-Identifier: MIT
"""Makes guest files field by field, so that each test can put one thing wrong. Independent of the reader's layouts."""

from __future__ import annotations

import struct

from attrs import Factory, define

BASE, PHYSICAL = 0x40000000, 0x200000
CODE = BASE + 0x1000
WINDOW, DIRECT_MAP = 0x40010000, 0x80000000
R, W, X = 4, 2, 1
LOAD, NOTE = 1, 4

VERSION, GROUPS, ENTRY, ROM_WINDOW, DIRECT, LICENCE, SITES = range(1, 8)

IRQ_DISABLE = bytes.fromhex("2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e fa")
INIT = bytes.fromhex("e8 09 00 00 00")
LAZY_ENTER = bytes.fromhex("0f 1f 44 00 00")
SYS_RET = bytes.fromhex("e9 00 00 00 00")
TEXT = IRQ_DISABLE + INIT + LAZY_ENTER + SYS_RET + b"\xc3"


@define
class Program:
    """One program header; None is what the maker works out."""

    type: int
    flags: int
    virtual: int
    physical: int
    data: bytes = b""
    memory: int | None = None
    file_size: int | None = None
    offset: int | None = None
    align: int = 4096


@define
class Record:
    """A site record; `address` is absolute."""

    address: int
    call: int
    size: int


@define
class Maker:
    """A guest that is in order until something is changed."""

    ident: bytes = b"\x7fELF\x02\x01\x01" + bytes(9)
    type: int = 2
    machine: int = 62
    entry: int = CODE
    header_size: int = 64
    program_size: int = 56
    program_count: int | None = None
    program_offset: int = 64
    owner: bytes = b"OpenVMI\0"
    records: list[Record] = Factory(lambda: [
        Record(CODE, 0x0100, 15), Record(CODE + 15, 0x0000, 5), Record(CODE + 20, 0x030C, 5),
        Record(CODE + 25, 0x0204, 5),
    ])
    notes: dict[int, bytes] = Factory(lambda: {
        VERSION: struct.pack("<HHI", 4, 0, 1), GROUPS: bytes([9, 1, 0, 0]), ENTRY: struct.pack("<Q", CODE),
        ROM_WINDOW: struct.pack("<Q", WINDOW), DIRECT: struct.pack("<Q", DIRECT_MAP), LICENCE: b"MIT",
        SITES: struct.pack("<QQ", BASE, BASE + 32),
    })
    extra_notes: bytes = b""
    programs: list[Program] = Factory(lambda: [
        Program(LOAD, R, BASE, PHYSICAL), Program(NOTE, R, 0, 0, align=4),
        Program(LOAD, R | X, CODE, PHYSICAL + 0x1000, TEXT),
        Program(LOAD, R | W, BASE + 0x2000, PHYSICAL + 0x2000, b"data", memory=0x3000),
    ])

    def note(self, number: int, contents: bytes) -> bytes:
        """One note with this maker's owner."""
        name = self.owner + bytes(-len(self.owner) % 4)
        return struct.pack("<III", len(self.owner), len(contents), number) + name + contents + bytes(-len(contents) % 4)

    def bytes(self) -> bytes:
        """The file."""
        if not self.programs[0].data:
            self.programs[0].data = b"".join(
                struct.pack("<iHBB", r.address - (BASE + 8 * i), r.call, r.size, 0)
                for i, r in enumerate(self.records))
        if len(self.programs) > 1 and not self.programs[1].data:
            self.programs[1].data = b"".join(self.note(n, c) for n, c in self.notes.items()) + self.extra_notes
        count = len(self.programs)
        body, headers = b"", b""
        for p in self.programs:
            offset = 64 + count * 56 + len(body)
            body += p.data
            size = len(p.data) if p.file_size is None else p.file_size
            headers += struct.pack("<IIQQQQQQ", p.type, p.flags, offset if p.offset is None else p.offset, p.virtual,
                                   p.physical, size, size if p.memory is None else p.memory, p.align)
        header = self.ident + struct.pack(
            "<HHIQQQIHHHHHH", self.type, self.machine, 1, self.entry, self.program_offset, 0, 0, self.header_size,
            self.program_size, count if self.program_count is None else self.program_count, 0, 0, 0)
        return header + headers + body
