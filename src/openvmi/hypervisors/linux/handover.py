# SPDX-License-Identifier: MIT
"""What the runner gets to begin with: one packet, and with it three descriptors (struct handover in runner/runner.h).

       0  | magic "LNXR"  |    version    |
       8  | bytes of RAM; ROM window; RIP, RSP, RDI to enter with; page root                     6 x u64
      56  | image start; image end; direct map; limit of time, ns                                4 x u64
      88  | with its ROM  |   reserved    |        0: it stays native
      96  | hypervisor version, ROM name, ROM version: for Info                                  3 x 32 bytes

The descriptors: memory file, console (a stream, both ways), control (packets, both ways).
"""

from __future__ import annotations

import socket
import struct

from openvmi import __version__
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.linux.layout import native
from openvmi.machine.boot import Entry

MAGIC = b"LNXR"
VERSION = 1
_LAYOUT = struct.Struct("<4sI10QII32s32s32s")
_LIMIT_MOST = 10**9  # seconds


def pack(config: MachineConfig, entry: Entry) -> bytes:
    """The packet."""
    guest, rom = config.guest, config.rom
    limit = max(1, int(min(config.timeout, _LIMIT_MOST) * 1e9))
    texts = (__version__, rom.name if rom else "", rom.version if rom else "")
    return _LAYOUT.pack(
        MAGIC, VERSION, config.memory, guest.window, entry.rip, entry.rsp, entry.rdi, entry.page_root,
        guest.image_start, guest.image_end, guest.direct_map, limit, int(not native(config)), 0,
        *(text.encode("ascii", "replace") for text in texts),
    )  # fmt: skip


def send(connection: socket.socket, packet: bytes, memory: int, console: socket.socket, control: socket.socket) -> None:
    """Gives all of it to the runner. Raises :class:`OSError` when that is gone."""
    socket.send_fds(connection, [packet], [memory, console.fileno(), control.fileno()])
