# SPDX-License-Identifier: MIT
"""Where sequences run, and how: many in one boot, and again from where a guest ended too early."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence as Many
from pathlib import Path

from attrs import frozen

from openvmi import hypervisors, matrix, running
from openvmi.conformance.outcome import LeftOut
from openvmi.conformance.places import EVERYWHERE
from openvmi.conformance.sequence import (
    EACH,
    INPUT_COUNT,
    INPUT_FIRST,
    VALUES,
    Sequence,
    Token,
    Values,
    logs,
    pack,
    values,
)  # fmt: skip
from openvmi.errors import OpenVmiError, UnavailableError, UsageError
from openvmi.hypervisors.base import Ending, Hypervisor, host_time_only, needs_rom
from openvmi.rom.load import load_current
from openvmi.running import NO_ROM, Request, Run, run

GUEST = "conform-sequence"
_START, _EACH = 8.0, 0.1  #: seconds of one boot, and for each sequence
_KEPT = 1 << 24  #: bytes of console
_INPUT = bytes(range(INPUT_FIRST, INPUT_FIRST + INPUT_COUNT))
_INPUT_SIZE = 1 << 16  #: bytes of console input in one boot; then there is none
_LOSING = frozenset({"xen"})  #: consoles that lose what is not read at once
NATIVE = "vmi=off"


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

    @property
    def native(self) -> bool:
        """Whether the ROM is left unused."""
        return NATIVE in self.options.split()

    @property
    def arguments(self) -> list[str]:
        """The options of openvmi fuzz that mean this place."""
        return ["--on", self.on, *(["--rom", self.rom] if self.rom else []), *(["--native"] if self.native else [])]

    def rom_name(self) -> str:
        """The ROM's own name; none; off for one that is left unused. Raises as :func:`openvmi.running.find_rom`."""
        rom = running.find_rom(hypervisors.get(self.on), self.rom)
        return "none" if rom is None else "off" if self.native else rom.name


def chosen(names: Many[str], rom: str | None = None, native: bool = False) -> tuple[list[Place], list[LeftOut]]:
    """Where to run what the user asked for, each place once.

    By default that is the hypervisor of the ROM that is named, or else every one that can be used; EVERYWHERE is each
    of these with each of its ROMs and without. Only these leave out what cannot be used: one that is named and cannot
    is :class:`UnavailableError`. So is none at all. Raises as :func:`openvmi.running.find_rom` does, too.
    """
    if EVERYWHERE in names:
        if rom is not None or native or set(names) != {EVERYWHERE}:
            raise UsageError(f"--on {EVERYWHERE} takes each hypervisor's ROMs and none; leave --rom, --native and any "
                             "other --on away")
        usable, left = _usable(needs=False)
        return [Place(one.name, one_place.choice if one.default_rom else None)
                for one in usable for one_place in matrix.places(one)], left
    left = []
    if not names and rom is not None and (path := running.chosen_rom(rom)):
        names = [load_current(path).hypervisor]
    if names:
        usable = [running.choose(name) for name in dict.fromkeys(names)]
    else:
        usable, left = _usable(needs=native or rom == NO_ROM)
    found = [Place(one.name, rom, NATIVE if native else "") for one in usable]
    for place in found:
        place.rom_name()  # what is wrong with a ROM is told before anything runs
    return found, left


def _usable(needs: bool) -> tuple[list[Hypervisor], list[LeftOut]]:
    """Those that can be used; with `needs` without a ROM."""
    usable, left = [], []
    for one in hypervisors.ranked():
        state = one.available()
        if not state.usable:
            left.append(LeftOut(one.name, f"{state.reason} {state.remedy}".strip()))
        elif needs and needs_rom(one):
            left.append(LeftOut(one.name, "It runs no guest that stays native."))
        else:
            usable.append(one)
    if not usable:
        raise UnavailableError("no hypervisor is usable here; openvmi doctor says why not, and how to get each")
    return usable, left


def boot(place: Place, sequences: Many[Sequence], guest: str = GUEST, told: str = "") -> tuple[Run, bytes]:
    """One boot. `told` EACH: what an operation did is told at once, so that a crash does not hide it. VALUES: more.

    :class:`KeyboardInterrupt` when the user stops it.
    """
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data)
        return len(console) < _KEPT

    options = f"{place.options} {told}".strip()
    with tempfile.TemporaryDirectory(prefix="openvmi-") as folder:
        module = Path(folder) / "sequences"
        module.write_bytes(pack(list(sequences)))
        result = run(Request(guest, on=place.on, rom=place.rom, options=options, modules=(module,),
                             input=b"" if place.on in _LOSING else _INPUT * (_INPUT_SIZE // INPUT_COUNT),
                             timeout=_START + _EACH * len(sequences),
                             deterministic=not host_time_only(hypervisors.get(place.on))), keep)
    if result.outcome.ending is Ending.INTERRUPTED and not result.reader_left:
        raise KeyboardInterrupt
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
        if b"sequences: " not in console:
            raise OpenVmiError(f"the sequence guest did not begin on {place.name}: {why}; its console ends in "
                               f"{console[-200:].decode('ascii', 'replace')!r}")
        found.append(_alone(place, left[done], why, guest))
    return found


def _alone(place: Place, sequence: Sequence, why: str, guest: str) -> Log:
    """The sequence that ended a guest, by itself: what it did before that."""
    result, console = boot(place, [sequence], guest, EACH)
    lines = logs(console + b"\n")
    outcome = result.outcome
    if lines.get(0) and lines[0][-1].letter == "W":
        return Log(lines[0], f"{why}, after those before it; alone it comes to its end")
    return Log(lines.get(0, []), f"{outcome.ending.value}: {outcome.message}")


def look(place: Place, sequences: Many[Sequence], guest: str = GUEST) -> Values:
    """The values behind what the last of these sequences does there, as far as they can be seen in another boot."""
    _, console = boot(place, sequences, guest, VALUES)
    return values(logs(console + b"\n").get(len(sequences) - 1, []))
