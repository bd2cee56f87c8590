# SPDX-License-Identifier: MIT
"""What kernel and program print: "times NAME TURNS TICKS TICKS ...", "clock TICKS NANOSECONDS", "note TEXT"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from statistics import median

from attrs import evolve, frozen

from openvmi.errors import OpenVmiError

CONSOLE_LIMIT = 1 << 17  #: bytes that are read
_TIMES = re.compile(rb"times ([a-z0-9-]{1,40}) ([1-9][0-9]{0,9})((?: [0-9]{1,18}){1,200})")
_CLOCK = re.compile(rb"clock ([1-9][0-9]{0,17}) ([1-9][0-9]{0,17})")
_WRONG = "; kernel and program are not of this openvmi's version, build them again: make build"


@frozen
class Samples:
    """One operation: ticks of each round, of as many turns each."""

    turns: int
    ticks: tuple[int, ...]

    @property
    def best(self) -> float:
        """Ticks of one turn in the shortest round."""
        return min(self.ticks) / self.turns

    @property
    def median(self) -> float:
        """The same of the round in the middle."""
        return median(self.ticks) / self.turns


@frozen
class Lines:
    """All that one run printed."""

    samples: Mapping[str, Samples]
    rate: float | None  #: nanoseconds of one tick; None: not said
    notes: tuple[str, ...]


def parse(console: bytes) -> Lines:
    """Reads it. :class:`OpenVmiError` names the line that begins as one of these and is none."""
    if len(console) > CONSOLE_LIMIT:
        raise OpenVmiError(f"more than {CONSOLE_LIMIT} bytes of output where some thousand were expected{_WRONG}")
    samples: dict[str, Samples] = {}
    rate, notes = None, []
    for line in map(bytes.strip, console.splitlines()):
        if line.startswith(b"times "):
            found = _TIMES.fullmatch(line)
            if not found or found[1].decode() in samples:
                raise OpenVmiError(f"{line[:80]!r}: expected times NAME TURNS TICKS..., a name once{_WRONG}")
            samples[found[1].decode()] = Samples(int(found[2]), tuple(map(int, found[3].split())))
        elif line.startswith(b"clock "):
            found = _CLOCK.fullmatch(line)
            if not found:
                raise OpenVmiError(f"{line[:80]!r}: expected clock TICKS NANOSECONDS{_WRONG}")
            rate = int(found[2]) / int(found[1])
        elif line.startswith(b"note "):
            notes.append("".join(map(_printable, line[5:200].decode(errors="replace"))))
    return Lines(samples, rate, tuple(notes))


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else "?"


def together(runs: Iterable[Lines]) -> Lines:
    """The rounds of several runs as if they were of one; the rate of the last that says one."""
    all_samples: dict[str, Samples] = {}
    rate, notes = None, []
    for run in runs:
        for name, samples in run.samples.items():
            before = all_samples.get(name)
            all_samples[name] = evolve(samples, ticks=before.ticks + samples.ticks) if before else samples
        rate = run.rate or rate
        notes += [note for note in run.notes if note not in notes]
    return Lines(all_samples, rate, tuple(notes))
