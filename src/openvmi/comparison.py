# SPDX-License-Identifier: MIT
"""The same guest twice on one hypervisor: linked to its ROM, and native by trap and emulate."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from openvmi.errors import UsageError
from openvmi.hypervisors.base import Ending, host_time_only
from openvmi.running import NO_ROM, Request, Run, choose, run

NATIVE_OPTION = "vmi=off"


@frozen
class Comparison:
    """Both runs of one guest."""

    linked: Run
    native: Run

    @property
    def exit_ratio(self) -> float | None:
        """Exits without the ROM per exit with it."""
        return _ratio(self.native.outcome.exits, self.linked.outcome.exits)

    @property
    def instruction_ratio(self) -> float | None:
        """Guest instructions without the ROM per instruction with it; None where they are not known."""
        native, linked = self.native.outcome.instructions, self.linked.outcome.instructions
        return native / linked if native and linked else None

    @property
    def status(self) -> int:
        """0 when both runs ended well, else the status of the first that did not."""
        return self.linked.status or self.native.status


def compare(request: Request, console: Callable[[str, bytes], bool]) -> Comparison:
    """Runs the guest with the ROM and with vmi=off, both deterministic where the hypervisor can.

    `console` takes which run (linked, native) and its output. What stops the first run stops both: raises
    :class:`KeyboardInterrupt` or :class:`BrokenPipeError`.
    """
    if request.rom == NO_ROM:
        raise UsageError("comparing needs a ROM; leave out --rom none")
    hypervisor = choose(request.on)
    request = evolve(request, on=hypervisor.name, deterministic=not host_time_only(hypervisor))
    native = evolve(request, options=f"{request.options} {NATIVE_OPTION}".strip())
    linked = run(request, lambda data: console("linked", data))
    if linked.outcome.ending is Ending.INTERRUPTED:
        raise BrokenPipeError if linked.reader_left else KeyboardInterrupt
    return Comparison(linked, run(native, lambda data: console("native", data)))


def _ratio(native: dict[str, int], linked: dict[str, int]) -> float | None:
    return sum(native.values()) / sum(linked.values()) if sum(linked.values()) else None
