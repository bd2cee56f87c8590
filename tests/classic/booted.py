# SPDX-License-Identifier: MIT
"""One boot of the client, through the package's own interface, and what it said."""

from __future__ import annotations

import re

from attrs import frozen

from openvmi.classic.image import ClassicRom
from openvmi.classic.messages import MessageReader, Messages
from openvmi.classic.outcome import find_image
from openvmi.guest.linux import LinuxImage
from openvmi.hypervisors import get
from openvmi.hypervisors.base import Ending, LinuxConfig, Outcome, boots_linux
from openvmi.units import Gpa

CHECK = re.compile(r"^(ok|FAIL) ([^:\n]+)", re.MULTILINE)


@frozen
class Booted:
    """What became of it."""

    outcome: Outcome
    said: str  #: the console, without carriage returns
    messages: Messages
    placed: Gpa | None  #: where firmware put the ROM

    @property
    def good(self) -> bool:
        """It ran to its end and every check was kept."""
        return (self.outcome.ending, self.outcome.code) == (Ending.EXIT, 0)

    @property
    def tail(self) -> str:
        """What went wrong, and the last lines, for people."""
        return "\n".join([str(self.outcome.ending), *self.failures, "...", *self.said.splitlines()[-8:]])

    @property
    def checks(self) -> list[str]:
        """The sentences, in order."""
        return [match[2] for match in CHECK.finditer(self.said)]

    @property
    def failures(self) -> list[str]:
        """Lines that say that something is wrong."""
        return [line for line in self.said.splitlines() if line.startswith(("FAIL", "unexpected", "client dies"))]


def boot(kernel: LinuxImage, rom: ClassicRom | None, options: str = "", *, cpus: int = 1, deterministic: bool = True,
         timeout: float = 60.0) -> Booted:
    """Boots it on bare. `exact` is added to a run in virtual time: alarms are where they belong there."""
    bare, console, reader = get("bare"), bytearray(), MessageReader()
    assert boots_linux(bare)

    def take(data: bytes) -> None:
        console.extend(data)
        reader.feed(data)

    line = f"{options} exact" if deterministic else options
    config = LinuxConfig(kernel, rom, line, cpus=cpus, deterministic=deterministic, timeout=timeout, console=take)
    with bare.create_linux(config) as machine:
        outcome = machine.run()
        placed = find_image(rom, machine.read_physical) if rom else None
    return Booted(outcome, console.decode("ascii", "replace").replace("\r", ""), reader.messages(), placed)
