# SPDX-License-Identifier: MIT
"""Forms of instructions of 32 bits, what a processor makes of each, and what the linter takes it to make."""

from __future__ import annotations

from functools import cache
from typing import Any

import unicorn
from unicorn import x86_const as x86

from openvmi.classic.lint_state import ESP, State
from openvmi.classic.lint_transfer import apply
from openvmi.classic.lint_value import MASK, WORD, signed, value
from openvmi.rom.lint.instruction import Kind, decode

_CODE, _STACK, _ENTRY, _SIZE = 0xC0010000, 0xC0340000, 0xC0340800, 4096
_NUMBERS = (x86.UC_X86_REG_EAX, x86.UC_X86_REG_ECX, x86.UC_X86_REG_EDX, x86.UC_X86_REG_EBX, x86.UC_X86_REG_ESP,
            x86.UC_X86_REG_EBP, x86.UC_X86_REG_ESI, x86.UC_X86_REG_EDI)
#: A register with itself, two others, one and 8(%esp), the first with (%eax).
_MODRM = tuple(bytes.fromhex(each) for each in ("c0", "d8", "c3", "e1", "f3", "c8", "44 24 08", "5c 24 08", "64 24 08",
                                                 "74 24 08", "4c 24 08", "6c 24 08", "7c 24 08", "00", "18"))
_TAIL = bytes.fromhex("05 00 00 00 00 00 00 00")
#: Of either state: EAX to EDI; ESP is 32 bytes below the entry's, S + n a place on the stack.
_REGISTERS = (
    (("stack", -16), 3, 7, 0x12345678, ("stack", -32), ("stack", -24), ("stack", -20), ("stack", -12)),
    (0x80000001, 31, ("stack", -28), -1, ("stack", -32), 5, ("stack", -16), ("stack", -24)),
)
FORMS = tuple(
    prefix + escape + bytes([opcode]) + modrm + _TAIL
    for prefix in (b"", b"\x66", b"\xf3") for escape in (b"", b"\x0f") for opcode in range(256) for modrm in _MODRM
    if not prefix or modrm in _MODRM[:8:4])


def _address(what: Any) -> int:
    return (_ENTRY + what[1] if isinstance(what, tuple) else what) & MASK


def _memory() -> bytes:
    """Words of the stack: addresses of it, and numbers."""
    return b"".join((_ENTRY + at - 64 if at % 12 == 0 else at * 0x01010101 & MASK).to_bytes(4, "little")
                    for at in range(0, 128, 4))


@cache
def _processor() -> Any:
    engine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
    engine.mem_map(_CODE, _SIZE)
    engine.mem_map(_STACK, _SIZE)
    return engine, engine.context_save()


def _found(form: bytes) -> Any:
    found = decode(form, 0, _CODE, bits=32)
    plain = found is not None and found.kind is Kind.PLAIN and found.mnemonic not in ("int", "int1", "int3", "into")
    return found if plain and not found.mnemonic.startswith("j") else None


def concrete(form: bytes, seed: int) -> tuple[list[int], bytes] | None:
    """Registers and stack behind one instruction; None: it is none that goes on, or faults here."""
    found = _found(form)
    if found is None or found.mnemonic in ("hlt", "cpuid", "rdtsc", "in", "out"):
        return None
    engine, fresh = _processor()
    engine.context_restore(fresh)
    engine.mem_write(_CODE, form[:found.size] + b"\x90")
    engine.ctl_remove_cache(_CODE, _CODE + 32)
    engine.mem_write(_ENTRY - 64, _memory())
    for number, what in zip(_NUMBERS, _REGISTERS[seed], strict=True):
        engine.reg_write(number, _address(what))
    engine.reg_write(x86.UC_X86_REG_EFLAGS, 2)
    try:
        engine.emu_start(_CODE, _CODE + found.size, count=64)
    except unicorn.UcError:
        return None
    if engine.reg_read(x86.UC_X86_REG_EIP) != _CODE + found.size:
        return None
    return [engine.reg_read(number) for number in _NUMBERS], bytes(engine.mem_read(_ENTRY - 64, 128))


def covers(form: bytes, seed: int, after: tuple[list[int], bytes]) -> list[str]:
    """Where a register or a word of the stack is not what the linter says that it is."""
    found = _found(form)
    state = State.entry()
    state.registers = [value(*each) if isinstance(each, tuple) else value("number", signed(each))
                       for each in _REGISTERS[seed]]
    memory = _memory()
    for at in range(0, 128, 4):
        word = int.from_bytes(memory[at:at + 4], "little")
        state.stack[at - 64] = value("stack", word - _ENTRY) if at % 12 == 0 else value("number", signed(word))
    apply(found, state)
    if state.depth is None:
        return []  # a finding, and nothing behind it is looked at
    registers, stack = after
    wrong = [f"register {number}: {what}, is {registers[number]:#x}" for number, what in enumerate(state.registers)
             if not _holds(what, registers[number])]
    for at, what in state.stack.items():
        word = int.from_bytes(stack[at + 64:at + 64 + WORD], "little")
        if at + 64 + WORD <= 128 and not _holds(what, word):
            wrong.append(f"stack {at}: {what}, is {word:#x}")
    # What looks like an address of the stack has to be known as one, or as made of one.
    for number, what in enumerate(state.registers):
        if number != ESP and what is None and 0 <= registers[number] - _STACK < _SIZE:
            wrong.append(f"register {number}: nothing, is {registers[number]:#x}")
    return wrong


def _holds(what: Any, number: int) -> bool:
    if what is None or what[0] not in ("number", "stack"):
        return True
    return number in {_address((what[0], each) if what[0] == "stack" else each) for each in what[1]}
