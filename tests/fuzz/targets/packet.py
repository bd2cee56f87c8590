# SPDX-License-Identifier: MIT
"""Packets of the runner, whose guest may have broken out."""

from __future__ import annotations

import struct

from openvmi.errors import OpenVmiError
from openvmi.hypervisors.base import Mark
from openvmi.hypervisors.linux import control
from openvmi.machine import exit_port

ALLOWED = (OpenVmiError,)
LIMIT = 1024


def _end(number: int, code: int = 0) -> bytes:
    return struct.pack("<II256s23QI4x", number, code, b"no", *[0] * 23, 0)


def seeds() -> list[bytes]:
    """One of each kind."""
    end = struct.pack("<II256s23QI4x", 0, 3, b"it ended", *range(23), 2) + 2 * struct.pack("<32sQ", b"hypercall", 9)
    bodies = ((1, end), (1, _end(6)), (1, _end(7)), (1, _end(0, 1 << 31)), (2, bytes(24)), (3, bytes(16)),
              (4, bytes(8)))
    return [struct.pack("<II", kind, len(body)) + body for kind, body in bodies]


def run(data: bytes) -> None:
    """Takes one; its size is made right, as most of the time nothing else would be looked at, unless it is odd."""
    if len(data) >= 8 and not len(data) & 1:
        data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    found = control.decode(data)
    if isinstance(found, control.End):
        assert 0 <= found.code <= exit_port.CODE_MOST and (found.message or "-").isprintable()
        assert all((name or "-").isprintable() for name in found.exits)
    elif isinstance(found, Mark):
        assert found.value >= 0
