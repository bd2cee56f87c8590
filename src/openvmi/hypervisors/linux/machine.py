# SPDX-License-Identifier: MIT
"""One guest as a process of the host."""

from __future__ import annotations

import os
from contextlib import ExitStack

from openvmi.errors import OpenVmiError
from openvmi.hypervisors.base import Crash, Ending, MachineConfig, Outcome
from openvmi.hypervisors.linux import checks, handover, layout, plant
from openvmi.hypervisors.linux.control import Paused, Report
from openvmi.hypervisors.linux.process import RunnerProcess
from openvmi.hypervisors.linux.session import Session, SessionEnd
from openvmi.machine import boot, exit_port
from openvmi.machine.crash import backtrace, read_report
from openvmi.machine.memory import Memory
from openvmi.machine.paging import AddressSpace
from openvmi.units import Gva


class LinuxMachine:
    """Implements :class:`openvmi.hypervisors.base.Machine`. Guest memory is this process's, too, until it is left."""

    def __init__(self, config: MachineConfig) -> None:
        checks.check(config)
        self.config = config
        self._reported: Crash | None = None
        with ExitStack() as failing:
            self.runner = RunnerProcess()  # it comes up while memory is filled
            failing.callback(self.runner.close)
            self._memory = self._map(failing)
            self._load()
            self._session = Session(self.runner, self._enter, config.console, self._hear, config.timeout)
            self._stack = failing.pop_all()

    def _map(self, stack: ExitStack) -> Memory:
        try:
            self._file = layout.make_file(self.config.memory)
            stack.callback(os.close, self._file)
            memory = layout.map_file(self.config.memory, self._file)
        except OSError as error:
            raise OpenVmiError(f"no {self.config.memory >> 20} MiB of memory for the guest: {error.strerror}; give it"
                               " less with --memory") from error
        stack.callback(memory.close)
        return memory

    def _load(self) -> None:
        _, text, data = self._memory.regions
        rom, native = self.config.rom, layout.native(self.config)
        if rom and not native:
            text.view[: len(rom.text)] = rom.text
            data.view[: len(rom.data_page)] = rom.data_page
        self._entry = boot.load(self.config, self._memory, layout.platform(self.config.memory, native))
        if native:
            plant.plant(self.config.guest, self._memory.ram.view)
        self._root = self._entry.page_root
        self._space = AddressSpace(self._memory.read, lambda address, data: False, lambda: self._root)

    def _enter(self) -> None:
        self.runner.hand_over(handover.pack(self.config, self._entry), self._file)

    def _hear(self, said: Report | Paused) -> None:
        self._root = said.root
        if isinstance(said, Report):
            self._reported = read_report(self.read_memory, said.address, self.config.guest.window) or self._reported

    # ---- the interface ----

    def run(self) -> Outcome:
        """Runs the guest to its end. Raises :class:`OpenVmiError` when something else ends the runner, or it fails."""
        end = self._session.run()
        said = end.said
        outcome = Outcome(*self._ending(end), exits=dict(sorted(said.exits.items())) if said else {}, marks=end.marks,
                          boot_ms=end.boot_ms, run_ms=end.run_ms)
        if said and said.registers:
            self._root = said.registers.cr3
        if outcome.ending is Ending.CRASH:
            outcome.crash = self._reported or self._crash(end, outcome.message)
            outcome.message = outcome.crash.reason
        return outcome

    def _ending(self, end: SessionEnd) -> tuple[Ending, int, str]:
        """How it ended, the exit status, and a sentence."""
        ending, code, message = end.ending, 0, ""
        if end.said and not (ending and end.said.ending is Ending.INTERRUPTED):
            ending, code, message = end.said.ending, end.said.code, end.said.message
        if ending is None:
            raise OpenVmiError(f"the runner (process {self.runner.pid}) could not go on:"
                               f" {message or 'it did not say why'}")
        return ending, code, message or self._sentence(ending)

    def _sentence(self, ending: Ending) -> str:
        if ending is Ending.TIMEOUT:
            return f"the guest did not end within {self.config.timeout:g} s"
        return "stopped by the user" if ending is Ending.INTERRUPTED else exit_port.MESSAGES[ending]

    def _crash(self, end: SessionEnd, reason: str) -> Crash:
        registers = end.said.registers if end.said else None
        trace = backtrace(self.read_memory, registers.general["rbp"]) if registers else ()
        return Crash(reason, registers, trace)

    def stop(self) -> None:
        """Noticed at once."""
        self._session.stop()

    def pause(self) -> None:
        """Returns when the guest stands still; at once when it does not run, or from within its console."""
        self._session.pause()

    def resume(self) -> None:
        """Lets the guest go on."""
        self._session.resume()

    def read_memory(self, address: Gva, size: int) -> bytes | None:
        """Guest memory, also after the end, in the address space of the end or of the last pause; before, the first."""
        return self._space.read(address, size)

    def send_console(self, data: bytes) -> None:
        """Input for the guest."""
        self._session.send_console(data)

    def __enter__(self) -> LinuxMachine:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        self._session.close()
