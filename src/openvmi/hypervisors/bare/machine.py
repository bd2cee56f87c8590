# SPDX-License-Identifier: MIT
"""One guest on a PC."""

from __future__ import annotations

from openvmi.hypervisors.bare import checks
from openvmi.hypervisors.base import Crash, Ending, MachineConfig, Outcome
from openvmi.machine import exit_port
from openvmi.machine.crash import backtrace
from openvmi.machine.qemu import installation
from openvmi.machine.qemu.process import QemuProcess
from openvmi.machine.qemu.session import Ended, Session, SessionEnd
from openvmi.units import Gpa, Gva

_TRIPLE_FAULT = (
    "triple fault: the processor could not deliver a fault to the guest and reset the machine, or the guest reset it by"
    " other means than Shutdown"
)
_PANIC = "guest-panicked"  # ShutdownCause of QEMU's QMP reference
_POWER_OFF = "guest-shutdown"


class BareMachine:
    """Implements :class:`openvmi.hypervisors.base.Machine`."""

    def __init__(self, config: MachineConfig) -> None:
        checks.check(config)
        self.config = config
        self.qemu = QemuProcess(installation.find(), config.memory, deterministic=config.deterministic,
                                exact=config.exact)
        try:
            self.qemu.start(self._arguments())
            self._session = Session(self.qemu, config.console, config.timeout)
        except BaseException:
            self.qemu.close()
            raise

    def _arguments(self) -> list[str]:
        config = self.config
        arguments = [
            "-device", f"isa-debug-exit,iobase={exit_port.EXIT_PORT:#x},iosize=1",
            "-kernel", self.qemu.add_file("kernel", config.guest.data), "-append", config.command_line,
        ]  # fmt: skip
        for _, data in config.modules:  # at most one, and PVH as QEMU does it has no place for its name
            arguments += ["-initrd", self.qemu.add_file("module", data)]
        if config.rom is not None:  # firmware puts it where the kernel looks for it
            arguments += ["-option-rom", self.qemu.add_file("rom", config.rom.data)]
        return arguments

    # ---- the interface ----

    def run(self) -> Outcome:
        """Runs the guest to its end. Raises :class:`OpenVmiError` when QEMU is ended by something else."""
        end = self._session.run()
        outcome = Outcome(*self._ending(end), boot_ms=end.boot_ms, run_ms=end.run_ms)
        if outcome.ending is Ending.CRASH:
            trace = backtrace(self.read_memory, end.registers.general["rbp"]) if end.registers else ()
            outcome.crash = Crash(outcome.message, end.registers, trace)
        return outcome

    def _ending(self, end: SessionEnd) -> tuple[Ending, int, str]:
        if end.ended is Ended.TIMEOUT:
            return Ending.TIMEOUT, 0, f"the guest did not end within {self.config.timeout:g} s"
        if end.ended is Ended.STOPPED:
            return Ending.INTERRUPTED, 0, "stopped by the user"
        if end.was_reset:
            return Ending.CRASH, 0, _TRIPLE_FAULT
        if end.cause == _PANIC:
            return Ending.CRASH, 0, exit_port.MESSAGES[Ending.CRASH]
        if end.cause == _POWER_OFF and end.status == 0:
            return Ending.EXIT, 0, ""
        # 1 is what isa-debug-exit makes of 0, and what QEMU ends with when it gives up, saying why.
        if end.status % 2 == 0 or (end.status == 1 and self.qemu.complaint()):
            raise self.qemu.unexpected_end(end.status)
        ending, code = exit_port.decode(end.status >> 1)
        return ending, code, exit_port.MESSAGES[ending]

    def stop(self) -> None:
        """Noticed at once."""
        self._session.stop()

    def pause(self) -> None:
        """Returns when the guest stands still; at once when it does not run."""
        self._session.pause()

    def resume(self) -> None:
        """Lets the guest go on."""
        self._session.resume()

    def read_memory(self, address: Gva, size: int) -> bytes | None:
        """Guest memory where the guest's image and its direct map have it; also after the end.

        The guest's own page tables are not looked at: None for what only they map.
        """
        guest = self.config.guest
        if guest.image_start <= address and address + size <= guest.image_end:
            return self.qemu.read(Gpa(address - guest.image_start + guest.segments[0].physical), size)
        return self.qemu.read(Gpa(address - guest.direct_map), size)

    def send_console(self, data: bytes) -> None:
        """Input for the guest. Kept until its serial port is set up, which its first output shows."""
        self._session.send_console(data)

    def __enter__(self) -> BareMachine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.qemu.close()
        self._session.close()
