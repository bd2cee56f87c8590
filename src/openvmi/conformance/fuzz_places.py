# SPDX-License-Identifier: MIT
"""Sequences on hypervisors: many in one boot, and again from where a guest ended too early."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence as Many
from pathlib import Path

from attrs import frozen

from openvmi import hypervisors
from openvmi.conformance.sequence import INPUT_COUNT, INPUT_FIRST, Sequence, Token, logs, pack
from openvmi.errors import OpenVmiError
from openvmi.hypervisors.base import Ending, host_time_only
from openvmi.running import Request, Run, run

GUEST = "conform-sequence"
_START, _EACH = 8.0, 0.1  #: seconds of one boot, and for each sequence
_KEPT = 1 << 24  #: bytes of console
_INPUT = bytes(range(INPUT_FIRST, INPUT_FIRST + INPUT_COUNT))
_INPUT_SIZE = 1 << 16  #: bytes of console input in one boot; then there is none
_LOSING = frozenset({"xen"})  #: consoles that lose what is not read at once


@frozen
class Log:
    """What a sequence did in one place: its observations, and why there are no more, if it did not come to its end."""

    tokens: list[Token]
    ended: str = ""


@frozen
class Place:
    """A hypervisor, the ROM for it (None: its own), options for the guest."""

    on: str
    rom: str | None = None
    options: str = ""

    @property
    def name(self) -> str:
        """For people."""
        return " ".join([self.on, *([self.rom] if self.rom else []), *([self.options] if self.options else [])])


def boot(place: Place, sequences: Many[Sequence], guest: str = GUEST, each: bool = False) -> tuple[Run, bytes]:
    """One boot. `each`: what an operation did is told at once, so that a crash does not hide it."""
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data)
        return len(console) < _KEPT

    options = f"{place.options}{' sequence.each=1' if each else ''}".strip()
    with tempfile.TemporaryDirectory(prefix="openvmi-") as folder:
        module = Path(folder) / "sequences"
        module.write_bytes(pack(list(sequences)))
        result = run(Request(guest, on=place.on, rom=place.rom, options=options, modules=(module,),
                             input=b"" if place.on in _LOSING else _INPUT * (_INPUT_SIZE // INPUT_COUNT),
                             timeout=_START + _EACH * len(sequences),
                             deterministic=not host_time_only(hypervisors.get(place.on))), keep)
    return result, bytes(console)


def run_all(place: Place, sequences: Many[Sequence], guest: str = GUEST) -> list[Log]:
    """What each of the sequences does there. Raises :class:`OpenVmiError` when the guest does not even begin."""
    found: list[Log] = []
    while len(found) < len(sequences):
        left = sequences[len(found):]
        result, console = boot(place, left, guest)
        lines = logs(console)
        done = 0
        while done in lines and done < len(left):
            found.append(Log(lines[done]))
            done += 1
        if done == len(left):
            break
        outcome = result.outcome
        why = f"{outcome.ending.value}: {outcome.message}"
        if b"sequences: " not in console or outcome.ending is Ending.INTERRUPTED:
            raise OpenVmiError(f"the sequence guest did not begin on {place.name}: {why}; its console ends in "
                               f"{console[-200:].decode('ascii', 'replace')!r}")
        found.append(_alone(place, left[done], why, guest))
    return found


def _alone(place: Place, sequence: Sequence, why: str, guest: str) -> Log:
    """The sequence that ended a guest, by itself: what it did before that."""
    result, console = boot(place, [sequence], guest, each=True)
    lines = logs(console + b"\n")
    outcome = result.outcome
    if lines.get(0) and lines[0][-1].letter == "W":
        return Log(lines[0], f"{why}, after those before it; alone it comes to its end")
    return Log(lines.get(0, []), f"{outcome.ending.value}: {outcome.message}")
