# SPDX-License-Identifier: MIT
"""One guest on a PC."""

from __future__ import annotations

from openvmi.hypervisors.bare import checks
from openvmi.hypervisors.bare.pc import Pc
from openvmi.hypervisors.base import Crash, Ending, MachineConfig, Outcome
from openvmi.machine.crash import backtrace
from openvmi.machine.qemu import installation
from openvmi.machine.qemu.process import QemuProcess
from openvmi.units import Gpa, Gva

_CPU = "qemu64,+rdrand"  #: QEMU's usual one, and what group random needs
_TRIPLE_FAULT = (
    "triple fault: the processor could not deliver a fault to the guest and reset the machine, or the guest reset it by"
    " other means than Shutdown"
)


class BareMachine(Pc):
    """Implements :class:`openvmi.hypervisors.base.Machine`."""

    def __init__(self, config: MachineConfig) -> None:
        checks.check(config)
        self.config = config
        qemu = QemuProcess(installation.find(), config.memory, deterministic=config.deterministic, exact=config.exact)
        super().__init__(qemu, lambda: _arguments(config, qemu), config.console, config.timeout)

    # ---- the interface ----

    def run(self) -> Outcome:
        """Runs the guest to its end. Raises :class:`OpenVmiError` when QEMU is ended by something else."""
        end = self._session.run()
        outcome = Outcome(*self._ending(end), boot_ms=end.boot_ms, run_ms=end.run_ms)
        if outcome.ending is Ending.CRASH:
            trace = backtrace(self.read_memory, end.registers.general["rbp"]) if end.registers else ()
            outcome.crash = Crash(outcome.message, end.registers, trace)
        return outcome

    def _on_reset(self) -> tuple[Ending, int, str]:
        return Ending.CRASH, 0, _TRIPLE_FAULT

    def read_memory(self, address: Gva, size: int) -> bytes | None:
        """Guest memory where the guest's image and its direct map have it; also after the end.

        The guest's own page tables are not looked at: None for what only they map.
        """
        guest = self.config.guest
        if guest.image_start <= address and address + size <= guest.image_end:
            return self.qemu.read(Gpa(address - guest.image_start + guest.segments[0].physical), size)
        return self.qemu.read(Gpa(address - guest.direct_map), size)

    def __enter__(self) -> BareMachine:
        return self


def _arguments(config: MachineConfig, qemu: QemuProcess) -> list[str]:
    arguments = ["-cpu", _CPU, "-kernel", qemu.add_file("kernel", config.guest.data), "-append", config.command_line]
    for _, data in config.modules:  # at most one, and PVH as QEMU does it has no place for its name
        arguments += ["-initrd", qemu.add_file("module", data)]
    if config.rom is not None:  # firmware puts it where the kernel looks for it
        arguments += ["-option-rom", qemu.add_file("rom", config.rom.data)]
    return arguments
