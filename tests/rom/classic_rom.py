# SPDX-License-Identifier: MIT
"""Images of classic ROMs made by hand, without a compiler."""

from __future__ import annotations

from collections.abc import Mapping

from openvmi.abi.classic import Call, Header, Relocation
from openvmi.abi.layout import offset_of
from openvmi.classic.emit import CODE_OFFSET, ClassicContents, emit

# xor %edx, %edx; cmp $74, %eax; jae 2f; call 1f; 1: pop %ecx; lea rom_table - 1b(%ecx), %ecx;
# mov 2(%ecx, %eax, 4), %dl; movzwl (%ecx, %eax, 4), %eax; test %eax, %eax; jz 3f; lea -0x90(%ecx, %eax), %eax; ret;
# 2: xor %eax, %eax; 3: ret
GET_RELOC = bytes.fromhex(
    "31d2 83f84a 7320 e800000000 59 8d89c4feffff 8a548102 0fb70481 85c0 740a 8d840170ffffff c3 31c0 c3")
INIT = CODE_OFFSET + len(GET_RELOC)
# xor %eax, %eax; ret
AFTER = bytes.fromhex("31c0 c3")
LEAVE = INIT + len(AFTER)  #: iret; sti; sysexit
Answers = Mapping[Call, tuple[Relocation, int]]
LEAST: Answers = {Call.IRET: (Relocation.JUMP_REL, LEAVE), Call.SYSEXIT: (Relocation.JUMP_REL, LEAVE + 1)}


def image(answers: Answers = LEAST) -> bytes:
    """A ROM in order, unless its answers are not."""
    return emit(ClassicContents(
        version=(3, 9), product="by hand", code=((CODE_OFFSET, GET_RELOC + AFTER + bytes.fromhex("cf fb 0f35")),),
        answers=answers, vmi_init=INIT, get_reloc=CODE_OFFSET,
    ))


def coded(get_reloc: bytes) -> bytes:
    """A ROM whose get_reloc is this code."""
    return emit(ClassicContents(
        version=(0, 1), product="coded", code=((CODE_OFFSET, AFTER + get_reloc),), answers={}, vmi_init=CODE_OFFSET,
        get_reloc=CODE_OFFSET + len(AFTER),
    ))


def put(data: bytes, offset: int, new: bytes) -> bytes:
    """Other bytes at an offset, and the checksum right again."""
    out = bytearray(data)
    out[offset:offset + len(new)] = new
    at = offset_of(Header, "reserved1")
    out[at] = (out[at] - sum(out)) & 0xFF
    return bytes(out)
