# SPDX-License-Identifier: MIT
"""The end of a guest for people. Of a crash: the fault, registers, back-trace, and what the guest was tainted with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openvmi.abi.names import TEXT_LIMIT
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Crash, Ending, Registers
from openvmi.report import taint
from openvmi.rom.image import RomImage
from openvmi.running import Run
from openvmi.status import MEANING, Status
from openvmi.units import TextOffset

if TYPE_CHECKING:
    from openvmi.booting import LinuxRun

_ROW = 4  # registers in a line


def lines(result: Run | LinuxRun) -> list[str]:
    """What there is to say about how a run ended; nothing about a plain exit, or to nobody.

    Of a Linux kernel, also what became of its ROM.
    """
    if result.status == Status.OUTPUT_CLOSED:
        return []
    if isinstance(result, Run):
        crash = _crash(result, result.outcome.crash) if result.outcome.crash else []
        return _forced(result) + _ending(result) + crash
    from openvmi.report import classic

    told = classic.lines(result.rom, result.classic) if result.rom and result.classic else []
    return told + _forced(result) + _ending(result)


def _forced(result: Run | LinuxRun) -> list[str]:
    refusals = result.verdict.refusals if result.verdict.forced else ()
    return [f"openvmi: overridden, the guest is tainted (F): {reason}" for reason in refusals]


def _ending(result: Run | LinuxRun) -> list[str]:
    outcome = result.outcome
    if outcome.ending is Ending.EXIT:
        odd = outcome.code != result.status
        return [f"openvmi: the guest's status {outcome.code} does not fit; reported as {result.status}"] if odd else []
    return [f"openvmi: {outcome.ending.value}: {outcome.message or MEANING[Status(result.status)]}"]


def _crash(result: Run, crash: Crash) -> list[str]:
    names = _Names(result.guest, result.rom)
    out = [f"fault: {crash.reason}"] if crash.reason != result.outcome.message else []
    if crash.registers:
        out += _registers(crash.registers, names)
    if trace := _trace(crash, names):
        out += ["back-trace:", *trace]
    out.append(taint.sentence(result.taint))
    return out


class _Names:
    """Names addresses in the guest, and in the ROM that is mapped at its window."""

    def __init__(self, guest: GuestImage, rom: RomImage | None) -> None:
        self._guest, self._window, self._rom = guest.symbols(), guest.window, rom

    def name(self, address: int) -> str:
        """` name+offset`, or nothing for an address without name."""
        offset = address - self._window
        if 0 <= offset < TEXT_LIMIT:
            return f" rom:{self._rom.symbol_at(TextOffset(offset)) or hex(offset)}" if self._rom else ""
        named = self._guest.lookup(address)
        return f" {named[0]}+{named[1]:#x}" if named else ""


def _registers(registers: Registers, names: _Names) -> list[str]:
    general = [f"{name:>3} {value:016x}" for name, value in registers.general.items()]
    return [
        f"rip {registers.rip:016x}{names.name(registers.rip)}  ({'user' if registers.user else 'kernel'} mode)",
        *["  ".join(general[at:at + _ROW]) for at in range(0, len(general), _ROW)],
        f"rflags {registers.rflags:08x}  cs {registers.cs:04x}  ss {registers.ss:04x}  "
        f"cr2 {registers.cr2:016x}  cr3 {registers.cr3:016x}",
    ]


def _trace(crash: Crash, names: _Names) -> list[str]:
    start = [crash.registers.rip] if crash.registers else []
    addresses = list(crash.backtrace)
    if start and addresses[:1] != start:
        addresses = start + addresses
    return [f"  #{number:<2} {address:016x}{names.name(address)}" for number, address in enumerate(addresses)]
