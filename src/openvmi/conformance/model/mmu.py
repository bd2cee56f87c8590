# SPDX-License-Identifier: MIT
"""The calls of group mmu (abi/4.0/mmu.toml). A quoted line is the contract's own."""

from __future__ import annotations

from openvmi.abi.names import BATCH_LIMIT, Error
from openvmi.conformance.model.base import Outside
from openvmi.conformance.model.memory import PAGES, Memory, in_span, make, pool_page
from openvmi.conformance.model.pointers import Pointers
from openvmi.conformance.model.state import GLOBAL, PRESENT, WORDS
from openvmi.conformance.model.wanted import Wanted
from openvmi.conformance.sequence import POOL_PHYSICAL, ROOT_PHYSICAL, ROOTS, SPAN_SIZE

_LEVELS = (1, 2, 3, 4)
_OWN = 1  #: this VCPU's bit


class Mmu(Pointers, Memory):
    """Address spaces and page tables."""

    def address_space_set(self, root: int, *_: int) -> Wanted:
        """> Switches this VCPU to the address space, and flushes its non-global translations."""
        number = (root - ROOT_PHYSICAL) // 4096
        if root % 4096 or not 0 <= number < ROOTS:
            raise Outside("no announced root")
        self.some_updates()
        stay = {(page, to) for page in PAGES if (to := self.walk(page)) and to.stays}
        self._flush_translations()
        self.state.stale |= stay
        self.state.root = number
        return None

    def address_space_read(self, *_: int) -> Wanted:
        """> The root of this VCPU's present address space, as given to AddressSpaceSet or in
        > boot_info.page_root.
        """
        return ROOT_PHYSICAL + self.state.root * 4096

    def pte_set(self, address: int, value: int, *_: int) -> Wanted:
        """> Writes one entry of an announced or not yet announced table, visible to the processor's page walk
        > when it returns.
        """
        self._set(self.location(address), value)
        return None

    def _set(self, location: int, value: int) -> None:
        if value & PRESENT:
            make(value)
        # "an earlier one that waits never comes after a later one"; others may go on waiting
        earlier = [waiting for where, waiting in self.state.queue if where == location]
        self.state.queue = tuple(one for one in self.state.queue if one[0] != location)
        for waiting in earlier:
            self.put(location, waiting)
        self.put(location, value)

    def pte_set_batch(self, updates: int, count: int, *_: int) -> Wanted:
        """> PteSet for each update, in order, in one call. Returns how many were done: all of them, 0 for a
        > count of 0.

        > INVALID for a count over BATCH_LIMIT, with nothing done.
        """
        count &= 0xFFFF_FFFF
        readable = self.readable(updates, 16 * count if count <= BATCH_LIMIT else 0)
        if count > BATCH_LIMIT:
            return Error.INVALID if readable else self.refuse(updates, Error.INVALID, Error.FAULT)
        if not readable:
            return self.refuse(updates, *((0, Error.FAULT) if not count else (Error.FAULT,)))
        if updates % 8:
            raise Outside("an array that is not aligned")
        for number in range(count):
            address, value = self.words(updates + 16 * number, 2)
            self._set(self.location(address), value)
            self.consistent()
        return count

    def pte_update_deferred(self, address: int, value: int, *_: int) -> Wanted:
        """> As PteSet, but between LazyEnter and LazyLeave the update may wait.

        > Outside lazy mode it is PteSet.
        """
        location = self.location(address)
        if value & PRESENT:
            make(value)
        if not self.state.lazy:
            self._set(location, value)
        else:
            self.state.queue += ((location, value),)
        return None

    def pte_make(self, native: int, *_: int) -> Wanted:
        """> The opaque value for an entry with this address and these flags. A value without the present bit is
        > returned unchanged.

        > GLOBAL is a wish that may be dropped.
        """
        return self._either(native)

    def pte_read(self, value: int, *_: int) -> Wanted:
        """> The inverse of PteMake, with the accessed and dirty bits that the processor has set since."""
        return self._either(value)

    def _either(self, native: int) -> Wanted:
        if not native & PRESENT:
            if POOL_PHYSICAL <= native < POOL_PHYSICAL + (1 << 30) or in_span(native):
                raise Outside("an address that differs from place to place")
            return native
        return frozenset((make(native), native & ~GLOBAL))

    def page_table_add(self, page: int, level: int, *_: int) -> Wanted:
        """> Announces a page as a page table of that level, with the entries it now has.

        > BUSY when it already is one, INVALID when the page is not the guest's memory, both where account is
        > kept of tables.
        """
        number = pool_page(page)
        level &= 0xFFFF_FFFF
        if number is None or page % 4096:
            return self.pick(Error.INVALID, Error.SUCCESS)
        if self.state.queue:
            raise Outside("updates wait, perhaps for this page")
        if level not in _LEVELS:
            return Error.INVALID
        if number in self.state.levels:
            if self.state.levels[number] != level:
                raise Outside("a table of another level, where no account is kept")
            return self.pick(Error.BUSY, Error.SUCCESS)
        if level == 4:
            raise Outside("a root without the kernel")
        if any(word & 1 and word_number % WORDS not in (0, 1, 511)
               for word_number, word in self.state.memory.items() if word_number // WORDS == number):
            raise Outside("an entry that sequences do not look at")
        self.state.levels[number] = level
        return Error.SUCCESS

    def page_table_remove(self, page: int, level: int, *_: int) -> Wanted:
        """> Takes the announcement back; the page is ordinary memory again. Nothing refers to it any more.

        > BUSY for the root in use
        """
        if page == ROOT_PHYSICAL + self.state.root * 4096 and level == 4:
            return Error.BUSY
        number = pool_page(page)
        level &= 0xFFFF_FFFF
        if self.state.queue:
            raise Outside("updates wait, perhaps for this page")
        if number is None or page % 4096 or self.state.levels.get(number) is None:
            if ROOT_PHYSICAL <= page < ROOT_PHYSICAL + 4096 * ROOTS:
                raise Outside("a root that is needed")
            return self.pick(Error.INVALID, Error.SUCCESS)
        if self.state.levels[number] != level:
            raise Outside("not the level that it was announced as")
        del self.state.levels[number]
        return Error.SUCCESS

    # ---- translations ----

    def _flush_translations(self) -> None:
        self.state.stale = frozenset(one for one in self.state.stale if one[1].stays)
        self.state.unclear = frozenset(one for one in self.state.unclear if one[1])

    def tlb_flush(self, *_: int) -> Wanted:
        """> Flushes the non-global translations of this VCPU. Completes deferred updates first."""
        self.all_updates()
        self._flush_translations()
        return None

    def tlb_flush_page(self, address: int, *_: int) -> Wanted:
        """> Flushes this VCPU's translation of one page, global ones too. Completes deferred updates first."""
        self.all_updates()
        page, large = address & ~0xFFF, address & -SPAN_SIZE
        self.state.stale = frozenset((at, to) for at, to in self.state.stale
                                     if at != page and not (to.large and at & -SPAN_SIZE == large))
        self.state.unclear = frozenset(one for one in self.state.unclear if one[0] != page)
        return None

    def tlb_flush_others(self, vcpus: int, *_: int) -> Wanted:
        """> Flushes on other VCPUs, and returns when they have done it. INVALID for a VCPU that was never
        > started.
        """
        self.all_updates()  # "any Tlb call on this VCPU"
        return Error.INVALID if vcpus & ~_OWN else Error.SUCCESS

    def lazy_enter(self, *_: int) -> Wanted:
        """> Begins lazy mode on this VCPU: PteUpdateDeferred may wait. Does not nest."""
        if self.state.lazy:
            raise Outside("lazy mode does not nest")
        self.state.lazy = True
        return None

    def lazy_leave(self, *_: int) -> Wanted:
        """> Completes what waits and ends lazy mode. Harmless outside it."""
        self.all_updates()
        self.state.lazy = False
        return None
