# SPDX-License-Identifier: MIT
"""The calls of groups irq, event, smp and time, and the delivery of events."""

from __future__ import annotations

from openvmi.abi.names import EVENT_SOURCES, FLAG_IF, Error, Source
from openvmi.conformance.model.base import Outside
from openvmi.conformance.model.mmu import Mmu
from openvmi.conformance.model.wanted import Wanted, at_least, at_most, between
from openvmi.conformance.sequence import FIRST_SPARE, Mode

_EVERYWHERE = frozenset({Source.TIMER, *range(Source.SOFT, EVENT_SOURCES)})
_PERHAPS = frozenset({Source.CONSOLE, Source.IPI, Source.SUSPEND})  #: not on every hypervisor
_OWN = 1  #: this VCPU's bit
_FIRST_VECTOR, _LAST_VECTOR = 32, 255
_FAR = 10**10  #: nanoseconds; a deadline that much later does not pass in a sequence
_LATEST = (1 << 63) - 1  #: of what is told in nanoseconds
_FREQUENCY = 10**6  #: of the clock, at least


class Event(Mmu):
    """Events, the interrupt flag that holds them back, the timer that raises one."""

    # ---- delivery ----

    def tick(self) -> None:
        """The deadline may have passed: "not before the deadline", and no promise of how long after."""
        deadline = self.state.deadline
        if deadline is not None and deadline < self.state.clock + _FAR and self.pick(False, True):
            self._fire()
        if not self._offered and self.state.interrupts and self.sees("V") and self._awaits(Source.CONSOLE):
            # "raised when input arrives": whenever that is.
            self._offered = self.free
            if self.pick(False, True):
                self.state.pending |= {Source.CONSOLE}

    _offered = False  #: once is enough to know what may happen

    def _awaits(self, source: int) -> bool:
        state = self.state
        return source in state.bound and source not in state.masked | state.handled | state.pending

    def _fire(self) -> None:
        self.state.not_before = self.state.deadline or 0
        self.state.deadline = None
        self.state.pending |= {Source.TIMER}

    def ready(self) -> list[int]:
        """Sources that would be delivered with interrupts enabled."""
        state = self.state
        return sorted(source for source in state.pending - state.masked - state.handled if source in state.bound)

    def deliver(self, user: bool = False) -> int:
        """Everything that is to be delivered now, in whatever order; how many."""
        count = 0
        self.tick()
        while self.state.interrupts and (ready := self.ready()):
            self._enter(self.pick(*ready), user)
            count += 1
            self.tick()
        return count

    def _enter(self, source: int, user: bool) -> None:
        state = self.state
        vector = state.bound[source]
        if not _FIRST_VECTOR <= vector < FIRST_SPARE:
            raise Outside("a vector without a handler for events")
        self.all_updates()  # "the ROM completes updates before it delivers one"
        state.pending -= {source}
        state.handled |= {source}
        state.interrupts = False
        told = self.say("V", vector, 1 | 2 * user, *([self._time()] if source == Source.TIMER else []))
        if source == Source.TIMER:
            state.clock = max(state.clock, told[2])
        self._handler(source)
        state.interrupts = True
        if user:
            self.back_in_user_mode()

    def back_in_user_mode(self) -> None:
        """A handler has returned there."""

    def _time(self) -> Wanted:
        return at_least(max(self.state.clock, self.state.not_before))

    def _handler(self, source: int) -> None:
        mode, other = self.state.modes.get(source, (Mode.ACK, 0))
        if mode == Mode.KEEP:
            return
        if mode in (Mode.SEND, Mode.ENABLE):
            self.state.modes[source] = (Mode.ACK, other)
        if mode == Mode.MASK:
            self.event_mask(source)
        elif mode == Mode.SEND:
            self.event_send(other)
        self.event_ack(source)
        if mode == Mode.ENABLE:
            self.state.interrupts = True
            self.deliver()
            self.state.interrupts = False

    # ---- irq ----

    def irq_disable(self, *_: int) -> Wanted:
        """> Clears the virtual interrupt flag: no event is delivered until it is set again."""
        self.state.interrupts = False
        return None

    def irq_enable(self, *_: int) -> Wanted:
        """> Sets the virtual interrupt flag. Events that are pending and not masked are delivered before it
        > returns
        """
        self.state.interrupts = True
        return None

    def irq_save(self, *_: int) -> Wanted:
        """> Returns the virtual interrupt flag in the place it has in RFLAGS: bit 9 (FLAG_IF) set means enabled.
        """
        return FLAG_IF if self.state.interrupts else 0

    def irq_restore(self, flags: int, *_: int) -> Wanted:
        """> Goes back to the state that the flags describe. Called with interrupts disabled"""
        if self.state.interrupts:
            raise Outside("IrqRestore with interrupts enabled")
        self.state.interrupts = bool(flags & FLAG_IF)
        return None

    def irq_save_disable(self, *_: int) -> Wanted:
        """> IrqSave followed by IrqDisable."""
        before = self.irq_save()
        self.irq_disable()
        return before

    def irq_pending(self, *_: int) -> Wanted:
        """> 1 when enabling interrupts now would deliver an event, 0 when it would not; changes nothing.

        > 0 is certain of all that this VCPU has raised by calls
        """
        raised = any(source >= Source.SOFT for source in self.ready())
        return 1 if raised else frozenset((0, 1))

    def halt(self, *_: int) -> Wanted:
        """> Sets the virtual interrupt flag and waits until an event was delivered, atomically

        > Returns with interrupts enabled after the handler returned.
        """
        self.state.interrupts = True
        self.wait()
        self.deliver()
        return None

    def wait(self) -> None:
        """Time passes until something is to be delivered."""
        if self.ready():
            return
        if self._awaits(Source.CONSOLE) and not self.free and self.pick(True, False):
            self.state.pending |= {Source.CONSOLE}
            return
        deadline = self.state.deadline
        if deadline is not None and deadline < self.state.clock + _FAR:
            self._fire()
        if not self.ready():
            raise Outside("waiting for an event that does not come")

    # ---- event ----

    def event_bind(self, source: int, vector: int, *_: int) -> Wanted:
        """> Delivers the source at the vector, unmasked, on this VCPU. BUSY when the vector has another source

        > NOT_SUPPORTED for a source that does not exist here

        > Whatever the vector, 0 too, the call unmasks the source, and ends the handling of a delivery that was not
        > acknowledged
        """
        state = self.state
        if source >= EVENT_SOURCES or (vector and not _FIRST_VECTOR <= vector <= _LAST_VECTOR):
            return Error.INVALID if source in _EVERYWHERE or source >= EVENT_SOURCES else self.pick(
                Error.INVALID, Error.NOT_SUPPORTED)
        if source not in _EVERYWHERE and source not in _PERHAPS:
            return self.pick(Error.NOT_SUPPORTED, Error.INVALID)
        if source in _PERHAPS and self.pick(False, True):
            return Error.NOT_SUPPORTED
        if any(taken == vector for other, taken in state.bound.items() if other != source and vector):
            return Error.BUSY
        state.bound.pop(source, None)
        if vector:
            state.bound[source] = vector
        state.masked -= {source}
        state.handled -= {source}
        return Error.SUCCESS

    def _known(self, source: int) -> Error | None:
        if source in _EVERYWHERE:
            return None
        if source in _PERHAPS:
            return self.pick(Error.INVALID, None)
        return Error.INVALID

    def event_mask(self, source: int, *_: int) -> Wanted:
        """> Holds the source back: it may become pending but is not delivered."""
        answer = self._known(source)
        if answer is not None:
            return answer
        self.state.masked |= {source}
        return Error.SUCCESS

    def event_unmask(self, source: int, *_: int) -> Wanted:
        """> Lets the source through again. If it is pending and interrupts are enabled it is delivered before
        > this returns.
        """
        answer = self._known(source)
        if answer is not None:
            return answer
        self.state.masked -= {source}
        return Error.SUCCESS

    def event_ack(self, source: int, *_: int) -> Wanted:
        """> Ends the handling of one delivery. Until then the same source is not delivered again."""
        answer = self._known(source)
        if answer is not None:
            return answer
        self.state.handled -= {source}
        return Error.SUCCESS

    def event_send(self, source: int, *_: int) -> Wanted:
        """> Raises one of the guest's own sources on this VCPU. Delivered before it returns when interrupts are
        > enabled.
        """
        if not Source.SOFT <= source < EVENT_SOURCES:
            return Error.INVALID
        self.state.pending |= {source}
        return Error.SUCCESS

    # ---- smp: one VCPU ----

    def vcpu_start(self, vcpu: int, start: int, *_: int) -> Wanted:
        """> BUSY when it runs already."""
        answers = (Error.BUSY, Error.INVALID) if vcpu & 0xFFFF_FFFF == 0 else (Error.INVALID,)
        return self.pick(*answers) if self.readable(start, 32) else self.refuse(start, *answers)

    def vcpu_stop(self, *_: int) -> Wanted:
        """> INVALID on the last running one."""
        return Error.INVALID

    def vcpu_id(self, *_: int) -> Wanted:
        """> The number of this VCPU, as given to VcpuInit."""
        return 0

    def ipi_send(self, vcpus: int, *_: int) -> Wanted:
        """> Raises the source IPI on each of these VCPUs. INVALID for one that was never started, with nothing sent.
        """
        if vcpus & ~_OWN:
            return Error.INVALID
        if vcpus:
            self.state.pending |= {Source.IPI}
        return Error.SUCCESS

    def vcpu_yield(self, *_: int) -> Wanted:
        """> A hint that this VCPU waits for another one."""
        return None

    # ---- time ----

    def clock_read(self, *_: int) -> Wanted:
        """> Nanoseconds of virtual time since a fixed moment before the guest started. Never goes back on one
        > VCPU.
        """
        return at_least(self.state.clock)

    def clock_frequency(self, *_: int) -> Wanted:
        """> Ticks per second of the counter behind ClockRead: its resolution. At least 1,000,000."""
        return at_least(_FREQUENCY)

    def wall_clock_read(self, *_: int) -> Wanted:
        """> Nanoseconds since 1970-01-01 00:00 UTC, to the second or better."""
        return between(1, _LATEST)

    def stolen_time_read(self, *_: int) -> Wanted:
        """> Nanoseconds for which this VCPU wanted to run and did not. 0 where the hypervisor does not know."""
        return at_most(_LATEST)

    def timer_set(self, deadline: int, *_: int) -> Wanted:
        """> Raises the source TIMER on this VCPU once, not before the deadline. Replaces an earlier deadline.
        > One in the past raises it at once.
        """
        self.state.deadline = deadline
        if deadline <= self.state.clock:
            self._fire()
        return Error.SUCCESS

    def timer_cancel(self, *_: int) -> Wanted:
        """> Forgets the deadline. A TIMER event that is pending already stays pending."""
        self.state.deadline = None
        return Error.SUCCESS
