# SPDX-License-Identifier: MIT
"""Addresses that a sequence gives to calls: what they are named, and whether they can be followed."""

from __future__ import annotations

from openvmi.conformance.model.base import U64, Outside, canonical
from openvmi.conformance.model.memory import HOLE, TOP, Memory, make
from openvmi.conformance.model.state import ADDRESS
from openvmi.conformance.sequence import (
    DIRECT_MAP,
    FIRST_SPARE,
    POOL,
    POOL_PHYSICAL,
    ROOT_PHYSICAL,
    ROOTS,
    SCRATCH_WORDS,
    SPAN_PHYSICAL,
    SPAN_SIZE,
    SPARES,
    TEST_AREA,
    Kind,
    Value,
)  # fmt: skip

#: Made up, far from all others: the guest never tells them.
SCRATCH, BUFFER, STACKS, VECTORS, NATIVES, TEXT, SELECTORS = (0x5A00_0000_0000 + (i << 32) for i in range(7))
BUFFER_SIZE = 8192  #: of TEXT too
SELECTOR_COUNT = 5


class Pointers(Memory):
    """Values of operations."""

    def named(self, value: Value) -> int:
        """The number that a value stands for. CLOCK has none before it is told."""
        number = value.value
        if value.kind is Kind.NUMBER:
            return number
        if value.kind in (Kind.PAGE, Kind.DIRECT):
            if number >= POOL * 4096:
                raise Outside("beyond the pool")
            return POOL_PHYSICAL + number + (DIRECT_MAP if value.kind is Kind.DIRECT else 0)
        if value.kind is Kind.ENTRY:
            return make(number & ~ADDRESS | POOL_PHYSICAL + (number & ADDRESS))
        if value.kind in (Kind.SPAN, Kind.SPAN_DIRECT):
            if number >= SPAN_SIZE:
                raise Outside("beyond the span")
            return SPAN_PHYSICAL + number + (DIRECT_MAP if value.kind is Kind.SPAN_DIRECT else 0)
        if value.kind is Kind.SPAN_ENTRY:
            return make(number & ~ADDRESS | SPAN_PHYSICAL + (number & ADDRESS))
        if value.kind is Kind.SELECTOR:
            return SELECTORS + number % SELECTOR_COUNT
        if value.kind in (Kind.ROOT, Kind.ANCHOR):
            root = ROOT_PHYSICAL + number % ROOTS * 4096
            return root if value.kind is Kind.ROOT else DIRECT_MAP + root + 8
        if value.kind in (Kind.VECTOR, Kind.NATIVE):
            if not FIRST_SPARE <= number < FIRST_SPARE + SPARES:
                raise Outside("the handler of a vector that is not spare")
            return (VECTORS if value.kind is Kind.VECTOR else NATIVES) + number
        if value.kind is Kind.STACK:
            return STACKS + number % 2 * 16
        if value.kind in (Kind.SCRATCH, Kind.BUFFER, Kind.TEXT):
            if number >= (8 * SCRATCH_WORDS if value.kind is Kind.SCRATCH else BUFFER_SIZE):
                raise Outside("beyond the room there")
            return {Kind.SCRATCH: SCRATCH, Kind.BUFFER: BUFFER, Kind.TEXT: TEXT}[value.kind] + number
        raise Outside("a time as another argument")

    def readable(self, address: int, size: int) -> bool:
        """Whether a call can read there; of SCRATCH alone what it reads is known."""
        for base, room in ((SCRATCH, 8 * SCRATCH_WORDS), (BUFFER, BUFFER_SIZE), (TEXT, BUFFER_SIZE)):
            if base <= address < base + room:
                if address + size > base + room:
                    raise Outside("beyond the room there")
                return True
        if self.unmapped(address):
            return False
        raise Outside("a pointer to something that has no name")

    def writable(self, address: int, size: int) -> bool:
        """Whether a call can write there, without anybody looking."""
        if SCRATCH <= address < SCRATCH + 8 * SCRATCH_WORDS:
            raise Outside("what is written there would have to be known")
        if TEXT <= address < TEXT + BUFFER_SIZE:
            if not size:
                raise Outside("nothing is written there")
            return False
        return self.readable(address, size)

    def unmapped(self, address: int) -> bool:
        """Whether there is nothing at an address, for sure."""
        if not canonical(address) or HOLE <= address < HOLE + TEST_AREA // 2 or TOP <= address <= U64:
            return True
        if TEST_AREA <= address < 2 * TEST_AREA:
            return not (self.walk(address) or self.state.queue or self.state.stale or self.state.unclear)
        return False

    def words(self, address: int, count: int) -> list[int]:
        """Words of SCRATCH."""
        if not SCRATCH <= address <= SCRATCH + 8 * (SCRATCH_WORDS - count):
            raise Outside("what is read there is not known")
        return [self.state.scratch.get((address - SCRATCH) // 8 + i, 0) for i in range(count)]
