# SPDX-License-Identifier: MIT
"""What is known about one file."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from attrs import field, frozen

from openvmi.audit.table import Row

_NAMES = 6  # of a list, in a sentence


class Kind(Enum):
    """What a file is."""

    ROM = "ROM"
    CLASSIC_ROM = "classic ROM"
    OPTION_ROM = "option ROM"
    FCODE = "Open Firmware program"
    MODULE = "kernel module"
    ELF = "ELF file"
    UNKNOWN = "not recognised"


class Mark(Enum):
    """What is remarkable about a blob. The order is that of the summary: what is worse comes first."""

    HIDDEN = "hidden text in the module's licence"
    WRAPPED = "not GPL-compatible, and uses a module that is out of tree and claims the GPL"
    PROPRIETARY = "licence not GPL-compatible"
    UNLICENSED = "no licence"
    MISLABELLED = "licence class is not what its licence says"
    PATCHES = "changes code that is not its own"
    DIFFERENT = "several licences that differ"
    OUT_OF_TREE = "out of tree"
    UNSIGNED = "unsigned"
    NO_VERSIONS = "imports without version checksums"
    DISORDER = "breaks rules of its format"


@frozen
class Finding:
    """Something remarkable, in words."""

    mark: Mark
    text: str


@frozen
class Blob:
    """A file: what it is, the answers, and the facts behind them (ready for JSON).

    `problem` says why there are no answers: its bytes are not in order, or nothing here knows what they are.
    """

    path: str
    kind: Kind
    name: str
    size: int
    sha256: str
    rows: tuple[Row, ...] = ()
    facts: dict[str, Any] = field(factory=dict)
    findings: tuple[Finding, ...] = ()
    problem: str = ""

    @property
    def damaged(self) -> bool:
        """Whether it is something known and cannot be read."""
        return bool(self.problem) and self.kind is not Kind.UNKNOWN

    @property
    def lies(self) -> bool:
        """Whether it claims what it also says is not so; whoever would take it refuses it then."""
        return any(finding.mark is Mark.MISLABELLED for finding in self.findings)


@frozen
class Judged:
    """What is made of a file's bytes; :mod:`openvmi.audit.read` completes it to a :class:`Blob`."""

    kind: Kind
    name: str
    rows: tuple[Row, ...]
    facts: dict[str, Any]
    findings: tuple[Finding, ...] = ()


def count(number: int, what: str, plural: str = "") -> str:
    """`1 symbol`, `2 symbols`."""
    return f"{number:,} {what if number == 1 else plural or what + 's'}"


def some(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    shown = ", ".join(names[:_NAMES])
    return f"{shown} and {len(names) - _NAMES:,} more" if len(names) > _NAMES else shown
