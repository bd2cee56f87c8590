# SPDX-License-Identifier: MIT
"""Runs both kernels of a comparison, once each: the counts are the same every time."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen

from openvmi import hypervisors
from openvmi.bench.comparison import Comparison, compare
from openvmi.bench.plan import Plan
from openvmi.bench.rows import CONSOLE_LIMIT, parse
from openvmi.booting import LinuxRun
from openvmi.errors import OpenVmiError
from openvmi.guest.load import Guest
from openvmi.hypervisors.base import Ending
from openvmi.running import NO_ROM, Request, Run, open_any, run_any

#: How compilers name themselves in debug information.
_COMPILER = re.compile(rb"\0((?:GNU C|clang version)[ -~]{1,60})\0")
MISSED = 1  #: exit status when a bar is missed
AnyRun = Run | LinuxRun
Watch = Callable[[str, AnyRun | None], None]


@frozen
class Measured:
    """Both runs, and what came of them; None: a run did not end well, so that there is nothing to compare."""

    plan: Plan
    direct: AnyRun
    linked: AnyRun
    versions: dict[str, str]  #: of the hypervisor and what it runs on
    consoles: tuple[bytes, bytes]  #: direct, linked
    comparison: Comparison | None

    @property
    def status(self) -> int:
        """0, that of the first run that did not end well, or MISSED."""
        if self.comparison is None:
            return self.direct.status or self.linked.status
        return 0 if self.comparison.good else MISSED

    @property
    def compilers(self) -> tuple[str, ...]:
        """Of the kernels, as they say in their debug information; empty when they do not."""
        return tuple(sorted({name for one in (self.direct, self.linked) for name in compilers(one.guest)}))


def measure(plan: Plan, timeout: float, watch: Watch) -> Measured:
    """Runs the direct kernel, then the other. `watch` hears which one begins (None), and which has ended.

    Raises as :func:`openvmi.running.run_any` does, :class:`KeyboardInterrupt` when the user stops a run, and
    :class:`OpenVmiError` for a kernel that prints nonsense or does not use the ROM.
    """
    for name in (plan.direct, plan.linked):
        open_any(name)  # both are there before anything takes its time
    versions = hypervisors.get(plan.hypervisor).available().versions
    same = plan.direct == plan.linked
    direct, said = _run(plan, plan.direct, NO_ROM, timeout, watch, " without ROM" if same else "")
    linked, said_linked = _run(plan, plan.linked, plan.rom, timeout, watch, f" with {plan.rom}" if same else "")
    comparison = None
    if not direct.status and not linked.status:
        _check_activated(linked)
        comparison = compare(plan, parse(said), parse(said_linked), *_rom_size(linked))
    return Measured(plan, direct, linked, versions, (said, said_linked), comparison)


def _run(plan: Plan, guest: str, rom: str | None, timeout: float, watch: Watch, how: str) -> tuple[AnyRun, bytes]:
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data[: CONSOLE_LIMIT + 1 - len(console)])
        return True

    watch(guest + how, None)
    result = run_any(Request(guest, plan.hypervisor, rom, timeout=timeout, deterministic=True, exact=True), keep)
    watch(guest + how, result)
    if result.outcome.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt
    return result, bytes(console)


def _check_activated(run: AnyRun) -> None:
    """A kernel of the classic interface that finds no ROM, or refuses it, runs as well as without."""
    if isinstance(run, LinuxRun) and run.classic and not run.classic.messages.activated:
        said = "; ".join(run.classic.messages.lines) or "nothing about it"
        raise OpenVmiError(f"{run.guest.path}: the kernel did not use the ROM, and nothing can be compared; it said:"
                           f" {said}; build both again: make build")


def _rom_size(run: AnyRun) -> tuple[int | None, str]:
    """In bytes, and of what. Of a ROM of the classic interface the image counts: all of it is in the machine."""
    if isinstance(run, LinuxRun):
        return len(run.rom.data) if run.rom else None, "ROM image"
    return run.rom.descriptor.text_size if run.rom else None, "ROM text"


def compilers(guest: Guest) -> set[str]:
    """What the guest's debug information says it was compiled with."""
    return {name.decode() for name in _COMPILER.findall(guest.data)}
