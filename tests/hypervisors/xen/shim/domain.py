# SPDX-License-Identifier: MIT
"""A domain that the shim has started, on the real Xen, as it is after its end: by Xen's tables, in machine memory."""

from __future__ import annotations

import os
import struct
from functools import cached_property

from attrs import frozen

from openvmi.hypervisors.xen import installation
from openvmi.machine.qemu import installation as qemu
from openvmi.machine.qemu.process import QemuProcess
from openvmi.machine.qemu.session import Session, SessionEnd
from openvmi.units import PAGE_SIZE, Gpa

PRESENT, WRITABLE, USER, LARGE = 1, 2, 4, 128
NO_EXECUTE = 1 << 63
KERNEL = 1 << 52  # XEN_PTE_KERNEL_BIT of private.h
ACCESSED_DIRTY = 0x60
FRAME = 0x000F_FFFF_FFFF_F000

_OPTIONS = "console=com1 loglvl=none guest_loglvl=all bootscrub=0"
_MIB = 1 << 20
_XEN_MEMORY = 64  # MiB, for Xen itself and the package
_DIRTY = 256 << 20


def split(data: bytes, form: str) -> tuple[int, ...]:
    """All of the bytes as numbers."""
    return struct.unpack(f"<{len(data) // struct.calcsize(form)}{form}", data)


@frozen
class Domain:
    """`console` without Xen's own lines. Pages are numbers of guest-physical ones, frames of machine ones."""

    qemu: QemuProcess
    console: str
    end: SessionEnd

    @cached_property
    def root(self) -> int:
        """Machine address of the level 4 table."""
        assert self.end.registers is not None
        return self.end.registers.cr3 & FRAME

    def machine(self, address: int, size: int) -> bytes:
        """Machine memory."""
        data = self.qemu.read(Gpa(address), size)
        assert data is not None
        return data

    def table(self, entry: int) -> tuple[int, ...]:
        """The table that an entry, or a root, leads to."""
        return split(self.machine(entry & FRAME, PAGE_SIZE), "Q")

    def entries(self, address: int) -> list[int]:
        """The entries for an address, from level 4 down, to the first that is not present or maps a large page."""
        found, table = [], self.root
        for shift in (39, 30, 21, 12):
            found.append(self.table(table)[address >> shift & 511])
            if not found[-1] & PRESENT or (found[-1] & LARGE and shift == 21):
                break
            table = found[-1]
        return found

    def flags(self, address: int) -> str:
        """How an address is mapped: r, rw, rx, or nothing."""
        *upper, leaf = self.entries(address)
        if not leaf & PRESENT:
            return ""
        for entry in upper:  # these allow everything, and are the kernel's
            assert entry & ~(FRAME | ACCESSED_DIRTY) == PRESENT | WRITABLE | USER | KERNEL
        assert leaf & ~(FRAME | ACCESSED_DIRTY) & ~(WRITABLE | NO_EXECUTE) == PRESENT | USER | KERNEL
        return "r" + "w" * bool(leaf & WRITABLE) + "x" * (not leaf & NO_EXECUTE)

    def frame(self, address: int) -> int:
        """The machine frame that is mapped at an address."""
        *upper, leaf = self.entries(address)
        assert leaf & PRESENT
        inside = address // PAGE_SIZE % 512 if len(upper) == 2 else 0  # of a large page, which only Xen has
        return (leaf & FRAME) // PAGE_SIZE + inside

    def read(self, address: int, size: int) -> bytes:
        """Guest-virtual memory. Fails where it is not mapped."""
        parts = []
        while size:
            inside = address % PAGE_SIZE
            step = min(size, PAGE_SIZE - inside)
            parts.append(self.machine(self.frame(address) * PAGE_SIZE + inside, step))
            address, size = address + step, size - step
        return b"".join(parts)

    def numbers(self, address: int, count: int, form: str = "Q") -> tuple[int, ...]:
        """An array of numbers there."""
        return split(self.read(address, count * struct.calcsize(form)), form)

    def close(self) -> None:
        """Frees the memory."""
        self.qemu.close()


def start(shim: bytes, package: bytes, memory: int = 64, line: str = "") -> Domain:
    """Starts Xen with the shim as dom0, which gets that many MiB and a command line of Xen's, and waits for its end."""
    said = bytearray()
    size = (memory + memory // 32 + _XEN_MEMORY) << 20
    process = QemuProcess(qemu.find(), size, deterministic=True)
    try:
        for at in range(_MIB, min(size, _DIRTY), _MIB):  # so that nothing is zero by itself
            os.pwrite(process._ram, b"dirt" * (_MIB // 4), at)
        xen, kernel, module = (process.add_file(name, data) for name, data in (
            ("xen", installation.find().image), ("shim", shim), ("package", package)))
        process.start(["-kernel", xen, "-initrd", f"{kernel} {line},{module}",
                       "-append", f"{_OPTIONS} dom0_mem={memory}M,max:{memory}M"])
        session = Session(process, said.extend, 30.0)
        end = session.run()
        session.close()
    except BaseException:
        process.close()
        raise
    lines = said.decode(errors="replace").splitlines()
    return Domain(process, "\n".join(line for line in lines if not line.startswith("(XEN) ")), end)
