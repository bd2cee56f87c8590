# SPDX-License-Identifier: MIT
"""For tests only: the hypervisor emu and its ROM with what no hypervisor here has, so that the kit's tests of it run.

Group suspend, MemoryBalloon, and a second VCPU. The two VCPUs share the one processor: the second has it from VcpuStart
to VcpuStop, with interrupts disabled as it starts; the first goes on after that. Each mistake of :data:`MISTAKES` is
one that the kit has to notice.
"""

from __future__ import annotations

import ctypes
import shutil
import struct
from pathlib import Path
from typing import Any

from openvmi.abi import names
from openvmi.abi.layouts import BootInfo, ResumePoint, VcpuStart
from openvmi.abi.names import Call, Error, ShutdownReason, Source
from openvmi.hypervisors.emu import ending
from openvmi.hypervisors.emu.cpu import RAX, RDI, RSP
from openvmi.hypervisors.emu.hypercalls import Hypercalls
from openvmi.hypervisors.emu.machine import EmuMachine
from openvmi.machine.boot import Entry
from openvmi.machine.paging import canonical
from openvmi.rom import build
from openvmi.units import PAGE_MASK, PAGE_SIZE, Gpa, Gva

VCPUS = 2
#: What can be made wrong, and the test of the kit that finds it.
MISTAKES = {
    "SuspendPrepare gives a number": "suspend/suspend-prepare~it-says-whether-a-suspend-can-happen",
    "SuspendPrepare changes its mind": "suspend/suspend-prepare~asked-twice-it-says-the-same",
    "SuspendPrepare minds rubbish": "suspend/suspend-prepare~rubbish-where-it-has-no-arguments-is-ignored",
    "Suspend comes back": "suspend/suspend~the-guest-ends-here",
    "Suspend takes a point over the end": "suspend/suspend~a-resume-point-at-the-end-of-memory-is-refused",
    "Suspend takes any point": "suspend/suspend~a-resume-point-that-makes-no-sense-is-refused",
    "the balloon gives pages as they were": "sys/memory-balloon~pages-given-back-come-again-zeroed",
    "the balloon takes too many": "sys/memory-balloon~more-than-a-batch-is-refused",
    "the balloon takes any page": "sys/memory-balloon~pages-that-are-not-the-guests-are-not-taken",
    "the argument is lost": "smp/vcpu-start~a-vcpu-begins-at-its-entry",
    "no second start": "smp/vcpu-stop~a-vcpu-that-stopped-can-be-started-again",
}
_LOW = 0xFFFF_FFFF
_CALLS = (Call.VCPU_START, Call.VCPU_STOP, Call.IPI_SEND, Call.SUSPEND_PREPARE, Call.SUSPEND)
_ROM = "\n".join(("", *(f"\tHYPERCALL VMI_CALL_{call.name}" for call in _CALLS),
                  "\tROM_NATIVE VMI_CALL_VCPU_ID", "\tROM_NATIVE VMI_CALL_VCPU_YIELD", ""))


def rom(sources: Path, folder: Path, cache: Path) -> Path:
    """The ROM emu with the calls of these groups, built in a folder."""
    copy = folder / "emu"
    shutil.copytree(sources, copy)
    for file, old, new in (("calls.S", "VMI_REVISION_EVENT, 0, VMI_REVISION_SYS, 0,",
                            "VMI_REVISION_EVENT, VMI_REVISION_SMP, VMI_REVISION_SYS, VMI_REVISION_SUSPEND,"),
                           ("rom.toml", "[groups]\n", "[groups]\nsmp = { revision = 1, may_be_native = false }\n"
                                                      "suspend = { revision = 1, may_be_native = false }\n")):
        text = (copy / file).read_text()
        assert text.count(old) == 1, (file, old)
        (copy / file).write_text(text.replace(old, new) + (_ROM if file == "calls.S" else ""))
    output = folder / "more.rom"
    build.build(copy, output, cache)
    return output


class MoreMachine(EmuMachine):
    """The emulator with these."""

    mistake = ""

    def _build(self) -> None:
        super()._build()
        self._handler._calls = MoreCalls(self)

    def _enter(self, entry: Entry) -> None:
        super()._enter(entry)
        place = dict((name, offset) for name, offset, _ in BootInfo.FIELDS)["vcpu_count"]
        found = self._memory.write(Gpa(entry.rdi - self.config.guest.direct_map + place), struct.pack("<I", VCPUS))
        assert found, "the boot information is in the direct map"


class MoreCalls(Hypercalls):
    """Their handlers; all else as ever."""

    def __init__(self, machine: MoreMachine) -> None:
        super().__init__(machine)
        self._mistake = machine.mistake
        self._first: tuple[bytes, Any, Any, Gpa] | None = None  # of VCPU 0 while VCPU 1 has the processor
        self._started = {0}
        self._given: dict[int, bytes] = {}
        self._asked = 0

    def perform(self) -> None:
        """One of these calls, or another."""
        handler = {
            Call.VCPU_INIT: self.vcpu_init, Call.VCPU_START: self.vcpu_start, Call.VCPU_STOP: self.vcpu_stop,
            Call.IPI_SEND: self.ipi_send, Call.SUSPEND_PREPARE: self.suspend_prepare, Call.SUSPEND: self.suspend,
            Call.MEMORY_BALLOON: self.memory_balloon,
        }.get(self._general[RAX] & _LOW)
        if handler is None:
            super().perform()
        elif (result := handler()) is not None:
            self._general[RAX] = result & (1 << 64) - 1

    # ---- smp ----

    def vcpu_init(self) -> int | None:
        number, block, *_ = self._arguments()
        if number & _LOW != (self._first is not None):
            return Error.INVALID
        return Error.SUCCESS if self._vcpu.init_block(block) else Error.INVALID

    def vcpu_start(self) -> int | None:
        number, place, *_ = self._arguments()
        if number & _LOW in (0, self._first is not None):
            return Error.BUSY
        if number & _LOW >= VCPUS or (self._mistake == "no second start" and 1 in self._started):
            return Error.INVALID
        raw = self._vcpu.space.read(Gva(place), VcpuStart.SIZE)
        if raw is None:
            return Error.INVALID  # FAULT is none of its errors
        start = VcpuStart.unpack(raw)
        if not (canonical(start.entry) and canonical(start.stack)) or not self._is_memory(start.page_root, PAGE_SIZE):
            return Error.INVALID
        self._started.add(1)
        vcpu, cpu = self._vcpu, self._vcpu.cpu
        self._general[RAX] = Error.SUCCESS
        self._first = bytes(cpu.state), vcpu.block, vcpu._shared, cpu.page_root
        cpu.set_page_root(Gpa(start.page_root))
        for register in range(16):
            self._general[register] = 0
        cpu.rip, self._general[RSP], cpu.gs_base = Gva(start.entry), start.stack, Gva(0)
        self._general[RDI] = start.argument if self._mistake != "the argument is lost" else 0
        vcpu.block, vcpu._shared = Gva(0), None
        return None

    def vcpu_stop(self) -> int | None:
        if self._first is None:
            return Error.INVALID
        state, self._vcpu.block, self._vcpu._shared, root = self._first
        self._first = None
        self._vcpu.cpu.set_page_root(root)
        ctypes.memmove(ctypes.addressof(self._vcpu.cpu.state), state, len(state))
        return None

    def ipi_send(self) -> int | None:
        vcpus = self._general[RDI]
        if vcpus & ~sum(1 << number for number in self._started):
            return Error.INVALID
        if vcpus >> (self._first is not None) & 1:
            self._machine.events.raise_source(Source.IPI)
        return Error.SUCCESS

    # ---- suspend ----

    def suspend_prepare(self) -> int | None:
        self._asked += 1
        if self._mistake == "SuspendPrepare gives a number":
            return 7
        if self._mistake == "SuspendPrepare changes its mind" and self._asked % 2:
            return Error.BUSY
        if self._mistake == "SuspendPrepare minds rubbish" and not canonical(self._general[RDI]):
            return Error.BUSY
        return Error.BUSY if self._first else Error.SUCCESS

    def suspend(self) -> int | None:
        point = self._general[RDI]
        size = ResumePoint.SIZE if self._mistake != "Suspend takes a point over the end" else 1
        if self._mistake != "Suspend takes any point" and not self._is_memory(point, size):
            return Error.INVALID
        if self._mistake == "Suspend comes back":
            return Error.SUCCESS
        raise ending.shutdown(ShutdownReason.EXIT, 0)

    # ---- sys ----

    def memory_balloon(self) -> int | None:
        place, count, give, *_ = self._arguments()
        count, give = count & _LOW, give & _LOW
        if count > names.BATCH_LIMIT and self._mistake != "the balloon takes too many":
            return Error.INVALID
        count = min(count, names.BATCH_LIMIT)
        raw = self._vcpu.space.read(Gva(place), 8 * count)
        if raw is None:
            return Error.FAULT
        for done, (page,) in enumerate(struct.iter_unpack("<Q", raw)):
            if not (self._take(Gpa(page)) if give else self._give(Gpa(page))):
                return done
        return count

    def _take(self, page: Gpa) -> bool:
        if self._mistake == "the balloon takes any page":
            return True
        before = self._machine._memory.read(page, PAGE_SIZE) if self._is_memory(page, PAGE_SIZE) else None
        if before is None or page & PAGE_MASK or page in self._given:
            return False
        self._given[page] = before
        return self._machine._memory.write(page, b"\xcc" * PAGE_SIZE)

    def _give(self, page: Gpa) -> bool:
        before = self._given.pop(page, None)
        if before is None:
            return False
        wrong = self._mistake == "the balloon gives pages as they were"
        return self._machine._memory.write(page, before if wrong else bytes(PAGE_SIZE))

    def _is_memory(self, start: int, size: int) -> bool:
        return start + size <= self._machine.config.memory
