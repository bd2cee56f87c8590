# SPDX-License-Identifier: MIT
"""What QEMU says: QMP, in pieces, with a command under way, and its dump of registers. First byte: which."""

from __future__ import annotations

import json
import socket

from openvmi.errors import OpenVmiError
from openvmi.machine.qemu import registers
from openvmi.machine.qemu.control import Control

ALLOWED = (OpenVmiError,)
LIMIT = 2048
_NAMES = (*(name.upper() for name in ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "rip")),
          *(f"R{n}" for n in range(8, 16)))


def seeds() -> list[bytes]:
    """As QEMU does it."""
    dump = " ".join(f"{name:3}={number:016x}" for number, name in enumerate(_NAMES))
    dump += " RFL=00000246 CS =0008 0 SS =0010 0 CR2=1 CR3=1000 CPL=0"
    said: tuple[list[dict[str, object]], ...] = (
        [{"event": "RESET"}, {"return": {}, "id": 1}], [{"error": {"class": "x", "desc": "no"}, "id": 1}],
        [{"QMP": {}}])
    return [b"\0" + dump.encode(), *(b"\1" + b"\n".join(json.dumps(each).encode() for each in some) + b"\n"
                                     for some in said), b"\1[[[[[[[[\n"]


def run(data: bytes) -> None:
    """Takes what it said before it ended."""
    if data[:1] != b"\1":
        registers.parse(data[1:].decode("ascii", "replace"))
        return
    ours, its = socket.socketpair()
    with ours, its:
        control = Control(ours)
        its.sendall(data[1:])
        its.shutdown(socket.SHUT_WR)
        control.execute("stop")
