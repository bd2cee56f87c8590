# SPDX-License-Identifier: MIT
"""One decoded instruction, with what the analysis asks of it, and what only looking at the bytes tells."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import capstone
from attrs import define, field
from capstone import x86

#: Numbers of the general registers as the processor has them (Intel SDM volume 2A, table 2-2).
REGISTERS = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16)))
NUMBER = {name: number for number, name in enumerate(REGISTERS)}
RAX, RCX, RDX, RSP, RBP, RSI, RDI = (NUMBER[name] for name in ("rax", "rcx", "rdx", "rsp", "rbp", "rsi", "rdi"))


def _parts() -> dict[int, tuple[int, int]]:
    """Capstone's number of each general register or part of one -> our number, bytes."""
    found = {}
    for number, name in enumerate(REGISTERS):
        if number < 8:
            tail = name[1:]
            names = {name: 8, "e" + tail: 4, tail: 2, tail.rstrip("x") + "l": 1}
            if number < 4:
                names[tail[0] + "h"] = 1
        else:
            names = {name: 8, name + "d": 4, name + "w": 2, name + "b": 1}
        for part, size in names.items():
            found[getattr(x86, "X86_REG_" + part.upper())] = (number, size)
    return found


PARTS = _parts()
def numbers_of(names: re.Pattern[str]) -> frozenset[int]:
    """Capstone's numbers of the registers whose names are like that."""
    return frozenset(number for name, number in vars(x86).items()
                     if name.startswith("X86_REG_") and names.fullmatch(_name(name)))


def _name(constant: str) -> str:
    name = constant.removeprefix("X86_REG_").lower()
    return f"st({name[2:]})" if re.fullmatch(r"st\d", name) else name


_STRINGS = ("movs", "stos", "lods", "scas", "cmps")


class Kind(Enum):
    """What comes after an instruction."""

    PLAIN = "plain"  #: the next one
    JUMP = "jump"  #: the target
    BRANCH = "branch"  #: either
    CALL = "call"  #: the target, then the next
    RETURN = "return"
    FRAME = "frame"  #: IRET: what the frame at the stack pointer says
    INDIRECT_JUMP = "indirect jump"
    INDIRECT_CALL = "indirect call"
    STOP = "stop"  #: nothing: an invalid opcode on purpose


#: Registers that capstone forgets, or that no operand names.
_MORE_WRITTEN = {
    "cmpxchg": (RAX,), "cmpxchg8b": (RAX, RDX), "cmpxchg16b": (RAX, RDX), "xlatb": (RAX,), "in": (RAX,),
    "insb": (RDI,), "insd": (RDI,), "insw": (RDI,), "outsb": (RSI,), "outsd": (RSI,), "outsw": (RSI,),
    "rdmsr": (RAX, RDX), "rdpmc": (RAX, RDX), "rdtsc": (RAX, RDX), "rdtscp": (RAX, RCX, RDX), "lahf": (RAX,),
    "cpuid": (RAX, RCX, RDX, 3), "xgetbv": (RAX, RDX), "enter": (RSP, RBP),
    **dict.fromkeys(("daa", "das", "aaa", "aas", "aam", "aad", "salc"), (RAX,)),
}
#: Write RDX only, which capstone does not know.
_EXTENDS = {"cwd", "cdq", "cqo"}
#: Read what other instructions of this shape write.
_READS_ONLY = {
    "cmp", "test", "bt", "push", "mul", "imul", "div", "idiv", "jmp", "call", "ljmp", "lcall", "nop", "out", "outsb",
    "outsw", "outsd", "cmpsb", "cmpsw", "cmpsd", "cmpsq", "scasb", "scasw", "scasd", "scasq", "prefetch", "prefetchw",
    "prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2", "clflush", "clflushopt", "clwb", "cldemote", "invlpg",
    "lgdt", "lidt", "lldt", "ltr", "lmsw", "verr", "verw", "fxrstor", "fxrstor64", "xrstor", "xrstor64", "ldmxcsr",
    "ptwrite",
}


@define(slots=True, eq=False)
class Instruction:
    """At a place of the code space. `operands` are capstone's, destination first; `written` are register numbers."""

    offset: int
    size: int
    mnemonic: str
    kind: Kind
    target: int | None  #: of a direct branch
    operands: Any = field(repr=False)
    written: frozenset[int]
    stores: bool  #: writes the memory of its operand
    registers: frozenset[int] = field(repr=False)  #: every register that it reads or writes, by capstone's numbers
    groups: frozenset[int] = field(repr=False)
    prefix: bytes = field(repr=False)  #: bytes in front that belong to it on this hypervisor
    sets_flags: bool
    repeats: bool  #: has a REP prefix
    locked: bool  #: has a LOCK prefix
    short: bool  #: has an address-size prefix: of addresses it takes 32 bits
    memories: tuple[Any, ...] = field(repr=False)  #: operands in memory, what it writes first

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.offset + self.size

    def moved(self, offset: int) -> Instruction:
        """The same bytes at another place. Not for direct branches."""
        return Instruction(offset, self.size, self.mnemonic, self.kind, None, self.operands, self.written, self.stores,
                           self.registers, self.groups, self.prefix, self.sets_flags, self.repeats, self.locked,
                           self.short, self.memories)

    @property
    def memory(self) -> Any:
        """The operand in memory; None: there is none."""
        return self.memories[0] if self.memories else None

    @property
    def immediate(self) -> int | None:
        """The last operand when it is a number."""
        last = self.operands[-1] if self.operands else None
        return last.imm if last is not None and last.type == x86.X86_OP_IMM else None


_MODES = {64: capstone.CS_MODE_64, 32: capstone.CS_MODE_32}
_DECODERS = {bits: capstone.Cs(capstone.CS_ARCH_X86, mode) for bits, mode in _MODES.items()}
_SHOWN = {bits: capstone.Cs(capstone.CS_ARCH_X86, mode) for bits, mode in _MODES.items()}
_PLAIN = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
for _bits in _MODES:
    _DECODERS[_bits].detail = True
    _SHOWN[_bits].syntax = capstone.CS_OPT_SYNTAX_ATT
_LONGEST = 15
_BRANCHES = {capstone.CS_GRP_JUMP, capstone.CS_GRP_CALL, capstone.CS_GRP_BRANCH_RELATIVE}
_FLAGS_KEPT = {"mov", "movabs", "movzx", "movsx", "movsxd", "lea", "push", "pop", "not", "xchg", "nop", "bswap",
               "pause",
               "lfence", "mfence", "sfence", "rdtsc", "rdtscp", "cpuid", "leave", "cdq", "cdqe", "cqo", "cwde", "in",
               "out", "insb", "insw", "insd", "outsb", "outsw", "outsd", "movsb", "movsw", "movsd", "movsq", "lodsb",
               "lodsw", "lodsd", "lodsq", "stosb", "stosw", "stosd", "stosq", "xlatb", "lahf", "pushfd", "pushfq",
               "pushal", "popal", "enter", "cld", "std", "cli", "sti", "clts", "hlt", "wbinvd", "invlpg", "rdmsr",
               "wrmsr", "rdpmc"}


#: Prefixes (Intel SDM volume 2A, section 2.1.1): of segments that 64-bit mode ignores, FS and GS, REPNE and REP.
_SEGMENTS, _FS_GS, _REPEATS = frozenset(b"\x26\x2e\x36\x3e"), frozenset(b"\x64\x65"), frozenset(b"\xf2\xf3")
_PREFIXES = _SEGMENTS | _FS_GS | _REPEATS | frozenset(b"\x66\x67\xf0")
_AMBIGUOUS = _PREFIXES | frozenset(b"\x0f\x8f")
_SHORT_STACK = {"push", "pop", "pushf", "popf", "leave", "enter"}
#: Write memory that no operand names, or go to places in a way that nothing here follows.
_NOT_FOLLOWED = {"clzero", "movdir64b", "enqcmd", "enqcmds", "xbegin", "xabort", "xend", "maskmovq", "llwpcb", "slwpcb",
                 "lwpins", "lwpval", "xstore"}
#: Control registers that there are, but for CR8, of 64 bits (Intel SDM volume 3A, section 2.5).
_CONTROL = {x86.X86_REG_CR0, x86.X86_REG_CR2, x86.X86_REG_CR3, x86.X86_REG_CR4}
_NO_CONTROL = {number for name, number in vars(x86).items() if re.fullmatch(r"X86_REG_CR\d+", name)} - _CONTROL
_VIA = re.compile(rb"\x0f[\xa6\xa7]")


def _ambiguous(code: bytes, name: str, kind: Kind, locked: bool) -> bool:
    """Whether processors, or disassemblers, do not agree on what these bytes are: a near branch with an operand-size
    prefix (Intel ignores it, AMD does not), a stack of 16-bit words, prefixes of one group against each other, a LOCK
    that another prefix hides; what AMD's XOP and VIA have where others have nothing.
    """
    at, found = 0, set()
    while at < len(code) and code[at] in _PREFIXES:
        found.add(code[at])
        at += 1
    return ((0x66 in found and (kind is not Kind.PLAIN or name in _SHORT_STACK)) or found >= _REPEATS
            or (len(found & (_SEGMENTS | _FS_GS)) > 1 and bool(found & _FS_GS)) or (0xF0 in found) is not locked
            or (code[at:at + 1] == b"\x8f" and name != "pop") or bool(_VIA.match(code, at)))


def decode(code: bytes, at: int, offset: int, prefix: bytes = b"", bits: int = 64) -> Instruction | None:
    """The instruction at index `at` of `code`, whose place is `offset`; None: there is none, or none that has one
    meaning everywhere and can be followed.
    """
    start = at + len(prefix)
    found = next(_DECODERS[bits].disasm(code[start:start + _LONGEST], offset + len(prefix), 1), None)
    if found is None:
        return None
    operands, groups, mnemonic = found.operands, frozenset(found.groups), found.mnemonic
    name = mnemonic.rpartition(" ")[2]
    if found.opcode[0] == 0xFF and name in ("call", "jmp") and found.modrm >> 3 & 7 in (3, 5):
        name = "l" + name  # far, which capstone does not always say
    kind, target = _flow(name, groups, operands)
    locked = found.prefix[0] == 0xF0
    if name in _NOT_FOLLOWED or (locked and (not operands or operands[0].type != x86.X86_OP_MEM)) or (
            name == "swapgs" and bits == 32) or (
            code[start] in _AMBIGUOUS and _ambiguous(code[start:start + _LONGEST], name, kind, locked)):
        return None
    read, access = found.regs_access()
    written = {PARTS[number][0] for number in access if number in PARTS} | set(_MORE_WRITTEN.get(name, ()))
    if name in _EXTENDS:
        written = {RDX}
    stores = name in ("cmpxchg", "cmpxchg8b", "cmpxchg16b") or name.startswith("ins")
    for position, operand in enumerate(operands):
        # Where capstone says nothing, the first operand is taken for written, and one in memory always: of MOVNTI it
        # says that it is read.
        changed = operand.access & 2 or (
            not position and name not in _READS_ONLY and (not operand.access or operand.type == x86.X86_OP_MEM))
        if operand.type == x86.X86_OP_REG:
            if operand.reg in _NO_CONTROL and (bits == 32 or operand.reg != x86.X86_REG_CR8):
                return None
            if changed and operand.reg in PARTS:
                written.add(PARTS[operand.reg][0])
        stores = stores or bool(changed and operand.type == x86.X86_OP_MEM)
    return Instruction(
        offset, found.size + len(prefix), name, kind, target, operands, frozenset(written), stores,
        frozenset((*read, *access)), groups, prefix,
        not (name in _FLAGS_KEPT or name.startswith(("set", "cmov", "j"))),
        found.prefix[0] in (0xF2, 0xF3), locked, found.addr_size == 4,
        tuple(operand for operand in operands if operand.type == x86.X86_OP_MEM),
    )


def sizes(code: bytes) -> dict[int, int]:
    """Index of each instruction -> its bytes, from end to end, up to what is none. Costs a tenth of decoding them."""
    return {at: size for at, size, _, _ in _PLAIN.disasm_lite(code, 0)}


def _flow(name: str, groups: frozenset[int], operands: Any) -> tuple[Kind, int | None]:
    if name in ("ud2", "ud1", "ud0"):
        return Kind.STOP, None
    if name in ("ret", "retf", "retfq"):
        return Kind.RETURN, None
    if name in ("iret", "iretd", "iretq"):
        return Kind.FRAME, None
    if name in ("sysret", "sysretq", "sysexit", "sysexitq"):
        return Kind.INDIRECT_JUMP, None
    if not groups & _BRANCHES and not name.startswith("loop"):
        return Kind.PLAIN, None
    direct = operands and operands[-1].type == x86.X86_OP_IMM and name not in ("ljmp", "lcall")
    if name in ("call", "lcall"):
        return (Kind.CALL, operands[-1].imm) if direct else (Kind.INDIRECT_CALL, None)
    if name in ("jmp", "ljmp"):
        return (Kind.JUMP, operands[-1].imm) if direct else (Kind.INDIRECT_JUMP, None)
    return (Kind.BRANCH, operands[-1].imm) if direct else (Kind.PLAIN, None)


def shown(code: bytes, at: int, offset: int, prefix: int = 0, bits: int = 64) -> str:
    """The instruction as an assembler source has it; the bytes where there is none."""
    start = at + prefix
    for found in _SHOWN[bits].disasm(code[start:start + _LONGEST], offset + prefix, 1):
        return f"{found.mnemonic} {found.op_str}".strip()
    return f".byte {code[at:at + 8].hex(' ')}"


def is_string(name: str) -> bool:
    """One of the instructions that go through memory by the direction flag."""
    return name.rstrip("bwdq") in _STRINGS or name in ("insb", "insd", "insw", "outsb", "outsd", "outsw")
