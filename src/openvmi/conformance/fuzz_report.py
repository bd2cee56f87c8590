# SPDX-License-Identifier: MIT
"""What openvmi fuzz tells, and files of sequences."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from openvmi.conformance.fuzz import Finding, Result, check
from openvmi.conformance.fuzz import describe as lines
from openvmi.conformance.fuzz_places import Place
from openvmi.conformance.model.compare import legal
from openvmi.conformance.sequence import Sequence, from_json, show
from openvmi.errors import BadFileError
from openvmi.files import read_bounded

_LIMIT = 1 << 20  #: bytes of a file


class Watcher:
    """Tells in lines."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def done(self, sequences: int, per_minute: float) -> None:
        self._tell(f"{sequences} sequences, {per_minute:.0f} a minute")

    def found(self, finding: Finding) -> None:
        for line in lines(finding):
            self._tell(line)


def read(path: Path) -> tuple[Sequence, ...]:
    """The sequences of a file. :class:`BadFileError` for one without, or with what is outside the contract."""
    data = read_bounded(path, what="sequence")
    sequences = from_json(data[:_LIMIT].decode("utf-8", "replace"), str(path))
    for sequence in sequences:
        if legal(sequence) != sequence:
            raise BadFileError(f"{path}: an operation of which the contract does not say what happens; "
                               "let openvmi fuzz write it again")
    return sequences


def replay(where: tuple[Place, ...], paths: list[Path]) -> Result:
    """The sequences of these files, each file in a boot of its own."""
    files = [read(path) for path in paths]
    began = time.monotonic()
    findings = [found for place in where for sequences in files for found in check(place, list(sequences)) if found]
    count = sum(map(len, files))
    operations = sum(len(one) for file in files for one in file)
    return Result(where, count, operations, time.monotonic() - began, tuple(findings))


def describe(result: Result) -> dict[str, object]:
    """The result for machines, complete."""
    return {"on": [place.name for place in result.places], "sequences": result.sequences,
            "operations": result.operations, "seconds": round(result.seconds, 3),
            "per_minute": round(result.per_minute), "divergences": [_finding(one) for one in result.findings]}


def _finding(finding: Finding) -> dict[str, object]:
    found = finding.divergence
    return {"on": finding.place.name, "ended": finding.ended, "observed": found.observed if found else "",
            "expected": list(found.expected) if found else [],
            "sequences": [list(map(show, one)) for one in finding.sequences]}


def last_line(result: Result) -> str:
    """For machines."""
    return (f"fuzz: sequences={result.sequences} operations={result.operations} divergences={len(result.findings)} "
            f"per_minute={result.per_minute:.0f} on={','.join(place.name for place in result.places)}")
