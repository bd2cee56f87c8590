# SPDX-License-Identifier: MIT
"""The calls of groups trap, base, sys, random and debug."""

from __future__ import annotations

from openvmi.abi.names import (
    BATCH_LIMIT,
    CONSOLE_LIMIT,
    DESCRIPTOR_SLOTS,
    GATE_USER,
    MAJOR,
    MINOR,
    Call,
    Error,
    Group,
    InfoItem,
)  # fmt: skip
from openvmi.conformance.model.base import Outside, canonical
from openvmi.conformance.model.event import Event
from openvmi.conformance.model.pointers import BUFFER, BUFFER_SIZE, NATIVES, SCRATCH, STACKS, TEXT, VECTORS
from openvmi.conformance.model.segments import allowed, rare
from openvmi.conformance.model.state import Gate
from openvmi.conformance.model.wanted import Wanted, at_most, between
from openvmi.conformance.sequence import FIRST_SPARE, INPUT_COUNT, INPUT_FIRST, SCRATCH_WORDS, SPARES

_LOW = 0xFFFF_FFFF
_NEGATIVE = 1 << 63
_VECTORS = 256
_GATE_SIZE = 24
_TEXT = 256  #: no text is longer
_REQUIRED = frozenset({Group.BASE, Group.IRQ, Group.TRAP, Group.MMU, Group.TIME, Group.EVENT, Group.SYS})
_REVISIONS = 255  #: of a group, at most
_RANDOM_LIMIT = 256  #: bytes; RANDOM_LIMIT from version 4.1 on
_UNKNOWN_MSR = 0x1234_5678
_REPORT = 208  #: bytes of a crash report
#: Calls that write as many bytes as they return, and the argument that says where.
_WRITING = {number: where for number, where in ((0x0002, 1), (0x0701, 0), (0x0A00, 0)) if number in list(Call)}


class Trap(Event):
    """What is not about memory or events."""

    # ---- base ----

    def init(self, version: int, *_: int) -> Wanted:
        """> INVALID when the major version differs or the minor one is newer than the ROM's."""
        version &= _LOW
        if version >> 16 == MAJOR and version & 0xFFFF <= MINOR:
            raise Outside("Init a second time")
        # Without a ROM there is nobody to tell a newer minor version from.
        return Error.INVALID if version >> 16 != MAJOR else self.pick(Error.INVALID, Error.SUCCESS)

    def probe(self, group: int, *_: int) -> Wanted:
        """> The revision of a group, 0 when it is absent. Cannot fail, whatever the argument, and gives the same
        > answer as long as the guest runs on this hypervisor.
        """
        group &= _LOW
        if group in _REQUIRED:
            return between(1, _REVISIONS)
        return at_most(_REVISIONS) if group in list(Group) else 0

    def info(self, item: int, buffer: int, size: int) -> Wanted:
        """> Writes a text (ASCII, not terminated) and returns its length in bytes, cut to the room given.
        > INVALID for an unknown item.
        """
        known = item & _LOW in list(InfoItem)
        if not self.writable(buffer, min(size, _TEXT)):
            return self.refuse(buffer, *((Error.FAULT, 0) if known else (Error.INVALID, Error.FAULT)))
        return at_most(min(size, _TEXT)) if known else Error.INVALID

    def vcpu_init(self, vcpu: int, block: int, *_: int) -> Wanted:
        """> INVALID when the block is not aligned, not canonical, or the VCPU number is not this VCPU's."""
        if vcpu & _LOW == 0 and block % 64 == 0 and canonical(block):
            raise Outside("VcpuInit a second time")
        return Error.INVALID

    # ---- trap ----

    def trap_table_set(self, gates: int, count: int, *_: int) -> Wanted:
        """> Sets the handlers of the vectors named; the others keep theirs. All gates are taken or none
        """
        count &= _LOW
        readable = self.readable(gates, count * _GATE_SIZE if count <= _VECTORS else 0)
        if count > _VECTORS:
            return Error.INVALID if readable else self.refuse(gates, Error.INVALID, Error.FAULT)
        if not readable:
            return self.refuse(gates, *((Error.SUCCESS, Error.FAULT) if not count else (Error.FAULT,)))
        if gates % 8:
            raise Outside("an array that is not aligned")
        found = [self._gate(*self.words(gates + number * _GATE_SIZE, 3)) for number in range(count)]
        if any(gate is None for _, gate in found):
            return Error.INVALID
        self.state.gates.update({vector: gate for vector, gate in found if gate})
        return Error.SUCCESS

    def _gate(self, head: int, handler: int, native: int) -> tuple[int, Gate | None]:
        vector, flags = head & 0xFF, head >> 8
        if not FIRST_SPARE <= vector < FIRST_SPARE + SPARES or flags & ~GATE_USER:
            raise Outside("a gate that is not spare, or bits that must be 0")
        if not (canonical(handler) and canonical(native)):
            return vector, None
        if native - NATIVES != handler - VECTORS or not FIRST_SPARE <= handler - VECTORS < FIRST_SPARE + SPARES:
            raise Outside("a handler that is none")
        return vector, Gate(handler - VECTORS, bool(flags & GATE_USER))

    def syscall_entry_set(self, handler: int, native: int, *_: int) -> Wanted:
        """> Sets where SYSCALL from 64-bit user mode arrives

        > INVALID when either entry is not canonical
        """
        if canonical(handler) and canonical(native):
            raise Outside("system calls to somewhere else")
        return Error.INVALID

    def kernel_stack_set(self, top: int, *_: int) -> Wanted:
        """> The stack on which traps, events and system calls from user mode arrive on this VCPU, from now on.

        > INVALID when it is not aligned or not canonical
        """
        if top % 16 or not canonical(top):
            return Error.INVALID
        if top not in (STACKS, STACKS + 16):
            raise Outside("a stack that is none")
        self.state.stack = (top - STACKS) // 16
        return Error.SUCCESS

    def fault_address_read(self, *_: int) -> Wanted:
        """> The address of the last page fault on this VCPU. Valid until the next page fault."""
        if self.state.fault is None:
            raise Outside("no page fault yet, or one in the ROM")
        return self.state.fault

    def descriptors_set(self, first: int, descriptors: int, count: int) -> Wanted:
        """> Allowed are zero (not present) and present code or data segments of privilege 3; anything else is
        > INVALID and changes nothing. A hypervisor may have no 64-bit code, conforming code or 16-bit
        > segments there: NOT_SUPPORTED, and nothing is changed.
        """
        first, count = first & _LOW, count & _LOW
        wrong = first + count > DESCRIPTOR_SLOTS
        if not self.readable(descriptors, 0 if wrong else 8 * count):
            return self.refuse(descriptors, *((Error.INVALID,) if wrong else ()), Error.FAULT,
                               *(() if count else (Error.SUCCESS,)))
        if wrong:
            return Error.INVALID
        if descriptors % 8:
            raise Outside("an array that is not aligned")
        found = self.words(descriptors, count) if count else []
        answers = [Error.INVALID] if not all(map(allowed, found)) else [Error.SUCCESS]
        answer = self.pick(*answers, *([Error.NOT_SUPPORTED] if any(map(rare, found)) else []))
        if answer == Error.SUCCESS:
            self.state.slots.update(enumerate(found, first))
        return answer

    def tls_set(self, fs: int, gs: int, *_: int) -> Wanted:
        """> The segment bases that user mode sees from the next return to it. INVALID for a non-canonical
        > address.
        """
        if not (canonical(fs) and canonical(gs)):
            return Error.INVALID
        self.state.fs, self.state.gs = fs, gs
        return Error.SUCCESS

    def cpuid(self, leaf: int, subleaf: int, registers: int) -> Wanted:
        """> What CPUID says of the virtual processor. Unknown leaves give zeros."""
        if not self.writable(registers, 16):
            self.refuse(registers, 0)
        return None

    def msr_read(self, msr: int, value: int, *_: int) -> Wanted:
        """> Reads a model-specific register. NOT_SUPPORTED, and no exception, where it does not exist or is
        > withheld.
        """
        if msr & _LOW != _UNKNOWN_MSR:
            raise Outside("a register that may exist")
        if not self.writable(value, 8):
            return self.refuse(value, Error.NOT_SUPPORTED, Error.FAULT)
        return self.pick(Error.NOT_SUPPORTED, Error.SUCCESS)  # QEMU's processor has every number

    def msr_write(self, msr: int, *_: int) -> Wanted:
        """> Writes a model-specific register. NOT_SUPPORTED, and no exception, where it does not exist or is
        > withheld.
        """
        if msr & _LOW != _UNKNOWN_MSR:
            raise Outside("a register that may exist")
        return self.pick(Error.NOT_SUPPORTED, Error.SUCCESS)

    def fpu_trap_set(self, on: int, *_: int) -> Wanted:
        """> While on, user mode's next floating-point or vector instruction raises vector 7 (CR0.TS)."""
        self.state.fpu_trap = bool(on & _LOW)
        return None

    # ---- sys ----

    def console_write(self, buffer: int, size: int, *_: int) -> Wanted:
        """> Writes bytes to the console, unchanged, and returns how many were taken."""
        return self._console(buffer, size, self.readable(buffer, size if size <= CONSOLE_LIMIT else 0), writes=True)

    def console_read(self, buffer: int, size: int, *_: int) -> Wanted:
        """> Takes waiting input and returns how many bytes; 0 when there is none. All of the room must be there to
        > be written, however little waits
        """
        return self._console(buffer, size, self.writable(buffer, size if size <= CONSOLE_LIMIT else 0), writes=False)

    def _console(self, buffer: int, size: int, good: bool, writes: bool) -> Wanted:
        if size > CONSOLE_LIMIT:
            return Error.INVALID if good else self.refuse(buffer, Error.INVALID, Error.FAULT)
        if not good:
            return self.refuse(buffer, Error.FAULT, *((0,) if not size else ()))
        if size and writes and not TEXT <= buffer < TEXT + BUFFER_SIZE:
            raise Outside("a console that is for the log")
        return at_most(size)

    def done(self, number: int, arguments: list[int], result: int) -> None:
        """A call has returned this: what came of as many bytes."""
        if number == Call.CONSOLE_WRITE and result < _NEGATIVE:
            self.state.written += result
        buffer = arguments[_WRITING[number]] if number in _WRITING else 0
        if not BUFFER <= buffer < BUFFER + BUFFER_SIZE or result >= _NEGATIVE:
            return
        if number != Call.CONSOLE_READ or not result:
            self.say("K", 1)
            return
        first = self.say("K", 1, self.state.typed, 1)[1]
        self.state.typed = INPUT_FIRST + (first - INPUT_FIRST + result) % INPUT_COUNT

    def memory_balloon(self, pages: int, count: int, give: int) -> Wanted:
        """> Returns how many were done, in order."""
        count &= _LOW
        possible = count <= BATCH_LIMIT  # none may be done; who does some needs memory that comes and goes here
        good = self.readable(pages, 8 * count if possible else 0)
        options = [Error.NOT_SUPPORTED, 0 if possible else Error.INVALID, *(() if good else (Error.FAULT,))]
        return self.pick(*options) if good else self.refuse(pages, *options)

    # ---- random, from version 4.1 on ----

    def random_read(self, buffer: int, size: int, *_: int) -> Wanted:
        """> Writes bytes that nobody can foretell, good enough for keys, and returns how many: all that were asked
        > for, or fewer, even none
        """
        good = self.writable(buffer, size if size <= _RANDOM_LIMIT else 0)
        if self.pick(False, True):
            return Error.NOT_SUPPORTED
        if size > _RANDOM_LIMIT:
            return Error.INVALID if good else self.refuse(buffer, Error.INVALID, Error.FAULT)
        return at_most(size) if good else self.refuse(buffer, Error.FAULT, 0)

    # ---- debug ----

    def trace_mark(self, *_: int) -> Wanted:
        """> Records a mark with time and, where known, the number of guest instructions so far."""
        return None

    def debug_break(self, *_: int) -> Wanted:
        """> Stops for a debugger if one is attached; otherwise does nothing."""
        return None

    def crash_report(self, report: int, *_: int) -> Wanted:
        """> Hands over the state of a crash before Shutdown(CRASH). Returns."""
        if not self.readable(report, _REPORT):
            self.refuse(report, 0)
        elif report % 8 or not SCRATCH <= report <= SCRATCH + 8 * SCRATCH_WORDS - _REPORT:
            raise Outside("a report that is none")
        return None
