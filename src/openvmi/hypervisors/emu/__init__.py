# SPDX-License-Identifier: MIT
"""Our own hypervisor: the guest kernel in ring 1 of an emulated processor, on any host, with pip alone."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from openvmi.hypervisors.base import Availability, Machine, MachineConfig


class EmuHypervisor:
    """Implements :class:`openvmi.hypervisors.base.Hypervisor`."""

    name = "emu"
    summary = "the kernel in ring 1 of an emulated processor; runs anywhere"
    default_rom = "emu"

    def available(self) -> Availability:
        """Whether Unicorn is installed; whether it behaves is tested when a machine is made."""
        found = {}
        for package in ("unicorn", "capstone"):
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                found[package] = ""
            if not found[package] or find_spec(package) is None:
                return Availability(
                    usable=False,
                    reason=f"the Python package {package} is not installed",
                    remedy=f"pip install {package}",
                )
        return Availability(usable=True, versions=found)

    def create(self, config: MachineConfig) -> Machine:
        """A machine ready to run."""
        from openvmi.hypervisors.emu.machine import EmuMachine

        return EmuMachine(config)


HYPERVISOR = EmuHypervisor()
