# SPDX-License-Identifier: MIT
"""One Linux kernel for i386 on a PC, with a ROM for the classic interface in the expansion-ROM area or without."""

from __future__ import annotations

from openvmi.hypervisors.bare import checks
from openvmi.hypervisors.bare.pc import Pc
from openvmi.hypervisors.base import Crash, Ending, LinuxConfig, Outcome
from openvmi.machine.kernel_log import KernelLog, panic
from openvmi.machine.qemu import installation
from openvmi.machine.qemu.process import QemuProcess
from openvmi.machine.qemu.session import Ended
from openvmi.units import Gpa, Gva

#: A processor without the 64-bit mode and without NX: the kernels of the classic interface's time know both badly.
_CPU = "qemu32"
#: The serial port is the console. Kernels without an early console ignore the second.
_CONSOLE = "console=ttyS0 earlyprintk=serial"
_PAGE_OFFSET = 0xC000_0000  #: where Linux for i386 has its direct map, unless it was built with another split
_RESET = "the kernel restarted the machine"
_TRIPLE_FAULT = "triple fault: a processor could not deliver a fault to the kernel, and the machine was reset"


class BareLinux(Pc):
    """Implements :class:`openvmi.hypervisors.base.LinuxMachine`."""

    def __init__(self, config: LinuxConfig) -> None:
        line = command_line(config.command_line)
        checks.check_linux(config, line)
        self.config = config
        self._panic = ""
        self._log = KernelLog(self._take)
        qemu = QemuProcess(installation.find(installation.PROGRAMS_I386), config.memory,
                           deterministic=config.deterministic, exact=config.exact)  # fmt: skip
        # After a panic the kernel only waits; another line may still come, such as where it was.
        super().__init__(qemu, lambda: _arguments(config, line, qemu), self._hear, config.timeout,
                         over=lambda: bool(self._panic))  # fmt: skip

    def _hear(self, data: bytes) -> None:
        self._log.feed(data)
        self.config.console(data)

    def _take(self, line: str) -> None:
        if not self._panic and panic(line):
            self._panic = line

    # ---- the interface ----

    def run(self) -> Outcome:
        """Runs the kernel to its end, or to its panic. Raises :class:`OpenVmiError` when something else ends QEMU."""
        end = self._session.run()
        self._log.end_line()
        ending, code, message = (Ending.CRASH, 0, self._panic) if end.ended is Ended.CALLED_OFF else self._ending(end)
        if self._panic and ending in (Ending.TIMEOUT, Ending.REBOOT, Ending.CRASH):
            ending, message = Ending.CRASH, self._panic
        crash = Crash(message) if ending is Ending.CRASH else None
        return Outcome(ending, code, message, crash, boot_ms=end.boot_ms, run_ms=end.run_ms)

    def _on_reset(self) -> tuple[Ending, int, str]:
        return (Ending.CRASH, 0, _TRIPLE_FAULT) if self.qemu.triple_fault else (Ending.REBOOT, 0, _RESET)

    def read_memory(self, address: Gva, size: int) -> bytes | None:
        """Guest memory where the kernel's direct map has it; also after the end. Page tables are not looked at."""
        return self.qemu.read(Gpa(address - _PAGE_OFFSET), size)

    def read_physical(self, address: Gpa, size: int) -> bytes | None:
        """Guest memory; also after the end."""
        return self.qemu.read(address, size)

    def __enter__(self) -> BareLinux:
        return self


def command_line(options: str) -> str:
    """The kernel's command line: what the user wants, and the serial port as console unless that names one."""
    if any(word.startswith("console=") for word in options.split()):
        return options
    return f"{options} {_CONSOLE}".strip()


def _arguments(config: LinuxConfig, line: str, qemu: QemuProcess) -> list[str]:
    arguments = ["-cpu", _CPU, "-smp", str(config.cpus), "-append", line,
                 "-kernel", qemu.add_file("kernel", config.kernel.data)]  # fmt: skip
    if config.initrd is not None:
        arguments += ["-initrd", qemu.add_file("initrd", config.initrd)]
    if config.rom is not None:
        arguments += ["-option-rom", qemu.add_file("rom", config.rom.data)]
    return arguments
