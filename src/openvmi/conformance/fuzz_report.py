# SPDX-License-Identifier: MIT
"""What openvmi fuzz tells, and files of sequences: stored, found, run again."""

from __future__ import annotations

import hashlib
import os
import shlex
import time
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

from attrs import define, evolve, field

from openvmi.conformance.fuzz import Finding, Result, alone, check, explained
from openvmi.conformance.fuzz import describe as lines
from openvmi.conformance.fuzz_places import GUEST, LeftOut, Place
from openvmi.conformance.model.compare import legal
from openvmi.conformance.sequence import Sequence, from_json, show
from openvmi.errors import BadFileError, UsageError
from openvmi.files import read_bounded
from openvmi.trust import home

#: Exit statuses of openvmi fuzz besides the tool's own.
DIVERGED, NOTHING_RAN = 1, 2
_LIMIT = 1 << 20  #: bytes of a file
_FOLDER = "fuzz"  #: below the user's state folder
_PATTERN = "*.json"
_DIGITS = 12  #: of the digest in a name
_KEPT = "tests/conformance/sequences"


# ---- files ----


def folder_for(chosen: Path | None) -> Path:
    """Where divergences go, which need not exist yet. :class:`UsageError` when it cannot be written.

    By default below the user's own state: whoever runs a campaign may stand in any folder, and find nothing left there.
    """
    folder = chosen or home.state() / _FOLDER
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{folder}: cannot store a divergence there: {there} is no folder that can be written; choose "
                         "another with --save")
    return folder


def store(folder: Path, finding: Finding) -> Path:
    """Writes the file of a divergence, named by its hypervisor and a digest of what is in it, and over no other."""
    data = finding.file.encode()
    digest = hashlib.sha256(data).hexdigest()[:_DIGITS]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = folder / f"{finding.place.on}-{digest}{f'-{number}' * (number > 1)}.json"
            try:
                with open(path, "xb") as file:
                    file.write(data)
                return path
            except FileExistsError:
                if path.is_file() and path.read_bytes() == data:
                    return path
    except OSError as error:
        raise UsageError(f"{folder}: cannot store it: {error.strerror}; choose another folder with --save") from error
    raise AssertionError


def read(path: Path) -> tuple[Sequence, ...]:
    """The sequences of a file. :class:`BadFileError` for one without, or with what is outside the contract."""
    data = read_bounded(path, _LIMIT, "sequence")
    sequences = from_json(data.decode("utf-8", "replace"), str(path))
    for sequence in sequences:
        if legal(sequence) != sequence:
            raise BadFileError(f"{path}: an operation of which the contract does not say what happens; "
                               "let openvmi fuzz write it again")
    return sequences


def files(paths: Iterable[Path]) -> list[Path]:
    """These, and of folders what is in them. :class:`UsageError` for a folder without any."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob(_PATTERN)) if path.is_dir() else [path]
        if not inside:
            raise UsageError(f"{path}: no sequences ({_PATTERN}) in this folder; name another, or a file")
        found += inside
    return list(dict.fromkeys(found))


# ---- for people ----


@define
class Watcher:
    """Tells in lines, and stores what is found as soon as it is."""

    tell: Callable[[str], None]
    folder: Path | None  #: None: nothing is stored
    paths: dict[Finding, Path] = field(factory=dict)  #: files that have it

    def done(self, sequences: int, per_minute: float) -> None:
        """A line now and then."""
        self.tell(f"{sequences} sequences, {per_minute:.0f} a minute")

    def found(self, finding: Finding) -> None:
        """What differs; the test, which is told before it is stored, since that may fail; what to do with it."""
        for line in lines(finding):
            self.tell(line)
        if self.folder:
            self.tell(f"as a test:\n{finding.file.rstrip()}")
            self.paths[finding] = store(self.folder, finding)
            self.tell(f"stored: {self.paths[finding]}")
        if command := self.command(finding):
            self.tell(f"again: {command}")
        if self.folder:
            self.tell(f"for good: copy that file to {_KEPT}, all of which make test replays on every hypervisor; in a "
                      "repository of your own keep it in a folder, and give openvmi fuzz --replay that folder")

    def found_in(self, path: Path, number: int, finding: Finding) -> None:
        """The same for one that a file has."""
        self.tell(f"{path}, sequence {number}:")
        self.paths[finding] = path
        self.found(finding)

    def command(self, finding: Finding) -> str:
        """Replays it; empty when no file has it."""
        path = self.paths.get(finding)
        return shlex.join(["openvmi", "fuzz", *finding.place.arguments, "--replay", str(path)]) if path else ""


def replay(where: Iterable[Place], paths: Iterable[Path], watcher: Watcher, guest: str = GUEST) -> Result:
    """The sequences of these files and folders, each file in a boot of its own."""
    known = {path: read(path) for path in files(paths)}
    places, seconds = tuple(where), 0.0
    findings = []
    for place in places:
        for path, sequences in known.items():
            began = time.monotonic()
            judged = check(place, list(sequences), guest)
            seconds += time.monotonic() - began
            for number, found in enumerate(judged):
                if found:
                    whole = evolve(found, sequences=sequences[:number + 1])
                    findings.append(explained(alone(whole, guest) or whole, guest))
                    watcher.found_in(path, number, findings[-1])
    operations = sum(len(one) for sequences in known.values() for one in sequences)
    return Result(places, sum(map(len, known.values())), operations, seconds, tuple(findings))


# ---- for machines ----


def describe(result: Result, left: Iterable[LeftOut], watcher: Watcher) -> dict[str, object]:
    """The result for machines, complete."""
    return {"on": [place.on for place in result.places], "places": list(map(_place, result.places)),
            "left_out": [{"on": one.on, "reason": one.reason} for one in left], "sequences": result.sequences,
            "operations": result.operations, "seconds": round(result.seconds, 3),
            "per_minute": round(result.per_minute), "divergences": [_finding(one, watcher) for one in result.findings]}


def _place(place: Place) -> dict[str, object]:
    return {"on": place.on, "rom": place.rom_name(), "native": place.native}


def _finding(finding: Finding, watcher: Watcher) -> dict[str, object]:
    found, path = finding.divergence, watcher.paths.get(finding)
    return {**_place(finding.place), "differs": list(finding.differs), "permitted": list(finding.permitted),
            "ended": finding.ended, "step": found.step if found else None,
            "operation": show(found.operation) if found and found.operation else None,
            "observed": found.observed if found else "", "expected": list(found.expected) if found else [],
            "sequences": [list(map(show, one)) for one in finding.sequences],
            "file": str(path) if path else None, "replay": watcher.command(finding)}


def last_line(result: Result) -> str:
    """For machines."""
    return (f"fuzz: sequences={result.sequences} operations={result.operations} divergences={len(result.findings)} "
            f"per_minute={result.per_minute:.0f} rom={','.join(place.rom_name() for place in result.places)} "
            f"on={','.join(place.on for place in result.places)}")


def status(result: Result) -> int:
    """The exit status for it."""
    if result.findings:
        return DIVERGED
    return 0 if result.operations else NOTHING_RAN
