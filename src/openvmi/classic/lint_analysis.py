# SPDX-License-Identifier: MIT
"""Every path through a classic ROM's code, from what clients enter: the two places of the header, and each answer of
get_reloc, which is asked as a client asks.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen
from capstone import x86

from openvmi.abi.classic import SCAN_END, SCAN_START, Header, Relocation
from openvmi.abi.layout import offset_of
from openvmi.abi.load import classic
from openvmi.classic.answers import Answers, ask
from openvmi.classic.image import ClassicRom
from openvmi.classic.lint_state import EDI, ESP, RETURN, State, Value, place, signed, value
from openvmi.rom.lint.instruction import Instruction, Kind, decode, is_string

#: Instructions gone through, places decoded, functions that wait for others.
STEP_LIMIT, DECODED_LIMIT, NESTING_LIMIT = 100_000, 20_000, 60
_STACK_SEGMENT = {x86.X86_REG_ESP, x86.X86_REG_EBP, x86.X86_REG_SP, x86.X86_REG_BP}
_REGISTERS = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
#: Offset of the first code in an image.
_FIRST = offset_of(Header, "vmi_init")


class BudgetError(Exception):
    """The image is too much work; the message says of what."""


@frozen
class Root:
    """A place where clients enter. `frame`: how far above the stack pointer what it leaves by is; None: it returns."""

    name: str
    offset: int
    convention: str
    may_change: frozenset[int]
    frame: int | None


@define(eq=False)
class Function:
    """`exits` has, for each place where it ends, the registers that are not what they were."""

    offset: int
    frame: int | None = None
    states: dict[int, State] = field(factory=dict)
    exits: dict[int, frozenset[int]] = field(factory=dict)
    callees: set[int] = field(factory=set)
    writes_above: bool = False  #: into its caller's part of the stack

    @property
    def lost(self) -> frozenset[int]:
        """Registers that are changed on some path."""
        return frozenset().union(*self.exits.values())


@define(eq=False)
class Analysis:
    """Dictionaries have offsets of instructions as keys, and what is to be said of them."""

    rom: ClassicRom
    answers: Answers
    roots: list[Root] = field(factory=list)
    functions: dict[tuple[int, int | None], Function] = field(factory=dict)
    reached: dict[int, Instruction] = field(factory=dict)
    undecodable: set[int] = field(factory=set)
    strays: dict[int, int] = field(factory=dict)
    indirect: set[int] = field(factory=set)
    leaves: dict[int, str] = field(factory=dict)  #: goes by other ways than a return
    balance: dict[int, str] = field(factory=dict)
    below: set[int] = field(factory=set)
    text_writes: dict[int, str] = field(factory=dict)
    recursive: set[int] = field(factory=set)
    flat: set[int] = field(factory=set)  #: use memory by another segment than that of the stack or the code
    exceeded: str = ""
    _steps: int = 0
    _open: list[tuple[int, int | None]] = field(factory=list)
    _decoded: dict[int, Instruction | None] = field(factory=dict)

    @classmethod
    def of(cls, rom: ClassicRom) -> Analysis:
        """All of it, or what a sane amount of work gave; `exceeded` says so then."""
        self = cls(rom, ask(rom))
        self.roots = _roots(self.answers)
        try:
            for root in self.roots:
                self.function(root.offset, root.frame)
        except BudgetError as error:
            self.exceeded = str(error)
        return self

    def reach(self, root: Root) -> set[int]:
        """Every instruction that a call can come to."""
        todo: list[tuple[int, int | None]] = [(root.offset, root.frame)]
        seen: set[tuple[int, int | None]] = set()
        found: set[int] = set()
        while todo:
            key = todo.pop()
            if key not in seen and key in self.functions:
                seen.add(key)
                found.update(self.functions[key].states)
                todo += [(each, None) for each in self.functions[key].callees]
        return found & set(self.reached)

    def fetch(self, offset: int) -> Instruction | None:
        """The instruction at a place; None: there is none."""
        if offset not in self._decoded:
            if len(self._decoded) >= DECODED_LIMIT:
                raise BudgetError(f"more than {DECODED_LIMIT} places to decode")
            inside = 0 <= offset < len(self.rom.data)
            self._decoded[offset] = decode(self.rom.data, offset, offset, bits=32) if inside else None
        return self._decoded[offset]

    def function(self, offset: int, frame: int | None = None) -> Function:
        """The one that begins there. Of one that is being looked at nothing is known but that it is there."""
        key = offset, frame
        if key not in self.functions:
            if len(self._open) >= NESTING_LIMIT:
                raise BudgetError(f"calls nested deeper than {NESTING_LIMIT}")
            self.functions[key] = Function(offset, frame)
            self._open.append(key)
            self._run(self.functions[key])
            self._open.pop()
        return self.functions[key]

    def _run(self, function: Function) -> None:
        todo = [function.offset]
        function.states[function.offset] = State.entry(function.frame != 0)
        while todo:
            self._steps += 1
            if self._steps > STEP_LIMIT:
                raise BudgetError(f"more than {STEP_LIMIT} steps through its instructions")
            at = todo.pop()
            found = self.fetch(at)
            if found is None:
                self.undecodable.add(at)
                continue
            self.reached[at] = found
            state = function.states[at].copy()
            for target in self._step(function, found, state):
                if not _FIRST <= target < len(self.rom.data):
                    self.strays[at] = target
                elif target not in function.states:
                    function.states[target] = state
                    todo.append(target)
                elif function.states[target].depth != state.depth:
                    self.balance[target] = (f"the stack pointer is {_where(function.states[target])} on one path and "
                                            f"{_where(state)} on another")
                elif (joined := function.states[target].join(state)) != function.states[target]:
                    function.states[target] = joined
                    todo.append(target)

    def _step(self, function: Function, found: Instruction, state: State) -> list[int]:
        """Does it to the state; where it goes on."""
        self._memory(function, found, state)
        if found.mnemonic in ("int3", "ljmp", "lcall", "retf") or found.kind is Kind.STOP:
            return []
        if found.kind is Kind.RETURN or found.kind is Kind.FRAME or found.mnemonic == "sysexit":
            self._leave(function, found, state)
            return []
        if found.kind in (Kind.INDIRECT_JUMP, Kind.INDIRECT_CALL):
            return self._computed(found, state)
        if found.kind is Kind.CALL:
            return self._call(function, found, state)
        if found.kind in (Kind.JUMP, Kind.BRANCH):
            state.apply(found)  # LOOP counts
            assert found.target is not None
            target = signed(found.target)
            return [target] if found.kind is Kind.JUMP else [target, found.end]
        state.apply(found)
        if state.depth is None:
            self.balance[found.offset] = "where the stack is cannot be computed from here on"
            return []
        return [found.end]

    def _computed(self, found: Instruction, state: State) -> list[int]:
        """A jump to one of a few places that are known."""
        known = state.read(found.operands[0]) if len(found.operands) == 1 else None
        if found.mnemonic == "jmp" and known is not None and known[0] == "image":
            return sorted(known[1])
        self.indirect.add(found.offset)
        return []

    def _call(self, function: Function, found: Instruction, state: State) -> list[int]:
        assert found.target is not None
        target = signed(found.target)
        if target == found.end:
            state.push(value("image", found.end))  # to learn where the ROM is
            return [found.end]
        if not _FIRST <= target < len(self.rom.data):
            self.strays[found.offset] = target
            return []
        function.callees.add(target)
        if (target, None) in self._open:
            self.recursive.add(found.offset)
            return []
        callee = self.function(target)
        for register in callee.lost:
            state.registers[register] = None
        if callee.writes_above:
            state.stack.clear()
        return [found.end] if callee.exits else []

    def _leave(self, function: Function, found: Instruction, state: State) -> None:
        lost = frozenset(number for number in range(8)
                         if number != ESP and state.registers[number] != value("entry", number))
        function.exits[found.offset] = lost
        returns = found.mnemonic == "ret"
        if function.frame is None:
            if not returns:
                self.leaves[found.offset] = "its caller waits for a return"
            elif state.depth != 0 or state.stack.get(0) != RETURN:
                self.balance[found.offset] = f"returns {_where(state)}, or by an address that the call did not push"
            elif found.operands:
                self.balance[found.offset] = "takes words off the stack that its caller takes off"
        elif returns or found.mnemonic not in ("iretd", "sysexit"):
            self.leaves[found.offset] = "nobody waits for a return"
        elif found.mnemonic == "iretd" and state.depth != function.frame:
            self.balance[found.offset] = f"leaves {_where(state)}, and the frame is {function.frame} bytes above it"

    def _memory(self, function: Function, found: Instruction, state: State) -> None:
        """Which memory it uses."""
        if found.mnemonic in ("lea", "nop"):
            return
        for operand in found.memories:
            default = operand.mem.base in _STACK_SEGMENT
            segment = operand.mem.segment
            if segment not in (x86.X86_REG_SS, x86.X86_REG_CS) and (segment or not default):
                self.flat.add(found.offset)
            address, image = state.address(operand)
            at = place(address)
            if at is not None and state.depth is not None and at < state.depth:
                self.below.add(found.offset)
            if operand is found.memories[0] and found.stores:
                function.writes_above = function.writes_above or (at is not None and at + operand.size > 4)
                self._stores(found, address, image)
        if is_string(found.mnemonic) or found.mnemonic == "xlatb":
            self.flat.add(found.offset)
            if found.mnemonic[:4] in ("stos", "movs") or found.mnemonic.startswith("ins"):
                known = state.registers[EDI]
                self._stores(found, known, known is not None and known[0] == "image")

    def _stores(self, found: Instruction, address: Value, image: bool) -> None:
        if image:
            self.text_writes[found.offset] = "at a distance from its own place"
        elif address is not None and address[0] == "number":
            for each in sorted(address[1]):
                if rom_area(each):
                    self.text_writes[found.offset] = f"at {each & 0xFFFFFFFF:#x}"


#: PAGE_OFFSET of i386 Linux (arch/x86/Kconfig, VMSPLIT), and where physical addresses are.
_BASES = (0, 0xC0000000, 0xB0000000, 0x80000000, 0x78000000, 0x40000000)


def rom_area(address: int) -> bool:
    """Whether clients look for a ROM there, or have it mapped there."""
    return any(SCAN_START <= (address - base) & 0xFFFFFFFF < SCAN_END for base in _BASES)


def _where(state: State) -> str:
    depth = state.depth
    if depth is None:
        return "at no known place"
    return f"{-depth} bytes below where it was" if depth <= 0 else f"{depth} bytes above where it was"


def _roots(answers: Answers) -> list[Root]:
    abi = classic()
    conventions = {each.name: each.clobbers for each in abi.conventions}

    def changed(convention: str, results: Any) -> frozenset[int]:
        names = {*conventions[convention], *(each.register for each in results)}
        return frozenset(_REGISTERS.index(each) for each in names if each in _REGISTERS)

    roots = [Root(each.name, each.offset, "regparm", changed("regparm", each.results), None) for each in abi.entries]
    calls = {each.number: each for each in abi.calls}
    for answer in answers.answers:
        if answer.type not in (Relocation.CALL_REL, Relocation.JUMP_REL) or answer.outside:
            continue
        call = calls[answer.number]
        frame = None
        if call.convention == "noreturn":
            frame = 0 if answer.type == Relocation.JUMP_REL else 4
        # Of a few registers no source says what they are afterwards.
        open_ones = {number for number, name in enumerate(_REGISTERS) if name.upper() in call.unverified}
        roots.append(Root(call.name, answer.target, call.convention,
                          changed(call.convention, call.results) | open_ones, frame))
    return roots


def name_of(number: int) -> str:
    """Of a register."""
    return _REGISTERS[number]
