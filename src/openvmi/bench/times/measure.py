# SPDX-License-Identifier: MIT
"""All runs, one after the other, those that are compared in turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen

from openvmi import running
from openvmi.bench.plan import Times
from openvmi.bench.times import figures, guest, host, uml
from openvmi.bench.times.build import program_path
from openvmi.bench.times.figures import Figure, Found
from openvmi.bench.times.lines import Lines, Samples, together
from openvmi.bench.times.uml import Uml
from openvmi.errors import OpenVmiError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Hypervisor

RUNS = 5  #: of kernel, program and user-mode Linux, in turn: what disturbs one disturbs all
STARTS = 20
MISSED = 1  #: exit status when a bar is missed
Tell = Callable[[str], None]


@frozen
class Measured:
    """The table and what it was measured with."""

    figures: tuple[Figure, ...]
    guests: tuple[GuestImage, ...]
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    load: tuple[float, float]  #: processes that wanted to run, in the minute before, and in the one before the end

    @property
    def status(self) -> int:
        """0, or MISSED."""
        return MISSED if any(figure.good is False for figure in self.figures) else 0


def measure(plan: Times, timeout: float, tell: Tell) -> Measured:
    """Measures everything; `timeout` is for each run, and `tell` hears what begins.

    Raises as :func:`openvmi.running.run` does when the kernel cannot be run with the ROM. What else there is to compare
    with may be missing: its rows say why.
    """
    hypervisor, program = running.choose(plan.hypervisor), program_path()
    rows, greeter = running.open_guest(plan.rows), running.open_guest(plan.greeter)
    load = os.getloadavg()[0]
    peer = _Peer(program, timeout)
    linked, hosted, kernel = [], [], None
    for number in range(RUNS):
        tell(f"run {number + 1} of {RUNS}: {rows.name}, {program.name} of the host{peer.named}")
        kernel = guest.run(hypervisor, rows, guest.STAY, timeout)
        linked.append(kernel.lines)
        hosted.append(host.run(program, timeout))
        peer.run(one_processor=True)
    assert kernel
    rate = together(linked).rate
    if rate is None:
        raise OpenVmiError(f"{rows.name} did not print its clock; build it again: make build")
    tell(f"{rows.name} with vmi=off; {greeter.name}, {STARTS} times{peer.named}")
    native = _native(hypervisor, rows, timeout)
    starts = [guest.run(hypervisor, greeter, "", timeout).first_byte for _ in range(STARTS)]
    peer.run(one_processor=False)
    found = Found(rate, together(linked).samples, native, together(hosted).samples, peer.samples(True),
                  peer.samples(False), starts, kernel.resident)
    return Measured(figures.figures(found), (rows, greeter), hypervisor.available().versions | peer.versions,
                    peer.notes, (load, os.getloadavg()[0]))


def _native(hypervisor: Hypervisor, rows: GuestImage, timeout: float) -> Mapping[str, Samples] | str:
    try:
        return guest.run(hypervisor, rows, guest.OFF, timeout).lines.samples
    except OpenVmiError as error:
        return str(error)


class _Peer:
    """User-mode Linux, if it is there; after the first failure it is left alone."""

    def __init__(self, program: Path, timeout: float) -> None:
        self._program, self._timeout = program, timeout
        self._runs: dict[bool, list[Lines]] = {True: [], False: []}
        self._uml: Uml | None = None
        self._problem = ""
        try:
            self._uml = uml.find()
        except OpenVmiError as error:
            self._problem = str(error)

    @property
    def named(self) -> str:
        """In a list of what runs."""
        return ", user-mode Linux" if self._uml and not self._problem else ""

    @property
    def versions(self) -> dict[str, str]:
        """For the list of versions."""
        return {"user-mode Linux": f"{self._uml.version} ({self._uml.program})"} if self._uml else {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What it said of itself."""
        return together(self._runs[True] + self._runs[False]).notes

    def run(self, one_processor: bool) -> None:
        """Once."""
        if self._uml is None or self._problem:
            return
        try:
            self._runs[one_processor].append(uml.run(self._uml, self._program, one_processor, self._timeout))
        except OpenVmiError as error:
            self._problem = str(error)

    def samples(self, one_processor: bool) -> Mapping[str, Samples] | str:
        """All rounds, or why there are none."""
        runs = self._runs[one_processor]
        return together(runs).samples if runs else self._problem
