# SPDX-License-Identifier: MIT
"""The abstract machine does operations of sequences: calls, accesses, user mode."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from openvmi.abi.load import interface
from openvmi.abi.names import DESCRIPTOR_SLOTS, Call, Group, Source
from openvmi.conformance.model import segments
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
from openvmi.conformance.model.pointers import SELECTORS
from openvmi.conformance.model.state import LARGE, State
from openvmi.conformance.model.trap import Trap
from openvmi.conformance.model.wanted import Changed, Wanted, at_least, bits
from openvmi.conformance.sequence import (
    BAD_CS,
    BAD_RIP,
    BAD_SS,
    CODE_SLOT,
    FIRST_SPARE,
    REGISTERS,
    RETURN_ONCE,
    SCRATCH_WORDS,
    SPARES,
    USER_IF,
    Float,
    Kind,
    Mode,
    Op,
    Operation,
    Program,
)  # fmt: skip

_AGAIN = 0x5C
_FLAGS = CODE_SLOT * (1 + DESCRIPTOR_SLOTS)  #: of user mode are less
_SYSCALL_SIZE = 2
_NO_SELECTOR, _DATA_SELECTOR = 3, 4  #: of Kind.SELECTOR
_IN_TABLE = 2  #: error code bit: the selector field is a vector
_RAX, _RCX, _RDX, _R11 = (1 << REGISTERS.index(name) for name in ("rax", "rcx", "rdx", "r11"))
_PROTECTED = frozenset({Program.HLT, Program.CLI, Program.STI, Program.IN, Program.CR3, Program.SWAPGS})
_SPINNING = frozenset({Program.SPIN, Program.SPIN_COMPATIBLE})
_SPIN_SIZE = 2  #: bytes, which an event's handler leaves behind
_READING = {Program.READ_XMM0: Float.XMM0, Program.READ_XMM15: Float.XMM15, Program.READ_MM0: Float.MM0,
            Program.READ_LATE: Float.XMM0}
_WRITING = {Program.WRITE_XMM0: Float.XMM0, Program.WRITE_XMM15: Float.XMM15, Program.WRITE_MM0: Float.MM0}
_LATE = 2  #: bytes before the instruction
#: The same instructions in 32-bit code, which end in an exception.
_COMPATIBLE = frozenset({
    Program.INT3, Program.UD2, Program.INT_48, Program.INT_49, Program.INT_50, Program.INT_51, Program.HLT, Program.CLI,
    Program.STI, Program.IN, Program.DIVIDE, Program.INT_13, Program.SEGMENT, Program.SPIN_COMPATIBLE,
})  # fmt: skip
_NO_FPU = 7  #: vector
_HIGH = sum(1 << index for index, name in enumerate(REGISTERS) if name[1:].isdigit())  #: not in 32-bit code
_SLOT_ERROR = 0x10000  #: of general protection by the segment of a slot
_EVENTS_BEFORE = frozenset({Call.EVENT_SEND, Call.EVENT_UNMASK})  #: "delivered before this returns"


@cache
def clobbered(call: int) -> int:
    """Registers that a call may change, as bits in the order of struct registers."""
    about = next(one for one in interface().calls if one.number == call)
    convention = next(one for one in interface().conventions if one.name == about.convention)
    names = {*about.clobbers, *convention.clobbers, *(("rax",) if about.result != "none" else ())}
    return sum(1 << index for index, name in enumerate(REGISTERS) if name in names)


class _Ended(Exception):
    """User mode has come to its end."""


class Machine(Trap):
    """One operation at a time: see :meth:`perform`."""

    def perform(self, one: Operation) -> State:
        """Does it. :class:`Outside` when the contract does not say what would happen."""
        self.deliver()  # an event may come at any moment, if only the timer's
        if self._lacking(one):
            self.say("X")
        elif one.op is Op.CALL:
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
        elif one.op in (Op.FPU_READ, Op.FPU_WRITE):
            self._float(one)
        else:
            self._access(one)
        self.deliver()
        self.consistent()
        return self.end()

    def _lacking(self, one: Operation) -> bool:
        """Whether it is about a large page, or another VCPU, and there are none. The guest asks first."""
        if any(value.kind is Kind.SPAN_ENTRY and value.value & LARGE for value in one.values):
            if self.state.large is None:
                self.state.large = self.pick(True, False)
            if not self.state.large:
                return True
        return one.op is Op.CALL and one.number >> 8 == Group.SMP and self.pick(False, True)

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
        told = self.say("R", wanted, Changed(0, allowed))
        self.done(number, arguments, told[0])
        if number == Call.CLOCK_READ:
            self.state.clock = max(self.state.clock, told[0])

    def _soon(self, wait: int) -> int:
        """A deadline that the guest read the clock for."""
        if wait >= 1 << 62:
            raise Outside("a deadline that cannot be told")
        deadline = self.say("T", at_least(self.state.clock + wait))[0]
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
        self.say("F", fault.vector, bits(fault.error, fault.either), fault.address, 0,
                 2 * user | self.state.interrupts, *([self._changed(0)] if user else []))
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
            self.say("F", PROTECTION, bits(_IN_TABLE, ~7), 0, 0, int(self.state.interrupts))

    def _float(self, one: Operation) -> None:
        """> Whether such instructions of the kernel raise it is the hypervisor's choice."""
        if one.number not in list(Float):
            raise Outside("a register that sequences do not use")
        value = self._storable(one, 0) if one.op is Op.FPU_WRITE else 0
        if self.state.fpu_trap and self.pick(False, True):
            self.say("F", _NO_FPU, 0, 0, 0, int(self.state.interrupts))
            self.state.fpu_trap = self.pick(True, False)
        elif one.op is Op.FPU_WRITE:
            self.state.floats[one.number] = value
        else:
            self.say("L", self.state.floats.get(one.number, 0))

    # ---- user mode ----

    _at = 0  #: where user mode is in its program, in bytes
    _lost = 0  #: registers that a system call has changed
    _compatible = False

    def back_in_user_mode(self) -> None:
        """> A hypervisor may raise it sooner: at a return to user mode, as if the first instruction there had raised
        > it, whatever that is.
        """
        if self._spins:
            self._at = _SPIN_SIZE
        if self.state.fpu_trap and self.pick(False, True):
            self._no_fpu(self._at)

    _spins = False

    def _no_fpu(self, at: int) -> None:
        self.say("F", _NO_FPU, 0, 0, 0, 2 | self.state.interrupts, self._changed(0), at)
        self.state.fpu_trap = self.pick(True, False)  # "raising it may turn it off"
        raise _Ended

    def _changed(self, exactly: int) -> Wanted:
        return Changed(exactly, self._lost | (_HIGH if self._compatible else 0))

    def _user(self, one: Operation) -> None:
        flags, rdi = one.values[0].value, self.named(one.values[1])
        program = one.number
        if self.state.root == 0 or self.state.stack is None or program not in list(Program):
            raise Outside("no user mode there")
        again = bool(flags & RETURN_ONCE)
        if one.values[0].kind is not Kind.NUMBER or flags >= _FLAGS or (again and program != Program.SYSCALL):
            raise Outside("flags that there are not")
        before = self.state.interrupts
        self.state.interrupts = bool(flags & USER_IF)
        self._in_user = True
        slot = flags // CODE_SLOT - 1
        code = self.state.slots.get(slot, 0) if slot >= 0 else None
        if flags & (BAD_RIP | BAD_CS | BAD_SS) or (code is not None and not segments.is_code(code)):
            self._bad_frame()
        else:
            self._compatible = code is not None and segments.is_compatible(code)
            with suppress(_Ended):
                self._enter_program(Program(program))
                self._run(Program(program), rdi, one, again)
        self._in_user = False
        self.state.interrupts = before

    def _enter_program(self, program: Program) -> None:
        if self._compatible and program not in _COMPATIBLE:
            raise Outside("instructions that are others in 32-bit code")
        if program in _SPINNING and not self.state.interrupts:
            raise Outside("an endless loop")
        self.back_in_user_mode()
        self._spins = program in _SPINNING
        if self._spins:
            self.tick()
            self.wait()
        self.deliver(user=True)

    def _bad_frame(self) -> None:
        """> A frame that the processor would refuse raises general protection, in the kernel or as if the
        > context returned to had raised it.
        """
        if self.state.fpu_trap:
            raise Outside("which of two exceptions comes")
        if self.state.interrupts and (self.ready() or self._awaits(Source.CONSOLE)) and self.pick(False, True):
            raise Outside("an event on the way to nowhere")
        if self.state.interrupts and self.state.deadline is not None:
            raise Outside("an event on the way to nowhere")
        if self.pick(False, True):
            self.say("F", PROTECTION, None, 0, None, frozenset((2, 3)), None)
        else:
            self.say("F", PROTECTION, None, 0, None, frozenset((0, 1)))

    def _trap(self, vector: int, error: int = 0, either: int = 0, changed: int = 0, rax: int = 0) -> None:
        self.say("F", vector, bits(error, either), 0, 0, 2 | self.state.interrupts,
                 self._changed(changed), *([rax] if vector == BREAKPOINT else []))

    def _run(self, program: Program, rdi: int, one: Operation, again: bool) -> None:
        result = 0
        if self.state.fpu_trap and (program in _READING or program in _WRITING):
            self._no_fpu(_LATE if program is Program.READ_LATE else 0)
        if program in _WRITING:
            self.state.floats[_WRITING[program]] = self._storable(one, 1)
        elif program in _READING:
            result = self.state.floats.get(_READING[program], 0)
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
            elif program == Program.SEGMENT:
                self._segment(rdi, one)
                return
        except Fault as fault:
            self._fault(fault)
            return
        if program in _PROTECTED:
            self._trap(PROTECTION)
        elif program in (Program.INT3, Program.POPF, Program.SPIN_COMPATIBLE):
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
                self._at, self._lost = _SYSCALL_SIZE, _RAX | _RCX | _R11
                self.back_in_user_mode()
                self.deliver(user=True)
            if result == _AGAIN:
                raise Outside("a value that means something else")
            self._system_call(result)

    def _segment(self, selector: int, one: Operation) -> None:
        number = selector - SELECTORS
        if one.values[1].kind is not Kind.SELECTOR:
            raise Outside("a selector that the boot contract does not tell")
        descriptor = {_NO_SELECTOR: None, _DATA_SELECTOR: segments.DATA}.get(number, self.state.slots.get(number, 0))
        if descriptor is not None and not segments.can_read(descriptor):
            self._trap(PROTECTION, _SLOT_ERROR + 8 * number)
            return
        found = segments.read(descriptor, self._storable(one, 2), self._compatible)
        self._trap(BREAKPOINT, changed=_RAX, rax=found)

    def _system_call(self, rax: int) -> None:
        """> on the kernel stack, frame complete, interrupts disabled, RCX and R11 destroyed, every other
        > register the user's
        """
        self.say("S", rax, Changed(0, _RAX | _RCX | _R11), 2 | self.state.interrupts)
