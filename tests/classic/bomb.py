# SPDX-License-Identifier: MIT
"""A classic ROM that is as large as one can be, and as much work to look at."""

from __future__ import annotations

import struct

from openvmi.abi.classic import Call, Relocation
from openvmi.classic.image import ClassicRom
from tests.classic.wrong import RET, TABLE, UNIT

_CALLS = tuple(map(Call, range(15, 34)))
_LARGEST = 255 * UNIT


def bomb(right: ClassicRom, body: bytes, before: bytes) -> ClassicRom:
    """Each of 19 calls does what is before, and comes to the body, which is there as often as it fits."""
    data = bytearray(right.data).ljust(_LARGEST, b"\0")
    data[2] = _LARGEST // UNIT
    at, start = len(right.data), len(right.data) + len(_CALLS) * (len(before) + 5)
    code = body * ((_LARGEST - start - 2) // len(body)) + RET
    data[start:start + len(code)] = code
    for call in _CALLS:
        end = at + len(before) + 5
        data[at:end] = before + b"\xe9" + struct.pack("<i", start - end)
        struct.pack_into("<HBB", data, TABLE + 4 * call, at, Relocation.CALL_REL, 0)
        at = end
    data[-1] = -sum(data) & 0xFF
    return ClassicRom("bomb.rom", bytes(data))
