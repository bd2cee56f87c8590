# SPDX-License-Identifier: MIT
"""The state of the abstract machine: what of a guest and its virtual processor the contract speaks of."""

from __future__ import annotations

from typing import NamedTuple

from attrs import Factory, define, fields

from openvmi.conformance.sequence import FIRST_SPARE, POOL, SPARES

WORDS = 512  #: of a page
POOL_WORDS = POOL * WORDS
_FNV_START, _FNV_PRIME = 0xCBF2_9CE4_8422_2325, 0x100_0000_01B3
_U64 = (1 << 64) - 1
SPAN_PAGES = (0, 1, 511)  #: of the span, those that sequences come to: in `memory` they follow the pool's
PRESENT, WRITABLE, USER, LARGE, GLOBAL, NX = 1, 2, 4, 0x80, 0x100, 1 << 63
ACCESSED_DIRTY = 0x60
ADDRESS = 0x000F_FFFF_FFFF_F000


class Translation(NamedTuple):
    """Where an address leads, and what is allowed there: all levels together."""

    page: int  #: of the pool; from POOL on: of SPAN_PAGES
    writable: bool
    user: bool
    user_above: bool  #: by the entries of levels 4 and 3 alone
    executable: bool
    stays: bool  #: GLOBAL: only TlbFlushPage is sure to remove it
    large: bool = False


class Gate(NamedTuple):
    """A spare vector: which vector's handler it has; None: something that is none."""

    handler: int | None
    user: bool


@define
class State:
    """Addresses, also in entries, are as the sequence guest names them. Words that are 0 are left out of `memory`."""

    memory: dict[int, int] = Factory(dict)  #: pool word number -> contents; odd ones are entries
    anchors: dict[int, int] = Factory(dict)  #: root -> its entry for the test area
    levels: dict[int, int] = Factory(dict)  #: pool page -> level it is announced as
    scratch: dict[int, int] = Factory(dict)
    root: int = 0
    stale: frozenset[tuple[int, Translation]] = frozenset()  #: what the processor may still hold, by page
    unclear: frozenset[tuple[int, bool]] = frozenset()  #: pages below an entry that was changed above them; as `stays`
    lazy: bool = False
    queue: tuple[tuple[int, int], ...] = ()  #: updates that may wait: location, entry
    interrupts: bool = False
    bound: dict[int, int] = Factory(dict)  #: source -> vector
    masked: frozenset[int] = frozenset()
    pending: frozenset[int] = frozenset()
    handled: frozenset[int] = frozenset()
    modes: dict[int, tuple[int, int]] = Factory(dict)
    clock: int = 0  #: the latest time that was seen
    deadline: int | None = None
    not_before: int = 0  #: the deadline of the TIMER event that is pending
    stack: int | None = 0  #: kernel stack; None: something that is none
    fs: int = 0
    gs: int = 0
    gates: dict[int, Gate] = Factory(lambda: {FIRST_SPARE + i: Gate(FIRST_SPARE + i, False) for i in range(SPARES)})
    slots: dict[int, int] = Factory(dict)  #: descriptors of user mode's segments, by slot, that are not 0
    fpu_trap: bool = False
    floats: dict[int, int] = Factory(dict)  #: floating-point registers that are not 0
    large: bool | None = None  #: whether there are large pages; None: not known yet
    typed: int | None = None  #: the next byte of console input; None: not known
    written: int = 0  #: bytes of TEXT on the console
    fault: int | None = None  #: address of the last page fault, where known
    revisions: dict[int, int] = Factory(dict)  #: that Probe told

    def copy(self) -> State:
        """One that can be changed without this one."""
        other: State = object.__new__(State)
        for name in _FIELDS:
            value = getattr(self, name)
            setattr(other, name, dict(value) if type(value) is dict else value)
        return other

    def key(self) -> tuple[object, ...]:
        """Equal for equal states."""
        values = [getattr(self, name) for name in _FIELDS]
        return tuple(frozenset(value.items()) if type(value) is dict else value for value in values)

    def told(self) -> dict[int, int]:
        """The memory as the sequence guest tells it: without what of an entry is the processor's or the ROM's."""
        return {number: word & ~(ACCESSED_DIRTY | GLOBAL) if word & 1 else word for number, word in self.memory.items()}

    def hash(self) -> int:
        """The sequence guest's hash of the pool, and of the pages of the span."""
        total = _FNV_START
        for number, word in sorted(self.told().items()):
            total = (total ^ number) * _FNV_PRIME & _U64
            total = (total ^ word) * _FNV_PRIME & _U64
        return total


_FIELDS = tuple(field.name for field in fields(State))
