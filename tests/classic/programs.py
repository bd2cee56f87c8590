# SPDX-License-Identifier: MIT
"""Random code of a call, what the linter says of it, and what a processor does with it.

Of code that is clean, nothing that a rule is about may ever happen, whatever is in the registers; and nothing may be
executed that the linter did not look at.
"""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import unicorn
from unicorn import x86_const as x86

from openvmi.abi.classic import Call, Relocation
from openvmi.classic.answers import Answer, Answers
from openvmi.classic.image import ClassicRom
from openvmi.classic.lint_analysis import Analysis
from openvmi.classic.lint_rules import RULES
from tests.processor import Watch
from tests.rom.classic_rom import LEAVE, image

BASE, STACK, CLIENT, DATA = 0xC00C8000, 0xC0340000, 0xC0339000, 0xC0500000
_PAGE, _SIZE = 4096, 2048
AT = LEAVE + 16  #: offset of the code
_ENTRY = STACK + _PAGE
_EAX, _ECX, _EDX, _EBX, _ESP, _EBP, _ESI, _EDI = range(8)
_NUMBERS = {name: getattr(x86, f"UC_X86_REG_{name}")
            for name in ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")}
_KEPT = ("EBX", "EBP", "ESI", "EDI")
_NOTABLE = (0, 1, 2, 3, 4, 5, 7, 8, 16, 31, 32, 64, 100, 0x400, 0x500, 0xFFF, -1, -2, -4, -5, -16, -4096, -(1 << 20),
            0xC00C0000, 0xC00C8000, 0xBFFF0, 0xC8000, 0x472, DATA)


def _modrm(mod: int, register: int, rm: int) -> bytes:
    return bytes([mod << 6 | register << 3 | rm])


def _small(it: random.Random) -> int:
    return it.choice((0, 4, 8, 12, 16, 20, 1, 2, 5))


def stack(it: random.Random, register: int) -> bytes:
    """An operand relative to the stack pointer, now and then with an index."""
    index = it.choice((_EAX, _ECX, _EDX)) if it.random() < 0.15 else _ESP
    return _modrm(1, register, 4) + bytes([it.choice((0, 2)) << 6 | index << 3 | _ESP, _small(it)])


def _memory(it: random.Random, register: int) -> bytes:
    return _modrm(1, register, it.choice((_EAX, _ECX, _EDX, _EBX, _ESI, _EDI))) + bytes([_small(it)])


def _operand(it: random.Random, register: int) -> bytes:
    """A register, the stack, or other memory."""
    which = it.random()
    if which < 0.55:
        return _modrm(3, register, it.choice((_EAX, _ECX, _EDX, _EBX, _ESI, _EDI)))
    return stack(it, register) if which < 0.9 else _memory(it, register)


def _number(it: random.Random) -> bytes:
    return (it.choice(_NOTABLE) & 0xFFFFFFFF).to_bytes(4, "little")


def _byte(it: random.Random) -> bytes:
    return bytes([it.choice((0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 0xF0, 0xFC, 0xFE, 0xFF))])


def instruction(it: random.Random) -> bytes:
    """One that goes on to the next."""
    register = it.choice((_EAX, _ECX, _EDX, _EDX, _EBX, _ESI, _EDI))
    forms = (
        lambda: bytes([it.choice((0x89, 0x8B, 0x89, 0x8B, 0x88, 0x8A))]) + _operand(it, register),
        lambda: bytes([it.choice((0x01, 0x03, 0x29, 0x2B, 0x21, 0x23, 0x09, 0x31, 0x33, 0x39, 0x3B, 0x11, 0x19, 0x85))])
        + _operand(it, register),
        lambda: bytes([0x83]) + _operand(it, it.randrange(8)) + _byte(it),
        lambda: bytes([0x81]) + _operand(it, it.choice((0, 4, 4, 5, 7))) + _number(it),
        lambda: bytes([0xB8 + register]) + _number(it),
        lambda: bytes([0x50 + register]), lambda: bytes([0x58 + register]),
        lambda: b"\x8d" + stack(it, register), lambda: b"\x8d" + _memory(it, register),
        lambda: bytes([it.choice((0x86, 0x87))]) + _operand(it, register),
        lambda: bytes([it.choice((0x40, 0x48)) + register]),
        lambda: b"\xc1" + _operand(it, it.choice((0, 1, 4, 5, 7))) + _byte(it),
        lambda: bytes([it.choice((0xF7, 0xF6))]) + _operand(it, it.choice((2, 3))),
        lambda: b"\x0f" + bytes([0x40 + it.randrange(16)]) + _operand(it, register),
        lambda: b"\x0f" + bytes([0x90 + it.randrange(16)]) + _operand(it, 0),
        lambda: b"\x0f" + bytes([it.choice((0xB6, 0xB7, 0xBE, 0xBF, 0xAB, 0xB3, 0xA3, 0xC1, 0xB1, 0xAF, 0xBC))])
        + _operand(it, register),
        lambda: b"\x0f\xba" + _operand(it, it.choice((4, 5, 6, 7))) + _byte(it),
        lambda: b"\x0f" + bytes([0xC8 + register]),
        lambda: b"\xe8\0\0\0\0" + bytes([0x58 + register]),
        lambda: bytes([it.choice((0xAA, 0xAB, 0xAC, 0xAD, 0xA4, 0xA5, 0x98, 0x99, 0xFC, 0x9C, 0x9D, 0x60, 0x61, 0x9F,
                                  0x9E, 0xD7))]),
        lambda: b"\xf3" + bytes([it.choice((0xAA, 0xAB, 0xA4, 0xA5))]),
        lambda: b"\xb9" + bytes([it.randrange(6), 0, 0, 0, 0xF3, it.choice((0xAA, 0xAB, 0xA5))]),
        lambda: b"\x66" + bytes([it.choice((0x89, 0x8B))]) + _operand(it, register),
        lambda: b"\xc7" + _operand(it, 0) + _number(it), lambda: b"\xc6" + _operand(it, 0) + _byte(it),
        lambda: b"\x8f" + stack(it, 0), lambda: b"\xff" + _operand(it, 6),
        lambda: b"\x83\xc4" + bytes([it.choice((4, 8, 0xFC))]), lambda: b"\x83\xec" + bytes([it.choice((4, 8, 16))]),
        lambda: b"\x0f\xc7" + stack(it, 1), lambda: b"\x0f\xa4" + _operand(it, register) + _byte(it),
    )
    return it.choice(forms)()


def program(it: random.Random) -> bytes:
    """Registers are saved, something is done, with jumps, loops and callees, and registers restored."""
    saved = [each for each in (_EBX, _ESI, _EDI) if it.random() < 0.7]
    room = it.choice((0, 0, 8, 16, 32))
    parts = [bytes([0x50 + each]) for each in saved] + ([bytes([0x83, 0xEC, room])] if room else [])
    body = [instruction(it) for _ in range(it.randrange(1, 12))]
    for _ in range(it.choice((0, 1, 1, 2, 3))):
        at = it.randrange(len(body))
        to = it.randrange(at, len(body))
        size = sum(map(len, body[at:to]))
        jump = bytes([it.choice((*range(0x70, 0x80), 0xE3, 0xEB)), min(size, 127)])
        if it.random() < 0.6:
            body.insert(at, it.choice((b"", b"\x85\xc0", b"\x83\xf8" + _byte(it), b"\x83\xfa" + _byte(it))) + jump)
        else:  # a loop that counts
            register = it.choice((_ECX, _EDX))
            back = size + 3
            body.insert(to, bytes([0x48 + register, 0x75, -back & 0xFF]))
            body.insert(at, bytes([0xB8 + register, it.choice((1, 3, 8, 33, 50)), 0, 0, 0]))
    if it.random() < 0.4:  # an address of its own, or of the stack, that may come to where is written
        register = it.choice((_EAX, _ECX, _EDX))
        body.insert(0, it.choice((b"\xe8\0\0\0\0" + bytes([0x58 + register]), b"\x8d" + stack(it, register))))
        body.append(b"\x89" + _modrm(1, it.choice((_EAX, _ECX, _EDX)), it.choice((_EAX, _ECX, _EDX))) + b"\x20")
    end = ([bytes([0x83, 0xC4, room])] if room else []) + [bytes([0x58 + each]) for each in reversed(saved)] + [b"\xc3"]
    if it.random() < 0.25:  # a callee does it
        body = [b"\xe8" + (sum(map(len, end))).to_bytes(4, "little")]
        end += [instruction(it) for _ in range(it.randrange(1, 6))] + [b"\xc3"]
    return b"".join([*parts, *body, *end])


def rom(code: bytes) -> ClassicRom:
    """A ROM with that as RDTSC."""
    data = bytearray(image()).ljust(_SIZE, b"\xf4")
    data[2], data[AT:AT + len(code)] = _SIZE // 512, code
    data[-1] = 0
    data[-1] = -sum(data) & 0xFF
    return ClassicRom("program.rom", bytes(data))


def judge(code: bytes) -> tuple[Analysis, list[str]]:
    """What the linter says of it: the rules that it breaks, and whether it waits for what may never come."""
    analysis = Analysis.of(rom(code), Answers((Answer(Call.RDTSC, Relocation.CALL_REL, AT),), ()))
    broken = [rule.name for rule in RULES if rule.name != "bios-entry" and any(rule.check(analysis))]
    return analysis, broken + ["waits"] * bool(analysis.waits)


@cache
def _processor() -> Any:
    engine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
    for at, pages in ((BASE & -_PAGE, 2), (STACK, 2), (CLIENT, 1), (DATA, 2), (0, 1)):
        engine.mem_map(at, pages * _PAGE)
    return engine, engine.context_save()


def happens(code: bytes, analysis: Analysis, it: random.Random) -> str:
    """What a processor does that clean code does not; empty: nothing. A fault ends it, and is nobody's rule."""
    engine, fresh = _processor()
    engine.context_restore(fresh)
    data = rom(code).data
    engine.mem_write(BASE, data)
    engine.ctl_remove_cache(BASE, BASE + _SIZE)
    engine.mem_write(STACK, it.randbytes(2 * _PAGE))
    for at in (0, DATA, DATA + _PAGE):
        engine.mem_write(at, bytes(_PAGE))
    engine.mem_write(CLIENT, b"\xf4" * _PAGE)
    home = CLIENT + 0x4C5
    engine.mem_write(_ENTRY, home.to_bytes(4, "little"))
    choice = (*_NOTABLE, DATA + 64, DATA + 128, it.getrandbits(32))
    before = [it.choice(choice) & 0xFFFFFFFF for _ in range(8)]
    before[_ESP] = _ENTRY
    # Where clients pass pointers these lead neither to the ROM nor to the stack.
    before = [DATA + 256 if number != _ESP and BASE - 0x10000 <= each < BASE + 0x40000 else each
              for number, each in enumerate(before)]
    for number, each in zip(_NUMBERS.values(), before, strict=True):
        engine.reg_write(number, each)
    engine.reg_write(x86.UC_X86_REG_EFLAGS, 2)
    watch = Watch(engine, home, lambda address: address - BASE in analysis.reached, text=(0xC00C0000, 0xC00E0000),
                  above=(_ENTRY + 4, STACK + 2 * _PAGE), stack=STACK)
    return watch.run(BASE + AT, {name: _NUMBERS[name] for name in _KEPT}, _NUMBERS["ESP"])
