# SPDX-License-Identifier: MIT
"""Memory: page tables of four levels, what a processor may still hold of them, and accesses.

Tables and data are pages of a small pool; the test area is what the second entry of each root maps. Tables are made
with the entries 0, 1 and 511 alone, so that a sequence can come back to the same address.
"""

from __future__ import annotations

from openvmi.conformance.model.base import PAGE_FAULT, PROTECTION, Base, Outside, canonical
from openvmi.conformance.model.state import (
    ADDRESS,
    GLOBAL,
    LARGE,
    NX,
    POOL_WORDS,
    PRESENT,
    SPAN_PAGES,
    USER,
    WORDS,
    WRITABLE,
    Translation,
)  # fmt: skip
from openvmi.conformance.sequence import (
    DIRECT_MAP,
    POOL,
    POOL_PHYSICAL,
    ROOT_PHYSICAL,
    ROOTS,
    SPAN_PHYSICAL,
    SPAN_SIZE,
    TEST_AREA,
)  # fmt: skip

INDICES = (0, 1, 511)  #: of entries that sequences write
PAGES = tuple(TEST_AREA | a << 30 | b << 21 | c << 12 for a in INDICES for b in INDICES for c in INDICES)
HOLE = 3 << 39  #: nothing is mapped there, in any space; 512 GiB
TOP = (1 << 64) - 4096  #: nor here
CODE = 0xC390  #: nop; ret
WRITE, USER_MODE, EXECUTE = 2, 4, 16  #: kinds of access, as bits of an error code
_GUESTS = 0x7E0 << 48 | 0xE00  #: bits of an entry that are the guest's: 53-58, 9-11
_KNOWN = PRESENT | WRITABLE | USER | 0x60 | GLOBAL | NX | _GUESTS | ADDRESS
_LARGEST = 2  #: level of entries that may map memory themselves


class Fault(Exception):
    """An access is refused: vector, error code (None: unspecified), bits of it that may be either, address."""

    def __init__(self, vector: int, error: int, either: int, address: int) -> None:
        super().__init__()
        self.vector, self.error, self.either, self.address = vector, error, either, address


def pool_page(address: int) -> int | None:
    """The page of the pool at a guest-physical address."""
    number = (address - POOL_PHYSICAL) // 4096
    return number if 0 <= number < POOL else None


def data_page(address: int) -> int | None:
    """The same, also of the span."""
    number = (address - SPAN_PHYSICAL) // 4096
    return POOL + SPAN_PAGES.index(number) if number in SPAN_PAGES else pool_page(address)


def in_span(address: int) -> bool:
    """Whether a guest-physical address is there."""
    return SPAN_PHYSICAL <= address < SPAN_PHYSICAL + SPAN_SIZE


def make(native: int) -> int:
    """An entry that sequences may use. :class:`Outside` for another."""
    large = native & LARGE and native & ADDRESS == SPAN_PHYSICAL
    if not native & PRESENT or native & ~_KNOWN & ~(LARGE if large else 0):
        raise Outside("an entry that a hypervisor may refuse")
    if data_page(native & ADDRESS) is None:
        raise Outside("an entry for memory that is not the sequences'")
    return native


class Memory(Base):
    """Tables and accesses."""

    # ---- entries ----

    def location(self, address: int) -> int:
        """Pool word number of an entry by its direct-map address, -1 - n for the anchor of root n."""
        offset = address - DIRECT_MAP - POOL_PHYSICAL
        if address % 8 == 0 and 0 <= offset // 8 < POOL_WORDS and offset // 8 % WORDS in INDICES:
            return offset // 8
        root = (address - DIRECT_MAP - ROOT_PHYSICAL) // 4096
        if 0 <= root < ROOTS and address == DIRECT_MAP + ROOT_PHYSICAL + root * 4096 + 8:
            return -1 - root
        raise Outside("not the address of an entry that sequences write")

    def entry(self, location: int) -> int:
        """What a table holds."""
        return self.state.anchors.get(-1 - location, 0) if location < 0 else self.state.memory.get(location, 0)

    def put(self, location: int, value: int) -> None:
        """Writes an entry; what the processor may have seen before is stale from now on."""
        before = {page: self.walk(page) for page in PAGES} if self._in_use(location) else {}
        was = self.entry(location)
        if location < 0:
            self.state.anchors[-1 - location] = value
        elif value:
            self.state.memory[location] = value
        else:
            self.state.memory.pop(location, None)
        level = self.state.levels.get(location // WORDS, 0) if location >= 0 else 4
        if level == 1 or was & LARGE:
            changed = [(page, old) for page, old in before.items() if old and old != self.walk(page)]
            self.state.stale |= set(changed)
            return
        self.state.unclear |= {(page, bool(old and old.stays)) for page, old in before.items()
                               if was & PRESENT and old != self.walk(page)}

    def _in_use(self, location: int) -> bool:
        return location < 0 or location // WORDS in self.state.levels

    def consistent(self) -> None:
        """What must be true of tables between operations, else :class:`Outside`: see PteSet, PageTableAdd."""
        state = self.state
        done = dict(state.queue)
        for waiting in ({}, done) if done else ({},):
            for root in range(ROOTS):
                self._check(waiting.get(-1 - root, state.anchors.get(root, 0)), 4)
            for page, level in state.levels.items():
                for index in INDICES:
                    location = page * WORDS + index
                    self._check(waiting.get(location, state.memory.get(location, 0)), level)
        for _, old in state.stale:
            if old.page in state.levels:
                raise Outside("a table that may still be mapped elsewhere")

    def _check(self, entry: int, level: int) -> None:
        if not entry & PRESENT:
            return
        if entry & LARGE and level != _LARGEST:
            raise Outside("a flag that means something else at this level")
        if (level == 1 or entry & LARGE) and in_span(entry & ADDRESS):
            return
        page = pool_page(entry & ADDRESS)
        if page is None:
            raise Outside("an entry that leads out of the pool")
        if level == 1 and page in self.state.levels:
            raise Outside("a table mapped as memory")
        if level > 1 and (self.state.levels.get(page) != level - 1 or entry & (GLOBAL | NX)):
            raise Outside("an entry for what is no table of the next level")

    # ---- translation ----

    def walk(self, address: int) -> Translation | None:
        """By the tables as they are, in the present space."""
        location, writable, user, above, executable = -1 - self.state.root, True, True, True, True
        for level in (4, 3, 2, 1):
            entry = self.entry(location)
            large = bool(level == _LARGEST and entry & LARGE)
            inside = address % SPAN_SIZE & ~0xFFF if large else 0
            page = data_page((entry & ADDRESS) + inside) if entry & PRESENT else None
            if page is None:
                return None
            writable, executable = writable and bool(entry & WRITABLE), executable and not entry & NX
            user = user and bool(entry & USER)
            above = user if level >= 3 else above
            if level == 1 or large:
                return Translation(page, writable, user, above, executable, bool(entry & GLOBAL), large)
            location = page * WORDS + (address >> 12 + 9 * (level - 2) & 511)
        raise AssertionError

    def some_updates(self) -> None:
        """Updates that may wait are done so far, in order."""
        for _ in range(self.pick(*range(len(self.state.queue) + 1))):
            self.next_update()

    def all_updates(self) -> None:
        """Nothing waits any more."""
        while self.state.queue:
            self.next_update()

    def next_update(self) -> None:
        """The oldest update that waits is done."""
        (location, value), *rest = self.state.queue
        self.state.queue = tuple(rest)
        self.put(location, value)

    def translate(self, address: int, access: int) -> int:
        """Page of the pool. :class:`Fault` when the access is refused."""
        page_address = address & ~0xFFF
        if not canonical(address):
            raise Fault(PROTECTION, 0, 0, 0)
        error = access & (WRITE | USER_MODE | EXECUTE)
        direct = data_page(address - DIRECT_MAP)
        if direct is not None:
            if access & USER_MODE:
                raise Fault(PAGE_FAULT, error, PRESENT | EXECUTE if access & EXECUTE else PRESENT, address)
            if access & EXECUTE or (access & WRITE and direct in self.state.levels):
                raise Outside("a table as memory")
            return direct
        if HOLE <= address < HOLE + TEST_AREA or address >= TOP:
            if address >= TOP:
                raise Fault(PAGE_FAULT, error, PRESENT | EXECUTE if access & EXECUTE else PRESENT, address)
            raise Fault(PAGE_FAULT, error, 0, address)
        if not TEST_AREA <= address < 2 * TEST_AREA:
            raise Outside("an address that is not the sequences'")
        if any(page == page_address for page, _ in self.state.unclear):
            raise Outside("a table above was changed, and nothing was flushed")
        self.some_updates()
        stale = [old for page, old in sorted(self.state.stale) if page == page_address]
        return self._allowed(self.pick(*dict.fromkeys([self.walk(address), *stale])), address, access)

    def _allowed(self, to: Translation | None, address: int, access: int) -> int:
        error = access & (WRITE | USER_MODE | EXECUTE)
        if to is None:
            raise Fault(PAGE_FAULT, error, 0, address)
        if access & USER_MODE and not to.user and (not to.user_above or self.pick(True, False)):
            # "a page fault of user mode may say not present for what is present in the kernel"
            raise Fault(PAGE_FAULT, error, PRESENT, address)
        if access & EXECUTE and not access & USER_MODE and to.user:
            raise Outside("the kernel executes a page of user mode")
        if (access & WRITE and not to.writable) or (access & EXECUTE and not to.executable):
            raise Fault(PAGE_FAULT, error | PRESENT, 0, address)
        return to.page

    # ---- accesses of a word ----

    def _word(self, address: int, access: int) -> int:
        if address % 8:
            raise Outside("a word that is not aligned")
        return self.translate(address, access) * WORDS + address % 4096 // 8

    def load(self, address: int, access: int) -> int:
        """The word there."""
        number = self._word(address, access)
        value = self.state.memory.get(number, 0)
        if value & 1 or any(location == number for location, _ in self.state.queue):
            raise Outside("an opaque value")
        return value

    def store(self, address: int, value: int, access: int) -> None:
        """Writes the word there."""
        if value & 1:
            raise Outside("an odd value, which only entries have")
        number = self._word(address, access | WRITE)
        if number // WORDS in self.state.levels:
            raise Outside("a table written as memory")
        if any(location == number for location, _ in self.state.queue):
            raise Outside("memory that an update may still change")
        if value:
            self.state.memory[number] = value
        else:
            self.state.memory.pop(number, None)

    def execute(self, address: int, access: int) -> None:
        """Runs the code there, which comes back."""
        number = self._word(address, access | EXECUTE)
        if self.state.memory.get(number, 0) != CODE:
            raise Outside("no code")
