# SPDX-License-Identifier: MIT
"""What a Linux kernel with CONFIG_VMI says about its ROM, and what can be concluded from it.

The texts are those of the clients in Linux 2.6.21 to 2.6.36 (arch/x86/kernel/vmi_32.c, setup of paravirt_ops).
"""

from __future__ import annotations

import re

from attrs import frozen

from openvmi.machine.kernel_log import KernelLog

_REFUSALS = ("Non GPL license", "mismatched rom version", "does not contain PCI header")
_SAID = {
    "found": re.compile(r"VMI: Found .*, API version \d+\.\d+, ROM version \d+\.\d+"),
    "refused": re.compile("|".join(_REFUSALS)),
    "failed": re.compile(r"\bVMI\b.*failed to initialize"),
    "platform": re.compile(r"paravirtualized kernel on "),
    "reserved": re.compile(r"Reserving virtual address space above 0x"),
    "timer": re.compile(r"\bvmi-timer\b"),
}
_ACTIVE = re.compile(r"paravirtualized kernel on vmi\b")


@frozen
class Messages:
    """The kernel's first line of each kind, without printk's prefix; None: it said no such thing."""

    found: str | None = None  #: a ROM is there
    refused: str | None = None  #: and is not used: licence, version, or no PCI header
    failed: str | None = None  #: its Init failed; the kernel goes on natively
    platform: str | None = None  #: on what paravirt_ops boot: vmi, or bare hardware
    reserved: str | None = None  #: address space for the hypervisor
    timer: str | None = None  #: the time group is in use
    spoke: bool = False  #: whether the kernel printed anything at all

    @property
    def accepted(self) -> bool:
        """Whether the kernel has a use for the ROM: it found it and did not refuse it."""
        return self.found is not None and self.refused is None

    @property
    def activated(self) -> bool:
        """Whether the kernel says that it runs on the ROM."""
        return self.platform is not None and bool(_ACTIVE.search(self.platform))

    @property
    def lines(self) -> tuple[str, ...]:
        """What it said of its ROM."""
        return tuple(line for line in (getattr(self, name) for name in _SAID) if line)


class MessageReader:
    """Collects :class:`Messages` from console output of any length and content."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._log = KernelLog(self._take)

    def feed(self, data: bytes) -> None:
        """Console output as it comes."""
        self._log.feed(data)

    def messages(self) -> Messages:
        """What there was up to now."""
        self._log.end_line()
        return Messages(**self._said, spoke=self._log.spoke)

    def _take(self, line: str) -> None:
        for name, pattern in _SAID.items():
            if name not in self._said and pattern.search(line):
                self._said[name] = line
