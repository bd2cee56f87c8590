# SPDX-License-Identifier: MIT
"""An ordinary Linux process as the machine: the guest's code on the processor itself, without any privilege.

    features    what of the host's kernel is needed, and whether it is there
    build       the runner, from its sources
    checks      what is refused
    layout      the memory file, and what a guest is told of its machine
    plant       traps for what does not fault by itself in a guest that stays native
    handover    what the runner is given
    control     what it says, and is told
    process     a runner that belongs to this process, and no orphan
    session     one run
    machine     all of it as a machine

The runner (`runner/`) is a freestanding program that owns guest and guest processes; Python is off the path while the
guest runs.
"""

from __future__ import annotations

from openvmi.hypervisors.base import Availability, Machine, MachineConfig
from openvmi.hypervisors.linux import features


class LinuxHypervisor:
    """Implements :class:`openvmi.hypervisors.base.Hypervisor`."""

    name = "linux"
    summary = "a process of this Linux: the kernel on the processor itself, unprivileged, without /dev/kvm"
    default_rom = "linux"
    host_time_only = True  #: nobody counts the instructions of a process
    preference = 150  #: behind emu

    def available(self) -> Availability:
        """Whether this kernel has what it takes, and the runner is built."""
        from openvmi.hypervisors.linux.build import runner_path

        found = features.availability()
        if found.usable and not runner_path().is_file():
            return Availability(False, f"The program that runs guests is not built: there is no {runner_path()}.",
                                "In a checkout run make build; else reinstall openvmi.")
        return found

    def create(self, config: MachineConfig) -> Machine:
        """A machine ready to run; the runner has been started and waits."""
        from openvmi.hypervisors.linux.machine import LinuxMachine

        return LinuxMachine(config)


HYPERVISOR = LinuxHypervisor()
