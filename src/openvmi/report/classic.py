# SPDX-License-Identifier: MIT
"""What became of a classic ROM, for people and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openvmi.abi.classic import SCAN_END, SCAN_START
from openvmi.classic.image import ClassicRom
from openvmi.classic.messages import Messages
from openvmi.classic.outcome import ClassicOutcome
from openvmi.rom.container import UNIT

_SILENT = ("the kernel printed nothing on the serial port: --append names another console=, or it has no serial one "
           "(CONFIG_SERIAL_8250_CONSOLE), is not for i386, or stopped before")
_NO_CLIENT = ("the kernel says nothing of VMI: it has no CONFIG_VMI, which Linux 2.6.21 to 2.6.36 for i386 can have, "
              "or prints too little (quiet, loglevel=)")


def name(rom: ClassicRom) -> str:
    """What the ROM calls itself; else its file does."""
    return rom.product or Path(rom.path).stem


def lines(rom: ClassicRom, outcome: ClassicOutcome) -> list[str]:
    """Where firmware put it and what the kernel made of it, with the kernel's own words."""
    where = f"firmware put it at {outcome.placed:#x}" if outcome.placed is not None else _not_placed(rom)
    said = [f"  kernel: {line}" for line in outcome.messages.lines]
    return [f"openvmi: ROM {name(rom)}: {where}; {_verdict(outcome.messages)}", *said]


def describe(rom: ClassicRom, outcome: ClassicOutcome) -> dict[str, Any]:
    """The same; `placed` is a guest-physical address, and what the kernel said is the whole line or null."""
    said = outcome.messages
    return {
        "api": ".".join(map(str, rom.api)), "rom_version": ".".join(map(str, rom.rom_version)),
        "manufacturer": rom.manufacturer, "product": rom.product, "findings": [str(found) for found in rom.findings],
        "placed": outcome.placed, "accepted": said.accepted, "activated": said.activated, "found": said.found,
        "refused": said.refused, "failed": said.failed, "platform": said.platform, "reserved": said.reserved,
        "timer": said.timer,
    }


def _not_placed(rom: ClassicRom) -> str:
    said = rom.header.rom_length * UNIT
    if not said or said > len(rom.data):
        why = f"its header says {said} bytes, and it has {len(rom.data)}"
    elif total := sum(rom.data[:said]) & 0xFF:
        why = f"its bytes add up to {total:#04x}, not 0"
    else:
        why = "there was no room, or the kernel wrote over it"
    return f"firmware did not put it between {SCAN_START:#x} and {SCAN_END:#x}: {why}"


def _verdict(said: Messages) -> str:
    if said.refused:
        return "the kernel found and refused it"
    if said.failed:
        return "the kernel accepted it, and its Init failed: the kernel went on natively"
    if said.activated:
        return "the kernel accepted it and runs on it" + (", and takes the time from it" if said.timer else "")
    if said.found:
        return "the kernel accepted it, and does not say that it runs on it"
    if said.platform:
        return "the kernel did not find it, or has no CONFIG_VMI"
    return _NO_CLIENT if said.spoke else _SILENT
