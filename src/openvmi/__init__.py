# SPDX-License-Identifier: MIT
"""OpenVMI: one kernel binary for every hypervisor."""

__version__ = "0.1.0"
