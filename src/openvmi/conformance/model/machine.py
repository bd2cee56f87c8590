# SPDX-License-Identifier: MIT
"""The abstract machine does operations of sequences: calls, accesses, user mode."""

from __future__ import annotations

from functools import cache

from openvmi.abi.load import interface
from openvmi.abi.names import Call
from openvmi.conformance.model.base import (
    BREAKPOINT,
    DIVIDE,
    INVALID_OPCODE,
    PAGE_FAULT,
    PROTECTION,
    U64,
    NoResult,
    Outside,
    canonical,
)  # fmt: skip
from openvmi.conformance.model.memory import USER_MODE, Fault
from openvmi.conformance.model.state import State
from openvmi.conformance.model.trap import Trap
from openvmi.conformance.sequence import (
    BAD_CS,
    BAD_RIP,
    BAD_SS,
    FIRST_SPARE,
    RETURN_ONCE,
    SCRATCH_WORDS,
    SPARES,
    USER_IF,
    Kind,
    Mode,
    Op,
    Operation,
    Program,
)  # fmt: skip

_REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", *(f"r{i}" for i in range(8, 16)))
_AGAIN = 0x5C
_IN_TABLE = 2  #: error code bit: the selector field is a vector
_RAX, _RCX, _RDX, _R11 = (1 << _REGISTERS.index(name) for name in ("rax", "rcx", "rdx", "r11"))
_PROTECTED = frozenset({Program.HLT, Program.CLI, Program.STI, Program.IN, Program.CR3, Program.SWAPGS})
_EVENTS_BEFORE = frozenset({Call.EVENT_SEND, Call.EVENT_UNMASK})  #: "delivered before this returns"


@cache
def clobbered(call: int) -> int:
    """Registers that a call may change, as bits in the order of struct registers."""
    about = next(one for one in interface().calls if one.number == call)
    convention = next(one for one in interface().conventions if one.name == about.convention)
    names = {*about.clobbers, *convention.clobbers, *(("rax",) if about.result != "none" else ())}
    return sum(1 << index for index, name in enumerate(_REGISTERS) if name in names)


class Machine(Trap):
    """One operation at a time: see :meth:`perform`."""

    def perform(self, one: Operation) -> State:
        """Does it. :class:`Outside` when the contract does not say what would happen."""
        self.deliver()  # an event may come at any moment, if only the timer's
        if one.op is Op.CALL:
            self._call(one)
        elif one.op is Op.POKE:
            if one.number >= SCRATCH_WORDS:
                raise Outside("beyond the room there")
            self.state.scratch[one.number] = self.named(one.values[0])
        elif one.op is Op.HANDLER:
            self._set_handler(one)
        elif one.op is Op.INT:
            self._int(one.number)
        elif one.op is Op.USER:
            self._user(one)
        else:
            self._access(one)
        self.deliver()
        self.consistent()
        return self.end()

    # ---- calls ----

    def _call(self, one: Operation) -> None:
        number = one.number
        known = number in list(Call)
        method = getattr(self, Call(number).name.lower(), None) if known else None
        if method is None:
            raise Outside("a call that the model does not have")
        arguments = [0 if value.kind is Kind.CLOCK else self.named(value) for value in one.values]
        if number == Call.TIMER_SET:
            if one.values[0].kind is Kind.CLOCK:
                arguments[0] = self._soon(one.values[0].value)
            else:
                self.say("T", arguments[0])
        elif any(value.kind is Kind.CLOCK for value in one.values):
            raise Outside("a time as another argument")
        self.deliver()  # before the call, but after what the guest said of it
        try:
            wanted = method(*arguments)
        except NoResult:
            return
        late = number not in _EVENTS_BEFORE and self.state.interrupts and self.pick(False, True)
        if not late:
            self.deliver()
        allowed = clobbered(number)
        wanted = wanted & U64 if isinstance(wanted, int) else wanted
        told = self.say("R", wanted, lambda changed: not changed & ~allowed)
        if number == Call.CLOCK_READ:
            self.state.clock = max(self.state.clock, told[0])

    def _soon(self, wait: int) -> int:
        """A deadline that the guest read the clock for."""
        if wait >= 1 << 62:
            raise Outside("a deadline that cannot be told")
        deadline = self.say("T", lambda told: told >= self.state.clock + wait)[0]
        self.state.clock = max(self.state.clock, deadline - wait)
        return self.state.clock + wait

    def _set_handler(self, one: Operation) -> None:
        mode, other = (value.value for value in one.values[:2])
        if mode not in list(Mode) or any(value.kind is not Kind.NUMBER for value in one.values[:2]):
            raise Outside("a handler that there is not")
        if one.number < 16:
            self.state.modes[one.number] = (mode, other & 0xFF)

    # ---- the kernel ----

    def _fault(self, fault: Fault) -> None:
        user = self._in_user
        self.say("F", fault.vector, lambda error: not (error ^ fault.error) & ~fault.either, fault.address, 0,
                 2 * user | self.state.interrupts, *([0] if user else []))
        if fault.vector == PAGE_FAULT:
            self.state.fault = fault.address

    _in_user = False

    def _access(self, one: Operation) -> None:
        address = self.named(one.values[0])
        try:
            if one.op is Op.LOAD:
                self.say("L", self.load(address, 0))
            elif one.op is Op.STORE:
                self.store(address, self._storable(one), 0)
            else:
                self.execute(address, 0)
                self.say("E")
        except Fault as fault:
            self._fault(fault)

    def _storable(self, one: Operation, index: int = 1) -> int:
        if one.values[index].kind is not Kind.NUMBER:
            raise Outside("a value that differs from place to place")
        return one.values[index].value

    def _int(self, number: int) -> None:
        if number >= SPARES:
            raise Outside("a vector that is not spare")
        gate = self.state.gates[FIRST_SPARE + number]
        if self.pick(True, False):
            self.say("F", gate.handler, 0, 0, 0, int(self.state.interrupts))
        else:  # "where it does not, general protection comes instead"
            self.say("F", PROTECTION, lambda error: error & 7 == 2, 0, 0, int(self.state.interrupts))

    # ---- user mode ----

    def _user(self, one: Operation) -> None:
        flags, rdi = one.values[0].value, self.named(one.values[1])
        program = one.number
        if self.state.root == 0 or self.state.stack is None or program not in list(Program):
            raise Outside("no user mode there")
        if one.values[0].kind is not Kind.NUMBER or flags >= 32 or (flags & RETURN_ONCE and program != Program.SYSCALL):
            raise Outside("flags that there are not")
        before = self.state.interrupts
        self.state.interrupts = bool(flags & USER_IF)
        self._in_user = True
        if flags & (BAD_RIP | BAD_CS | BAD_SS):
            self._bad_frame()
        else:
            if program == Program.SPIN:
                if not self.state.interrupts:
                    raise Outside("an endless loop")
                self.tick()
                self.wait()
            self.deliver(user=True)
            self._run(Program(program), rdi, one, bool(flags & RETURN_ONCE))
        self._in_user = False
        self.state.interrupts = before

    def _bad_frame(self) -> None:
        """> A frame that the processor would refuse raises general protection, in the kernel or as if the
        > context returned to had raised it.
        """
        if self.state.interrupts and self.ready() and self.pick(False, True):
            raise Outside("an event on the way to nowhere")
        if self.state.interrupts and self.state.deadline is not None:
            raise Outside("an event on the way to nowhere")
        if self.pick(False, True):
            self.say("F", PROTECTION, None, 0, None, frozenset((2, 3)), None)
        else:
            self.say("F", PROTECTION, None, 0, None, frozenset((0, 1)))

    def _trap(self, vector: int, error: int = 0, either: int = 0, changed: int = 0) -> None:
        self.say("F", vector, lambda found: not (found ^ error) & ~either, 0, 0, 2 | self.state.interrupts, changed)

    def _run(self, program: Program, rdi: int, one: Operation, again: bool) -> None:
        result = 0
        try:
            if program in (Program.LOAD, Program.LOAD_FS, Program.LOAD_GS):
                base = {Program.LOAD_FS: self.state.fs, Program.LOAD_GS: self.state.gs}.get(program, 0)
                result = self.load(base + rdi & U64, USER_MODE)
            elif program == Program.STORE:
                self.store(rdi, self._storable(one, 2), USER_MODE)
            elif program == Program.EXECUTE:
                if not canonical(rdi):
                    raise Outside("whether the jump or what comes after it faults is the processor's choice")
                self.execute(rdi, USER_MODE)
        except Fault as fault:
            self._fault(fault)
            return
        if program in _PROTECTED:
            self._trap(PROTECTION)
        elif program in (Program.INT3, Program.POPF):
            self._trap(BREAKPOINT)
        elif program == Program.UD2:
            self._trap(INVALID_OPCODE)
        elif program == Program.DIVIDE:
            self._trap(DIVIDE, changed=_RDX)
        elif program == Program.INT_13:
            self._trap(PROTECTION, _IN_TABLE, ~7)
        elif Program.INT_48 <= program <= Program.INT_51:
            gate = self.state.gates[FIRST_SPARE + program - Program.INT_48]
            if not gate.user:
                self._trap(PROTECTION, _IN_TABLE, ~7)
            elif gate.handler is not None:
                self._trap(gate.handler)
        else:
            if again:
                self._system_call(_AGAIN)
                self.deliver(user=True)
            self._system_call(result)

    def _system_call(self, rax: int) -> None:
        """> on the kernel stack, frame complete, interrupts disabled, RCX and R11 destroyed, every other
        > register the user's
        """
        if rax == _AGAIN and not self.sees("S"):
            raise Outside("a value that means something else")
        self.say("S", rax, lambda changed: not changed & ~(_RAX | _RCX | _R11), 2 | self.state.interrupts)
