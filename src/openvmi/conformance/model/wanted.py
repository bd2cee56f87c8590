# SPDX-License-Identifier: MIT
"""What an observation may be, so that it can be said in words."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from openvmi.conformance.sequence import REGISTERS


@frozen
class Condition:
    """Any number that passes; `words` say which these are."""

    words: str
    fits: Callable[[int], bool] = field(eq=False, repr=False)


@frozen
class Changed:
    """Registers as bits in the order of REGISTERS: those of `exactly`, and any of `may` or none."""

    exactly: int
    may: int

    def fits(self, changed: int) -> bool:
        """Whether these may be the ones that changed."""
        return not self.wrong(changed)

    def wrong(self, changed: int) -> int:
        """Those that changed and must not, or did not and must."""
        return (changed ^ self.exactly) & ~self.may

    @property
    def words(self) -> str:
        """Which may change."""
        must, may = registers(self.exactly & ~self.may), registers(self.may)
        return " and ".join([*([", ".join(must)] if must else []),
                             *([f"any of {', '.join(may)}"] if may else [])]) or "none"


#: What a number may be: this one, one of these, or one that passes. None: any.
Wanted = int | frozenset[int] | Condition | Changed | None


@frozen
class Want:
    """One observation that would be permitted: a letter and its numbers, as of Token."""

    letter: str
    numbers: tuple[Wanted, ...]

    def __str__(self) -> str:
        return self.letter + ",".join(map(_text, self.numbers))


def registers(bits: int) -> list[str]:
    """The names of these."""
    return [name for index, name in enumerate(REGISTERS) if bits >> index & 1]


def at_least(least: int) -> Condition:
    """That or more."""
    return Condition(f"at least {least:#x}", lambda number: number >= least)


def at_most(most: int) -> Condition:
    """That or less."""
    return Condition(f"at most {most:#x}", lambda number: number <= most)


def between(least: int, most: int) -> Condition:
    """These two, or what is between them."""
    return Condition(f"{least:#x} to {most:#x}", lambda number: least <= number <= most)


def bits(value: int, either: int) -> int | Condition:
    """That, but for bits that may be anything."""
    if not either:
        return value
    if either < 0:
        return Condition(f"{value:#x} in bits {~either:#x}", lambda number: not (number ^ value) & ~either)
    return Condition(f"{value:#x}, bits {either:#x} being 0 or 1", lambda number: not (number ^ value) & ~either)


def fits(number: int, wanted: Wanted) -> bool:
    """Whether a number may be that one."""
    if isinstance(wanted, frozenset):
        return number in wanted
    if wanted is None or isinstance(wanted, int):
        return wanted is None or number == wanted
    return wanted.fits(number)


def _text(wanted: Wanted) -> str:
    if wanted is None:
        return "*"
    if isinstance(wanted, frozenset):
        return "{" + "|".join(f"{number:x}" for number in sorted(wanted)) + "}"
    return f"{wanted:x}" if isinstance(wanted, int) else f"({wanted.words})"
