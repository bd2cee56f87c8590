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
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Ending
from openvmi.running import NO_ROM, Request, Run, open_guest, run

#: How compilers name themselves in debug information.
_COMPILER = re.compile(rb"\0((?:GNU C|clang version)[ -~]{1,60})\0")
MISSED = 1  #: exit status when a bar is missed


@frozen
class Measured:
    """Both runs, and what came of them; None: a run did not end well, so that there is nothing to compare."""

    plan: Plan
    direct: Run
    linked: Run
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


def measure(plan: Plan, timeout: float, watch: Callable[[str, Run | None], None]) -> Measured:
    """Runs the direct kernel, then the other. `watch` hears which one begins (None), and which has ended.

    Raises as :func:`openvmi.running.run` does, :class:`KeyboardInterrupt` when the user stops a run, and
    :class:`OpenVmiError` for a kernel that prints nonsense.
    """
    for name in (plan.direct, plan.linked):
        open_guest(name)  # both are there before anything takes its time
    versions = hypervisors.get(plan.hypervisor).available().versions
    direct, said = _run(plan, plan.direct, NO_ROM, timeout, watch)
    linked, said_linked = _run(plan, plan.linked, None, timeout, watch)
    comparison = None
    if not direct.status and not linked.status:
        text = linked.rom.descriptor.text_size if linked.rom else None
        comparison = compare(plan, parse(said), parse(said_linked), text)
    return Measured(plan, direct, linked, versions, (said, said_linked), comparison)


def _run(plan: Plan, guest: str, rom: str | None, timeout: float,
         watch: Callable[[str, Run | None], None]) -> tuple[Run, bytes]:
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data[: CONSOLE_LIMIT + 1 - len(console)])
        return True

    watch(guest, None)
    result = run(Request(guest, plan.hypervisor, rom, timeout=timeout, deterministic=True, exact=True), keep)
    watch(guest, result)
    if result.outcome.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt
    return result, bytes(console)


def compilers(guest: GuestImage) -> set[str]:
    """What the guest's debug information says it was compiled with."""
    return {name.decode() for name in _COMPILER.findall(guest.data)}
