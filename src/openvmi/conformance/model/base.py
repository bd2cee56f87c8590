# SPDX-License-Identifier: MIT
"""What the parts of the abstract machine share: its state, choosing, and what is observed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from openvmi.abi.names import Error
from openvmi.conformance.model.choice import Choices, Rejected
from openvmi.conformance.model.state import State
from openvmi.conformance.model.wanted import Want, Wanted, fits
from openvmi.conformance.sequence import Token

T = TypeVar("T")
U64 = (1 << 64) - 1
PAGE_FAULT, PROTECTION, INVALID_OPCODE, BREAKPOINT, DIVIDE = 14, 13, 6, 3, 0


class Outside(Exception):
    """The contract does not say what happens here; the text says why. Such an operation is not tried."""


class NoResult(Exception):
    """An exception ended the call."""


def canonical(address: int) -> bool:
    """Whether an address is one on four levels of tables."""
    return address < 1 << 47 or address >= (1 << 64) - (1 << 47)


class Base:
    """One operation in one state, along one way. With `observed` None anything may be observed."""

    def __init__(self, state: State, choices: Choices, observed: Sequence[Token] | None,
                 missed: Callable[[int, Want], None] = lambda position, wanted: None) -> None:
        """`missed` is told what would have been expected at which position where it was something else."""
        self.state = state
        self._choices = choices
        self._observed = observed
        self._position = 0
        self._missed = missed

    def pick(self, *options: T) -> T:
        """Each of these in turn."""
        return options[0] if len(options) == 1 else self._choices.pick(options)

    @property
    def free(self) -> bool:
        """Nothing is observed: this is about what may happen."""
        return self._observed is None

    def say(self, letter: str, *wanted: Wanted) -> tuple[int, ...]:
        """Takes the next observation; its numbers, or zeros when nothing is observed."""
        if self._observed is None:
            return (0,) * len(wanted)
        token = self._observed[self._position] if self._position < len(self._observed) else Token("end", ())
        good = token.letter == letter and len(token.numbers) == len(wanted)
        if not good or not all(fits(number, want) for number, want in zip(token.numbers, wanted, strict=True)):
            self._missed(self._position, Want(letter, wanted))
            raise Rejected
        self._position += 1
        return token.numbers

    def sees(self, letter: str) -> bool:
        """Whether such an observation is next, or nothing is observed."""
        if self._observed is None:
            return True
        return self._position < len(self._observed) and self._observed[self._position].letter == letter

    def end(self) -> State:
        """The state after the operation."""
        self.say(";")
        return self.state

    def refuse(self, address: int, *results: Error | int) -> Error | int:
        """A pointer that is not mapped as the call needs it: one of these results, or an exception in the ROM.

        > Where the ROM follows the pointer by itself, the kernel gets a page fault in the ROM's text instead.
        """
        result = self.pick(*results, None)
        if result is not None:
            return result
        vector = PAGE_FAULT if canonical(address) else PROTECTION
        self.say("F", vector, None, None, None, int(self.state.interrupts))
        self.state.fault = None
        raise NoResult
