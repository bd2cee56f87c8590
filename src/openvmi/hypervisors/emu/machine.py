# SPDX-License-Identifier: MIT
"""One guest on the emulator: puts the parts together and runs it, one exit after the other."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable

from openvmi import __version__
from openvmi.abi import names
from openvmi.abi.names import InfoItem, Source
from openvmi.errors import RefusedError
from openvmi.hypervisors.base import Crash, Ending, MachineConfig, Mark, Outcome
from openvmi.hypervisors.emu import ending, segments, selftest, traps
from openvmi.hypervisors.emu.clock import Clock
from openvmi.hypervisors.emu.cpu import RDI, RSP, Cpu, StopKind
from openvmi.hypervisors.emu.devices.pc import Pc
from openvmi.hypervisors.emu.ending import GuestEnd
from openvmi.hypervisors.emu.events import Events
from openvmi.hypervisors.emu.exits import Exits
from openvmi.hypervisors.emu.layout import NAME, PLATFORM, ROM_DATA, ROM_TEXT, TABLE, TABLE_OFFSET
from openvmi.hypervisors.emu.msrs import Msrs
from openvmi.hypervisors.emu.vcpu import Vcpu
from openvmi.machine import boot
from openvmi.machine.console import ConsoleInput
from openvmi.machine.memory import Memory
from openvmi.units import PAGE_SIZE, Gva, Nanoseconds

_SLICE = 200_000  #: instructions between two looks at the host: about 2 ms
_STEP = 16  #: instructions between two looks while in ROM text
_NAP = 0.005  #: seconds between two looks while idle
_SEED = 0x564D49  #: of the random bytes that a run has which is to be the same each time
_SHORTEST = 1000  #: instructions of a slice that host time bounds


class EmuMachine:
    """Implements :class:`openvmi.hypervisors.base.Machine`. All guest state is touched by the running thread only."""

    def __init__(self, config: MachineConfig) -> None:
        boot.check_memory(config.memory)
        if config.rom is not None and config.rom.hypervisor != NAME:
            raise RefusedError(
                f"the ROM {config.rom.name} is for the hypervisor {config.rom.hypervisor}; on {NAME} give one that is"
                f" for {NAME}, or none"
            )
        self.config = config
        self._memory = Memory(config.memory)
        try:
            self._build()
        except BaseException:
            self._memory.close()
            raise

    def _build(self) -> None:
        config, memory = self.config, self._memory
        text = memory.add(ROM_TEXT, names.TEXT_LIMIT, writable=False, executable=True)
        data = memory.add(ROM_DATA, names.DATA_LIMIT, writable=True, executable=False)
        table = memory.add(TABLE, PAGE_SIZE, writable=False, executable=False)
        rom = config.rom
        if rom:
            text.view[: len(rom.text)] = rom.text
            data.view[: len(rom.data_page)] = rom.data_page
        entry = boot.load(config, memory, PLATFORM)

        self._cpu = Cpu()
        selftest.check(self._cpu)
        self._cpu.attach(memory)
        self._segments = segments.DescriptorTable(table.view)
        self._cpu.enter_long_mode(Gva(config.guest.window + TABLE_OFFSET), segments.LIMIT, entry.page_root)
        self.vcpu = Vcpu(self._cpu, memory, self._segments)
        self._enter(entry)

        self.clock = Clock(self._cpu, config.deterministic)
        self.events = Events()
        self.input = ConsoleInput()
        self.msrs = Msrs(self.vcpu, self.clock)
        self.random_bytes = random.Random(_SEED).randbytes if config.deterministic else os.urandom
        self.marks: list[Mark] = []
        self.halted = False
        self.reported: Crash | None = None
        self.texts: dict[int, str] = {  # by InfoItem
            InfoItem.HYPERVISOR: NAME,
            InfoItem.HYPERVISOR_VERSION: __version__,
            InfoItem.ROM: rom.name if rom else "",
            InfoItem.ROM_VERSION: rom.version if rom else "",
        }
        self._exits: Counter[str] = Counter()
        self.pc = Pc(self._cpu, self.clock, self.input, self.console_output, self.count)
        self._first_output: float | None = None
        self._stopping = False
        self._pausing = threading.Event()
        self._paused = threading.Event()
        self._resumed = threading.Event()
        self._runner: int | None = None
        self._begin = 0.0
        self._handler = Exits(self)

    def _enter(self, entry: boot.Entry) -> None:
        cpu = self._cpu
        code, stack = self._segments.code(segments.KERNEL_CS), self._segments.stack(segments.KERNEL_SS)
        assert code and stack
        cpu.load_code(segments.KERNEL_CS, code, segments.KERNEL_SS, stack)
        for index in range(16):
            cpu.general[index] = 0
        cpu.flags = 0
        cpu.rip, cpu.general[RSP], cpu.general[RDI] = entry.rip, entry.rsp, entry.rdi

    # ---- the interface ----

    def run(self) -> Outcome:
        """Runs the guest to its end."""
        self._runner = threading.get_ident()
        self._begin = time.monotonic()
        try:
            self._loop()
        except GuestEnd as end:
            return self._outcome(end)
        finally:
            self._runner = None
            self._paused.set()
        raise AssertionError("the loop ends by GuestEnd only")

    def stop(self) -> None:
        """Noticed at the end of the slice, within milliseconds."""
        self._stopping = True

    def pause(self) -> None:
        """Returns when the guest stands still; at once when it does not run, or from within its console."""
        self._resumed.clear()
        self._paused.clear()
        self._pausing.set()
        if self._runner not in (None, threading.get_ident()):
            self._paused.wait()

    def resume(self) -> None:
        """Lets the guest go on."""
        self._pausing.clear()
        self._resumed.set()

    def read_memory(self, address: Gva, size: int) -> bytes | None:
        """Guest memory in the present address space."""
        return self.vcpu.space.read(address, size)

    def send_console(self, data: bytes) -> None:
        """Input for the guest."""
        self.input.put(data)

    def __enter__(self) -> EmuMachine:
        return self

    def __exit__(self, *exception: object) -> None:
        self._cpu.close()
        self._segments.close()
        self._memory.close()

    def console_output(self, data: bytes) -> None:
        """What the guest writes, on its way out."""
        if self._first_output is None and data:
            self._first_output = time.monotonic()
        self.config.console(data)

    # ---- the loop ----

    def _loop(self) -> None:
        after_call = False
        while True:
            self._look_at_host()
            self._tick()
            self._deliver_pending(after_call)
            if self.halted:
                self._idle()
                continue
            stop = self._cpu.run(self._budget())
            self.vcpu.shadow = False
            after_call = False
            self._handler.handle(stop)
            after_call = stop.kind is StopKind.PORT_OUT

    def _look_at_host(self) -> None:
        if self._stopping:
            raise GuestEnd(Ending.INTERRUPTED, "stopped by the user")
        if time.monotonic() - self._begin > self.config.timeout:
            raise GuestEnd(Ending.TIMEOUT, f"the guest did not end within {self.config.timeout:g} s")
        if self._pausing.is_set():
            self._paused.set()
            while self._pausing.is_set() and not self._stopping:
                self._resumed.wait(_NAP)

    def _tick(self) -> None:
        now = self.clock.now()
        self.events.tick(now)
        self.pc.tick(now)
        if self.input.arrived():
            self.events.raise_source(Source.CONSOLE)

    def _deadline(self) -> Nanoseconds | None:
        deadlines = [at for at in (self.events.deadline, self.pc.apic.deadline) if at is not None]
        return min(deadlines, default=None)

    def _budget(self) -> int:
        if self.vcpu.shadow:
            return 1
        if self._in_rom_text():
            return _STEP
        deadline = self._deadline()
        if deadline is None:
            return _SLICE
        left = deadline - self.clock.now()
        if self.clock.deterministic:
            return max(1, min(_SLICE, left))
        return max(_SHORTEST, min(_SLICE, left // 10))  # an instruction takes about 10 ns of the host's time

    def _in_rom_text(self) -> bool:
        return 0 <= self._cpu.rip - self.config.guest.window < names.TEXT_LIMIT

    def _next_event(self) -> tuple[int, Callable[[], None]] | None:
        """The vector to deliver next, and what marks it as taken."""
        event = self.events.next()
        if event is not None:
            source, vector = event
            return vector, lambda: self.events.take(source)
        interrupt = self.pc.apic.next()
        return None if interrupt is None else (interrupt, lambda: self.pc.apic.take(interrupt))

    def _deliver_pending(self, after_call: bool) -> None:
        event = self._next_event()
        if event is not None and self.vcpu.interrupts and not self.vcpu.shadow:
            if self._in_rom_text() and not after_call:
                return
            vector, take = event
            take()
            self.halted = False
            self.count("event")
            traps.deliver(self.vcpu, vector)
            event = self._next_event()
        self.vcpu.set_waiting(event is not None)

    def _idle(self) -> None:
        """Lets time pass until something may happen."""
        if self._next_event() is not None and self.vcpu.interrupts and not self.vcpu.shadow:
            return
        self.vcpu.shadow = False
        deadline = self._deadline()
        if self.clock.deterministic:
            if deadline is None or not self.vcpu.interrupts:
                raise GuestEnd(Ending.TIMEOUT, "the guest waits for an event that cannot come")
            self.clock.skip_to(deadline)
        else:
            left = _NAP if deadline is None else (deadline - self.clock.now()) / 1e9
            time.sleep(max(0.0, min(_NAP, left)))

    def count(self, what: str) -> None:
        """Counts one departure from the guest."""
        self._exits[what] += 1

    # ---- the end ----

    def _outcome(self, end: GuestEnd) -> Outcome:
        now = time.monotonic()
        crash = None
        message = end.message
        if end.ending is Ending.CRASH:
            crash = self.reported or ending.crash(self.vcpu, end.message)
            message = crash.reason if self.reported else end.message
        return Outcome(
            ending=end.ending,
            code=end.code,
            message=message,
            crash=crash,
            exits=dict(sorted(self._exits.items())),
            instructions=self._cpu.instructions,
            marks=self.marks,
            boot_ms=((self._first_output or now) - self._begin) * 1e3,
            run_ms=(now - self._begin) * 1e3,
        )
