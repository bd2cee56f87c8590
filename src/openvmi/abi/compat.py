# SPDX-License-Identifier: MIT
"""What two versions of the interface are to each other: the rules, and what breaks or extends them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, IntEnum

from attrs import frozen

BROKEN_STATUS = 1  #: exit status when a rule is broken


class Verdict(IntEnum):
    """From harmless to forbidden; a comparison has the verdict of its worst finding."""

    COMPATIBLE = 0  #: no byte that guest, ROM and hypervisor exchange is another, and nothing is said otherwise
    REWORDED = 1  #: no byte is another; whether the words mean the same a person must read
    EXTENDED = 2  #: what is new needs a newer ROM; all that was there is as it was
    BROKEN = 3  #: a guest or ROM of the older version would not work with one of the newer


class Rule(Enum):
    """The rules between versions of one major number. The value is the sentence."""

    VERSION = "What was released does not change, and what is new has a higher minor version, which it names."
    KEPT = "A guest built for M.n runs at full function on every ROM of M and minor version n or more: nothing goes."
    NUMBER = "A number means one thing for ever: it never changes and is never given to something else."
    CALL = "A call keeps its arguments, its result, its site and its native form."
    REGISTERS = "Arguments and results keep their registers, and what was preserved stays preserved."
    ERRORS = "A call answers no error that its contract did not name when older guests were built."
    REVISION = "A group with a new call has a higher revision, and no revision goes back: Probe tells what is there."
    NATIVE = "A group that a guest may leave native stays so, together with no more groups than before."
    PROFILE = "A profile loses no group, and a call goes to no larger profile."
    LAYOUT = "A member of a structure keeps its place and type; a structure grows at its end only, if it says its size."

    @property
    def key(self) -> str:
        """A short name."""
        return self.name.lower()


@frozen
class Finding:
    """One difference. `rule` is the one that it breaks; None where it breaks none.

    `before` and `after` are sentences that only one of two descriptions has; empty where no description is compared.
    """

    verdict: Verdict
    where: str  #: call IrqSave, structure site, ...
    what: str
    rule: Rule | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@frozen
class Difference:
    """Two versions compared; findings in the order of the definition."""

    older: str
    newer: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """Of the worst finding."""
        return max((finding.verdict for finding in self.findings), default=Verdict.COMPATIBLE)

    @property
    def reworded(self) -> int:
        """How many descriptions changed, whatever the verdict."""
        return sum(finding.verdict is Verdict.REWORDED for finding in self.findings)

    @property
    def status(self) -> int:
        """Exit status for CI."""
        return BROKEN_STATUS if self.verdict is Verdict.BROKEN else 0


def broken(rule: Rule, where: str, what: str) -> Finding:
    """A finding that breaks a rule."""
    return Finding(Verdict.BROKEN, where, what, rule)


def extended(where: str, what: str) -> Finding:
    """Something new."""
    return Finding(Verdict.EXTENDED, where, what)


def harmless(where: str, what: str) -> Finding:
    """Something that is neither a byte nor a promise."""
    return Finding(Verdict.COMPATIBLE, where, what)


def reworded(where: str, before: str, after: str) -> Iterator[Finding]:
    """Nothing, or one finding when two descriptions are not the same but for line breaks."""
    old, new = (_sentences(text) for text in (before, after))
    if old == new:
        return
    gone, came = tuple(s for s in old if s not in new), tuple(s for s in new if s not in old)
    yield Finding(Verdict.REWORDED, where, "is described in other words; no tool can tell whether they mean the same",
                  before=gone if gone or came else old, after=came if gone or came else new)  # else: another order


def _sentences(text: str) -> tuple[str, ...]:
    return tuple(re.split(r"(?<=[.:;]) ", " ".join(text.split())))
