# SPDX-License-Identifier: MIT
"""Xen's serial port, on which the guest prints as well: what is whose, and what Xen said of an end; and a package for
its boot shim. First byte: which, and in pieces of what size."""

from __future__ import annotations

from openvmi.errors import BadFileError
from openvmi.hypervisors.xen import dump
from openvmi.hypervisors.xen.console import ConsoleFilter
from openvmi.hypervisors.xen.package import Package, unpack

ALLOWED = (BadFileError,)
LIMIT = 8192
_PRINTED = 1024  # bytes of a console: what comes later is as what came before
_MARK = b"(XEN) [0000000003e104e0] "
_LAST = (b"*** Serial input to DOM0", b"d0v0 Unhandled: page fault fault/trap [#14]", b"domain_crash called from x.c:1",
         b"Domain 0 (vcpu#0) crashed on cpu#0:", b"RIP:    e033:[<ffffffff80100000>]",
         b"RFLAGS: 0000000000000206   EM: 1   CONTEXT: pv guest (d0v0)", b"rax: 0   rbx: 1   rcx: 2",
         b"rdx: 0000   rsi: 1   rdi: 2", b"rbp: 0   rsp: 1   r8:  2", b"r9:  0   r10: 1   r11: 2",
         b"r12: 0   r13: 1   r14: 2", b"r15: 0   cr0: 1   cr4: 2", b"cr3: 1000   cr2: 0",
         b"ds: 0   cs: e033   ss: e02b",
         b"Hardware Dom0 crashed: rebooting machine in 5 seconds.", b"****************************************",
         b"Panic on CPU 0:", b"Not enough RAM for DOM0 reservation.", b"Reboot in five seconds...")


def seeds() -> list[bytes]:
    """A crash, guest and Xen mixed, and packages."""
    whole = b"".join(b"guest" + bytes([10] * (n & 1)) + _MARK + line + b"\r\n" for n, line in enumerate(_LAST))
    package = Package(b"elf", b"rom", b"vmi=off", ((b"name", b"data"),)).pack()
    return [b"\1" + whole, b"\7" + whole, b"\x40" + whole[:200], b"\0" + package[:4096 + 100], b"\0" + package[:8000]]


def run(data: bytes) -> None:
    """Takes it."""
    step = data[0] if data else 0
    if not step:
        unpack(data[1:]).pack()
        return
    lines: list[str] = []
    guest = bytearray()
    port = ConsoleFilter(guest.extend, lines.append)
    for at in range(1, min(len(data), _PRINTED), step):
        port.feed(data[at:min(at + step, _PRINTED)])
    port.close()
    assert len(guest) <= len(data)
    since = dump.since_start(port.lines)
    dump.killed(since)
    dump.panic(since)
    any(map(dump.is_final, port.lines))
