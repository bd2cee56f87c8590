# SPDX-License-Identifier: MIT
"""The real Xen, as the distribution has it, under QEMU. The guest is its first domain, in ring 3."""

from __future__ import annotations

from openvmi.hypervisors.base import Availability, Machine, MachineConfig
from openvmi.hypervisors.xen import installation
from openvmi.machine.qemu import installation as qemu

#: The hypercalls' cost depends on it. QEMU's default, named so that it stays the same. One with SMAP will not do: QEMU
#: 7.2 takes what IRETQ reads in ring 3 for an access of ring 0, and a kernel in ring 3 returns by IRETQ.
CPU_MODEL = "qemu64,+rdrand"


class XenHypervisor:
    """Implements :class:`openvmi.hypervisors.base.Hypervisor`."""

    name = "xen"
    summary = "Xen 4 in a PC made by QEMU; the kernel is its first domain, in ring 3 (PV)"
    default_rom = "xen"
    needs_rom = True  #: a PV kernel must not execute a privileged instruction
    preference = 150  #: behind emu, which needs nothing installed

    def available(self) -> Availability:
        """Whether there are a QEMU and a Xen that are new enough; says all that is wrong."""
        parts = [qemu.availability(), installation.availability()]
        missing = [part for part in parts if not part.usable]
        if missing:
            return Availability(False, " ".join(part.reason for part in missing),
                                ". ".join(part.remedy.rstrip(".") for part in missing) + ".")
        versions = {name: value for part in parts for name, value in part.versions.items()}
        return Availability(usable=True, versions=versions | {"CPU model": CPU_MODEL})

    def create(self, config: MachineConfig) -> Machine:
        """A machine ready to run; QEMU has been started and is stopped."""
        from openvmi.hypervisors.xen.machine import XenMachine

        return XenMachine(config)


HYPERVISOR = XenHypervisor()
