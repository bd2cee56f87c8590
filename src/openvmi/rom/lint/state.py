# SPDX-License-Identifier: MIT
"""What is known of registers and stack at one place.

A value is
    0 .. 15            what that register held at the entry
    RETURN, FLAGS      the return address that the call pushed; the flags at the entry
    FRAME              where the frame of an entry with one goes back to
    ("c", n)           the number n
    ("w", offset)      an address in the window: text from 0, data from WINDOW_DATA
    ("s", base, n)     an address on the stack, n bytes above `base`
    ("i", value)       something that was made of that address, or may be it: nobody knows how far away
    ("u", value)       the same of the upper bytes; the lowest, or the lowest two, are of something else
    None               nothing is known

Base 0 is the stack pointer at the entry. Others begin where it becomes something else: aligned (the distance to what it
was is less than ALIGNED), or loaded from elsewhere.
"""

from __future__ import annotations

from typing import Any

from openvmi.rom.lint.instruction import RSP

Value = Any  #: as above; a union of tuples would say no more
RETURN, FLAGS, FRAME = 16, 17, 18
WORD = 8
ALIGNED = 15
MASK = (1 << 64) - 1


def stack(base: int, offset: int) -> Value:
    """An address there."""
    return ("s", base, offset)


def pointer(value: Value) -> Value:
    """The address that a value is, or was made of; None: none that is known."""
    if not isinstance(value, tuple) or value[0] == "c":
        return None
    return value[1] if value[0] in ("i", "u") else value


def either(one: Value, other: Value) -> Value:
    """What is known of a value that is one of two. An address stays to be seen; of two, one on the stack, or the first
    in the window.
    """
    if one == other:
        return one
    found = [each for each in (pointer(one), pointer(other)) if each is not None and each[0] != "c"]
    return ("i", min(found)) if found else None


class State:
    """Registers by number, words of the stack by (base, offset), the direction flag: 0 clear, 1 set, 2 unknown.

    `foreign`: another context than that of the entry has come, as declared; its registers are nobody's business.
    """

    __slots__ = ("direction", "foreign", "registers", "slots")

    def __init__(self, registers: list[Value], slots: dict[tuple[int, int], Value], direction: int = 0,
                 foreign: bool = False) -> None:
        self.registers, self.slots, self.direction, self.foreign = registers, slots, direction, foreign

    @classmethod
    def entry(cls, kind: str, holds: tuple[int | None, ...] = ()) -> State:
        """At an entry of a kind: "call", a return address is on top; "jump", a frame is, under what `holds` names:
        registers whose values are on the stack.
        """
        registers: list[Value] = list(range(16))
        registers[RSP] = stack(0, 0)
        slots: dict[tuple[int, int], Value] = {(0, 0): RETURN} if kind == "call" else {}
        if kind == "jump":
            slots[0, WORD * len(holds)] = FRAME
        for index, number in enumerate(holds):
            if number is not None:
                registers[number] = None
                slots[0, WORD * index] = number
        return cls(registers, slots)

    def copy(self) -> State:
        """For going on from here."""
        return State(self.registers.copy(), self.slots.copy(), self.direction, self.foreign)

    @property
    def top(self) -> tuple[int, int]:
        """The stack pointer: base and offset."""
        _, base, offset = self.registers[RSP]
        return base, offset

    def word(self, index: int = 0) -> Value:
        """What is known of a word on the stack, counted from its top."""
        base, offset = self.top
        return self.slots.get((base, offset + WORD * index))

    def join(self, other: State) -> bool:
        """Keeps what is known in both; whether that is less than it was. The stack pointer stays."""
        changed = False
        for number, value in enumerate(other.registers):
            if number != RSP and (joined := either(self.registers[number], value)) != self.registers[number]:
                self.registers[number] = joined
                changed = True
        for place in [place for place, value in self.slots.items() if other.slots.get(place) != value]:
            del self.slots[place]
            changed = True
        if self.direction != other.direction and self.direction != 2:
            self.direction, changed = 2, True
        if other.foreign and not self.foreign:
            self.foreign = changed = True
        return changed

    def store(self, address: Value, exact: bool, size: int, value: Value) -> None:
        """Memory is written. What is not the stack by its address is taken not to be what was saved there."""
        if isinstance(address, tuple) and address[0] == "s" and exact:
            _, base, offset = address
            if size == WORD and not offset % WORD:
                self.slots.pop((base, offset), None)
                if value is not None:
                    self.slots[base, offset] = value
                return
            for place in [(at, word) for at, word in self.slots if at == base and offset - WORD < word < offset + size]:
                del self.slots[place]
        elif isinstance(address, tuple) and address[0] == "s":
            self.slots.clear()
        elif not isinstance(address, tuple):
            self.forget()

    def forget(self) -> None:
        """Somebody else wrote to memory: words that only this code made there may be others now.

        What was saved (registers, return address, the entry's stack pointer) is taken to stay: nobody has its address.
        """
        for place in [place for place, value in self.slots.items()
                      if not isinstance(value, int) and (value[0] != "s" or value[1])]:
            del self.slots[place]
