# SPDX-License-Identifier: MIT
"""What a classic ROM answers: asked as a client asks, by running its get_reloc on an emulated processor.

The code may be anybody's. It has its own image to read, a small stack, and nothing else, ends after so many
instructions, and may do neither what takes a kernel's privilege nor what tells one asker from another. Whatever it does
instead of returning is a finding.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from typing import Any

import capstone
import unicorn
from attrs import frozen
from capstone import x86 as instructions
from unicorn import unicorn_const as uc
from unicorn import x86_const as x86

from openvmi.abi.classic import Call, Header, Relocation
from openvmi.abi.layout import offset_of
from openvmi.classic import rules
from openvmi.classic.image import ClassicRom
from openvmi.rom.finding import MISBUILT, Finding

ENTRY = offset_of(Header, "get_reloc")
#: Instructions that one query may take. Comparing with one number after the other takes less than 400.
BUDGET = 4096
#: The same for all queries of one ROM at one place, so that a ROM that answers none of them does not take a second.
TOTAL_BUDGET = 16 * BUDGET
#: Where clients find a ROM: in their map of low memory, at a multiple of 2 KiB; one of 4 KiB, and one that is not.
BASES = (0xC00C8000, 0xC00D0800)
#: To decode an instruction takes as long as to run so many.
_LOOK = 8
#: Unicorn 2 ends the whole process where it comes to one of these (tests/rom/test_rom_classic_answers.py).
_ABORTS = re.compile(rb"\xf0[\x26\x2e\x36\x3e\x64-\x67\xf0\xf2\xf3]*\x0f(?:[\xa3\xab\xb3\xbb]|\xba)[\xc0-\xff]")
_PAGE = 4096
#: Page of the caller's code, stack, for each: where a kernel of those years has them, and elsewhere.
_CALLERS = ((0xC0339000, 0xC0342000), (0xC2000000, 0xC1000000))
_CALL = 0x4C5  #: of the return address in its page
_KEPT = {x86.UC_X86_REG_EBX: "EBX", x86.UC_X86_REG_ESI: "ESI", x86.UC_X86_REG_EDI: "EDI", x86.UC_X86_REG_EBP: "EBP"}
_DIRECTION = 1 << 10
_ACCESS = {
    uc.UC_MEM_READ_UNMAPPED: "reads", uc.UC_MEM_WRITE_UNMAPPED: "writes", uc.UC_MEM_FETCH_UNMAPPED: "runs",
    uc.UC_MEM_READ_PROT: "reads", uc.UC_MEM_WRITE_PROT: "writes", uc.UC_MEM_FETCH_PROT: "runs",
}
_FORBIDDEN_GROUPS = {capstone.CS_GRP_PRIVILEGE, capstone.CS_GRP_INT, capstone.CS_GRP_IRET, instructions.X86_GRP_VM}
_FORBIDDEN = {
    getattr(instructions, f"X86_INS_{name}")
    for name in ("IN", "INSB", "INSW", "INSD", "OUT", "OUTSB", "OUTSW", "OUTSD", "CLTS", "RDMSR", "RDPMC", "UD2",
                 "LJMP", "LCALL", "RETF")
}
#: Tell who asks: of the processor, its tables, modes, segments and time (Intel SDM volume 2, each of them).
_TELLS = {
    getattr(instructions, f"X86_INS_{name}")
    for name in ("CPUID", "RDTSC", "RDTSCP", "SGDT", "SIDT", "SLDT", "STR", "SMSW", "LAR", "LSL", "VERR", "VERW",
                 "ARPL", "PUSHFD", "PUSHF", "POPFD", "POPF", "RDRAND", "RDSEED", "XGETBV", "RDPKRU", "RDPID", "LDS",
                 "LES", "LFS", "LGS", "LSS", "BOUND", "XTEST", "XBEGIN", "RDFSBASE", "RDGSBASE")
}
_SEGMENTS = {getattr(instructions, f"X86_REG_{name}") for name in ("CS", "DS", "ES", "FS", "GS", "SS")}
_OTHER_SEGMENTS = {instructions.X86_REG_FS, instructions.X86_REG_GS}
_VECTORS = {instructions.X86_GRP_FPU, instructions.X86_GRP_MMX, instructions.X86_GRP_SSE1, instructions.X86_GRP_SSE2,
            instructions.X86_GRP_AVX}


@frozen
class Answer:
    """What clients do about one call: `type` is a Relocation or unknown, `target` an offset or a linear address."""

    number: Call
    type: int
    target: int = 0
    outside: bool = False  #: the target is a linear address, in the hypervisor's part of the address space


@frozen
class Answers:
    """All that get_reloc said, by ascending number, and what is wrong with it."""

    answers: tuple[Answer, ...]
    findings: tuple[Finding, ...]


class _Failed(Exception):
    """get_reloc did not answer; the text says what it did."""


def ask(rom: ClassicRom) -> Answers:
    """Asks for every number there is, with the ROM at two places. Never raises for what a ROM does."""
    answers: list[Answer] = []
    failures: dict[str, list[Call]] = {}
    if (found := _ABORTS.search(rom.data)) is not None:
        says = f"not asked: LOCK before a bit test of a register, at image offset {found.start():#x}, is no instruction"
        return Answers((), tuple(_failures({says: list(Call)})))
    looked: dict[int, str] = {}
    clients = [_Client(rom.data, base, *caller, looked) for base, caller in zip(BASES, _CALLERS, strict=True)]
    for call in Call:
        try:
            answers.append(_same(call, [client.ask(call) for client in clients], len(rom.data)))
        except _Failed as failure:
            failures.setdefault(str(failure), []).append(call)
    clients.clear()
    gc.collect()  # Unicorn's processors are in cycles of its own, and each has megabytes
    return Answers(tuple(answers), (*_failures(failures), *_broken(answers, failures)))


def _same(call: Call, said: list[tuple[int, int]], size: int) -> Answer:
    """One answer of two (type, address)."""
    kinds = {kind for kind, _ in said}
    if len(kinds) > 1:
        raise _Failed(f"it answers {' or '.join(map(str, sorted(kinds)))}, as it lies")
    kind = kinds.pop()
    if kind not in (Relocation.CALL_REL, Relocation.JUMP_REL):
        return Answer(call, kind)
    offsets = {address - base for base, (_, address) in zip(BASES, said, strict=True)}
    if len(offsets) == 1 and 0 <= min(offsets) < size:
        return Answer(call, kind, offsets.pop())
    addresses = {address for _, address in said}
    if len(addresses) == 1 and all(offset < 0 or offset >= size for offset in offsets):
        return Answer(call, kind, addresses.pop(), outside=True)
    places = " and ".join(f"{address:#x} for a ROM at {base:#x}"
                          for base, (_, address) in zip(BASES, said, strict=True))
    raise _Failed(f"its target is {places}")


def _failures(failures: dict[str, list[Call]]) -> Iterator[Finding]:
    for what, calls in failures.items():
        named = ", ".join(call.name for call in calls[:3]) + (f" and {len(calls) - 3} more" if len(calls) > 3 else "")
        yield Finding(f"get_reloc for {named}: {what}", ENTRY,
                      "an answer for every number, the same wherever the ROM lies", MISBUILT)


def _broken(answers: list[Answer], failures: dict[str, list[Call]]) -> Iterator[Finding]:
    """Rules are for a ROM that answers; where it does not, that is what there is to say."""
    if not failures:
        for found, expected in rules.broken({answer.number: answer.type for answer in answers}):
            yield Finding(f"answer {found}", ENTRY, expected, f"clients stop or crash: {MISBUILT}")


class _Client:
    """A ROM at one place, and a processor: 32-bit protected mode, flat segments, no paging."""

    def __init__(self, image: bytes, base: int, caller: int, stack: int, looked: dict[int, str]) -> None:
        self._image, self._base = image, base
        self._looked = looked  #: at instructions, by offset: why they may not be, or nothing
        self._return, self._stack_pointer = caller + _CALL, stack + 2 * _PAGE - 64
        self._engine: Any = unicorn.Uc(uc.UC_ARCH_X86, uc.UC_MODE_32)
        start = base & -_PAGE
        self._engine.mem_map(start, (base + len(image) - start + _PAGE - 1) & -_PAGE, uc.UC_PROT_READ | uc.UC_PROT_EXEC)
        self._engine.mem_write(base, image)
        self._engine.mem_map(stack, 2 * _PAGE, uc.UC_PROT_READ | uc.UC_PROT_WRITE)
        self._engine.mem_map(caller, _PAGE, uc.UC_PROT_READ | uc.UC_PROT_EXEC)
        self._engine.hook_add(uc.UC_HOOK_CODE, self._step)
        self._engine.hook_add(uc.UC_HOOK_MEM_INVALID, self._access)
        self._engine.hook_add(uc.UC_HOOK_INTR, self._exception)
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
        self._decoder.detail = True
        self._fresh = self._engine.context_save()
        self._left, self._total = 0, TOTAL_BUDGET
        self._ended = ""

    def ask(self, call: Call) -> tuple[int, int]:
        """Type and address. :class:`_Failed` when it does not return them."""
        engine = self._engine
        if self._total <= 0:
            raise _Failed(self._ended or f"all queries together take more than {TOTAL_BUDGET} instructions")
        self._left, self._ended = BUDGET, ""
        engine.context_restore(self._fresh)  # an exception leaves traces in the processor
        before = {register: 0xA5000000 | register for register in _KEPT}
        for register, value in before.items():
            engine.reg_write(register, value)
        engine.reg_write(x86.UC_X86_REG_EAX, int(call))
        engine.reg_write(x86.UC_X86_REG_ECX, 0)
        engine.reg_write(x86.UC_X86_REG_EDX, 0)
        engine.reg_write(x86.UC_X86_REG_EFLAGS, 2)
        engine.reg_write(x86.UC_X86_REG_ESP, self._stack_pointer)
        engine.mem_write(self._stack_pointer, self._return.to_bytes(4, "little"))
        try:
            # To end there by itself takes a thirtieth of the time that being stopped by a hook takes.
            engine.emu_start(self._base + ENTRY, self._return)
        except unicorn.UcError as error:
            self._end(f"the processor stops: {error}")
        self._total -= BUDGET - self._left
        if self._ended or engine.reg_read(x86.UC_X86_REG_EIP) != self._return:
            raise _Failed(self._ended or "it stops without returning")
        for register, name in _KEPT.items():
            if engine.reg_read(register) != before[register]:
                raise _Failed(f"it changes {name}, which is its caller's")
        if engine.reg_read(x86.UC_X86_REG_ESP) != self._stack_pointer + 4:
            raise _Failed("it returns with another stack pointer")
        if engine.reg_read(x86.UC_X86_REG_EFLAGS) & _DIRECTION:
            raise _Failed("it returns with the direction flag set")
        return engine.reg_read(x86.UC_X86_REG_EDX) & 0xFF, engine.reg_read(x86.UC_X86_REG_EAX)

    def _end(self, why: str) -> None:
        self._ended = self._ended or why
        self._engine.emu_stop()

    def _step(self, _: Any, address: int, __: int, ___: Any) -> None:
        offset = address - self._base
        self._left -= 1
        if not 0 <= offset < len(self._image):
            self._end(f"it runs at image offset {offset:#x}, outside the image")
        elif not self._left:
            self._end(f"it does not return within {BUDGET} instructions")
        else:
            if offset not in self._looked:
                self._looked[offset] = self._forbidden(offset)
                self._total -= _LOOK
            if why := self._looked[offset]:
                self._end(why)

    def _forbidden(self, offset: int) -> str:
        found = next(self._decoder.disasm(self._image[offset:offset + 16], 0), None)
        if found is None:
            return f"no instruction at image offset {offset:#x}"
        text, groups = f"{found.mnemonic} {found.op_str}".rstrip(), set(found.groups)
        if found.id in _FORBIDDEN or _FORBIDDEN_GROUPS & groups:
            return f"`{text}` at image offset {offset:#x} needs more than an image"
        segment = any((operand.type == instructions.X86_OP_REG and operand.reg in _SEGMENTS)
                      or (operand.type == instructions.X86_OP_MEM and operand.mem.segment in _OTHER_SEGMENTS)
                      for operand in found.operands)
        if found.id in _TELLS or _VECTORS & groups or segment:
            return f"`{text}` at image offset {offset:#x} can tell who asks"
        return ""

    def _access(self, _: Any, access: int, address: int, *__: Any) -> bool:
        where = f"image offset {address - self._base:#x}" if 0 <= address - self._base < len(self._image) \
            else f"address {address:#x}"
        self._end(f"it {_ACCESS.get(access, 'uses')} memory at {where}, which is not its own")
        return False

    def _exception(self, _: Any, vector: int, __: Any) -> None:
        self._end(f"it raises exception {vector}")
