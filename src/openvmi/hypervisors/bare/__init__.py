# SPDX-License-Identifier: MIT
"""No hypervisor: a PC, made by QEMU. The guest runs in ring 0 and stays native.

Boots Linux kernels for i386 as well, with or without a ROM for the classic interface.
"""

from __future__ import annotations

from openvmi.hypervisors.base import Availability, LinuxConfig, LinuxMachine, Machine, MachineConfig
from openvmi.machine.qemu import installation


class BareHypervisor:
    """Implements :class:`openvmi.hypervisors.base.Hypervisor`."""

    name = "bare"
    summary = "no hypervisor: the kernel in ring 0 of a PC, which QEMU makes"
    default_rom = None
    tells_guest = False
    preference = 200  #: behind emu, which needs nothing installed

    def available(self) -> Availability:
        """Whether there is a QEMU that is new enough."""
        return installation.availability()

    def create(self, config: MachineConfig) -> Machine:
        """A machine ready to run; QEMU has been started and is stopped."""
        from openvmi.hypervisors.bare.machine import BareMachine

        return BareMachine(config)

    def create_linux(self, config: LinuxConfig) -> LinuxMachine:
        """The same for a Linux kernel."""
        from openvmi.hypervisors.bare.linux import BareLinux

        return BareLinux(config)


HYPERVISOR = BareHypervisor()
