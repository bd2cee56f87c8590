# SPDX-License-Identifier: MIT
"""What guests print that is read again: a kernel's log, the conformance kit's protocol, times. First byte: which."""

from __future__ import annotations

from openvmi import sizes
from openvmi.bench.times import lines
from openvmi.conformance.protocol import Reader
from openvmi.errors import OpenVmiError
from openvmi.machine import kernel_log
from openvmi.machine.kernel_log import KernelLog

ALLOWED = (OpenVmiError,)
LIMIT = 2048
_PIECE = 37


def seeds() -> list[bytes]:
    """One of each."""
    return [b"\0<6>[    0.000000] Linux version 2.6.27\n[ 1.5] <0>Kernel panic - not syncing: no init\r\n",
            b"\1@ mmu/pte-set~empty\n= SUCCESS\n@ irq/a~b\n  found 3\n= FAILURE\n@ c/d~e\n= SKIP random\n"
            b"conform: 3 run\n",
            b"\1@ sys/write~a\nhello\n~ 5 a430d84680aabd0b\n= SUCCESS\n~\n= SUCCESS\n",
            b"\2times syscall 100 5 6 7\nclock 30 10\nnote a kernel\n", b"\03064M", b"\x031GiB"]


def run(data: bytes) -> None:
    """Reads it, in pieces where it comes so."""
    which, text = data[:1], data[1:]
    if which == b"\2":
        found = lines.together([lines.parse(text)] * 2)
        assert all(samples.best >= 0 for samples in found.samples.values())
    elif which == b"\3":
        assert sizes.parse(text.decode("latin-1")) > 0
    else:
        said: list[str] = []
        log, reader = KernelLog(said.append), Reader()
        for at in range(0, len(text), _PIECE):
            (reader if which == b"\1" else log).feed(text[at:at + _PIECE])
        log.end_line()
        assert all(line.isprintable() or not line for line in said)
        any(map(kernel_log.panic, said))
        assert reader.open is None or reader.said
