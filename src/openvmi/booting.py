# SPDX-License-Identifier: MIT
"""One run of a Linux kernel for i386: like :mod:`openvmi.running`, on a PC, with a ROM for the classic interface."""

from __future__ import annotations

from attrs import frozen

from openvmi import hypervisors
from openvmi.abi import names
from openvmi.classic.image import ClassicRom
from openvmi.classic.messages import MessageReader
from openvmi.classic.outcome import ClassicOutcome, find_image
from openvmi.errors import RefusedError, UsageError
from openvmi.files import read_bounded
from openvmi.guest.linux import LinuxImage
from openvmi.hypervisors.base import LinuxConfig, LinuxHypervisor, Outcome, boots_linux
from openvmi.rom.load import load_classic
from openvmi.running import Driver, Request, choose, chosen_rom, exit_status
from openvmi.trust.verdict import NOTHING, Verdict, admit_classic


@frozen
class LinuxRun:
    """What was run and what came of it; what has a namesake in :class:`openvmi.running.Run` means the same."""

    guest: LinuxImage
    hypervisor: str
    rom: ClassicRom | None
    outcome: Outcome
    classic: ClassicOutcome | None  #: None: no ROM was offered
    start_ms: float
    reader_left: bool = False
    verdict: Verdict = NOTHING

    @property
    def taint(self) -> names.Taint | None:
        """What the host says: the kernel has no record. None without a ROM."""
        return self.verdict.taint if self.rom else None

    @property
    def status(self) -> int:
        """The exit status of the run."""
        return exit_status(self.outcome, self.reader_left)


def run(request: Request, kernel: LinuxImage, driver: Driver) -> LinuxRun:
    """Runs a kernel to its end. Raises any error of the tree when it cannot be run at all."""
    if request.modules:
        raise UsageError(f"--module is for guests of VMI {names.MAJOR}, and {kernel.path} is a Linux kernel; "
                         "use --initrd")
    hypervisor = _choose(request, kernel)
    rom = find_rom(request.rom)
    verdict = admit_classic(rom, request.options, request.force)
    messages = MessageReader()

    def write(data: bytes) -> None:
        messages.feed(data)
        driver.write(data)

    config = LinuxConfig(
        kernel=kernel, rom=rom, command_line=request.options,
        initrd=read_bounded(request.initrd, what="initrd") if request.initrd else None,
        memory=request.memory, cpus=1 if request.cpus is None else request.cpus, timeout=request.timeout,
        deterministic=request.deterministic, exact=request.exact, console=write,
    )
    with hypervisor.create_linux(config) as machine:
        outcome = driver.drive(machine)
        classic = ClassicOutcome(find_image(rom, machine.read_physical), messages.messages()) if rom else None
    return LinuxRun(kernel, hypervisor.name, rom, outcome, classic, driver.start_ms, driver.reader_left,
                    verdict)


def find_rom(choice: str | None) -> ClassicRom | None:
    """The ROM to offer the kernel; None for no ROM, which is the default. :class:`RefusedError` for a current one.

    What is wrong with it is for firmware and kernel to find; what they made of it is told after the run.
    """
    path = chosen_rom(choice) if choice is not None else None
    return load_classic(path, checked=False) if path else None


def _choose(request: Request, kernel: LinuxImage) -> LinuxHypervisor:
    if request.on is not None and not boots_linux(hypervisors.get(request.on)):
        able = " or ".join(f"--on {known.name}" for known in hypervisors.ranked() if boots_linux(known))
        raise RefusedError(f"{kernel.path}: a Linux kernel, which needs a PC to boot on, and {request.on} only runs "
                           f"guests of VMI {names.MAJOR}; use {able or 'a hypervisor that has one'}")
    chosen = choose(request.on, boots_linux)
    assert boots_linux(chosen)
    return chosen
