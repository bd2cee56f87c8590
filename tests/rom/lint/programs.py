# SPDX-License-Identifier: MIT
"""Random code of a call of 64 bits, what the linter says of it, and what a processor does with it: as
:mod:`tests.classic.programs`, whose instructions these are, most of them of 64 bits.
"""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import unicorn
from unicorn import x86_const as x86

from openvmi.abi.names import Call, LicenceClass, LinkKind, Profile
from openvmi.rom.emit import Answer, RomContents, emit
from openvmi.rom.image import RomImage
from openvmi.rom.lint.analysis import Analysis
from openvmi.rom.lint.instruction import REGISTERS, RSP
from openvmi.rom.lint.program import Program
from openvmi.rom.lint.rules import RULES
from tests.classic import programs as narrow
from tests.processor import Watch

TEXT, STACK, CLIENT, DATA = 0x4001_0000, 0x5000_0000, 0x6000_0000, 0x7000_0000
_PAGE = 4096
_ENTRY = STACK + _PAGE
_MASK = (1 << 64) - 1
_NUMBERS = {name: getattr(x86, f"UC_X86_REG_{name.upper()}") for name in REGISTERS}
_KEPT = ("rbx", "rbp", "r12", "r13", "r14", "r15")
_NOTABLE = (0, 1, 2, 3, 4, 5, 7, 8, 16, 31, 32, 64, 100, 0x400, -1, -2, -4096, DATA + 64, DATA + 128, DATA + 256)
#: Are prefixes in 64-bit code, are none, or load flags: left out. Of 64 bits without a prefix, or without a choice.
_NONE = frozenset((*range(0x40, 0x50), 0x60, 0x61, 0x9C, 0x9D))
_AS_THEY_ARE = frozenset((*range(0x50, 0x60), 0xE8, 0x8F, 0xFC, 0x9E, 0x9F, 0xD7, 0xFF, 0x66, 0xF3, *range(0xB8, 0xC0)))


def instruction(it: random.Random) -> bytes:
    """One that goes on to the next, or none."""
    found = narrow.instruction(it)
    if found[0] in _NONE:
        return b""
    return found if found[0] in _AS_THEY_ARE or it.random() < 0.25 else b"\x48" + found


def program(it: random.Random) -> bytes:
    """RBX is saved, something is done, with jumps, loops and callees, and RBX restored."""
    saved, room = it.random() < 0.6, it.choice((0, 8, 16, 24, 32))
    parts = [b"\x53" * saved, bytes([0x48, 0x83, 0xEC, room])]
    body = [instruction(it) for _ in range(it.randrange(1, 12))]
    if it.random() < 0.3:  # an address of its own, or of the stack, that may come to where is written
        register = it.randrange(3)
        body.insert(0, b"\x48\x8d" + it.choice((narrow.stack(it, register), bytes([5 | register << 3, 0, 0, 0, 0]))))
        body.append(b"\x48\x89" + bytes([0x40 | it.randrange(3) << 3 | it.randrange(3), 0x20]))
    for _ in range(it.choice((0, 1, 1, 2, 3))):
        at = it.randrange(len(body))
        to = it.randrange(at, len(body))
        size = sum(map(len, body[at:to]))
        if it.random() < 0.6:
            test = it.choice((b"", b"\x48\x85\xc0", b"\x48\x83\xf8\x04", b"\x83\xfa\x02"))
            body.insert(at, test + bytes([it.choice((*range(0x70, 0x80), 0xE3, 0xEB)), min(size, 127)]))
        else:
            register = it.choice((1, 2))
            body.insert(to, bytes([0xFF, 0xC8 + register, 0x75, -(size + 4) & 0xFF]))
            body.insert(at, bytes([0xB8 + register, it.choice((1, 3, 8, 33, 50)), 0, 0, 0]))
    end = [bytes([0x48, 0x83, 0xC4, room]), b"\x5b" * saved, b"\xc3"]
    if it.random() < 0.25:  # a callee does it
        body = [b"\xe8" + sum(map(len, end)).to_bytes(4, "little")]
        end += [instruction(it) for _ in range(it.randrange(1, 6))] + [b"\xc3"]
    return b"".join([*parts, *body, *end])


def judge(code: bytes) -> tuple[Analysis, list[str]]:
    """What the linter says of it: the rules that it breaks, but for bytes that nothing reaches."""
    image = RomImage.parse(emit(RomContents(
        version=(1, 0), licence="MIT", licence_class=LicenceClass.GPL, profile=Profile.BASE, stack=128, vcpu_size=16,
        answers=[Answer(number=Call.PROBE, kind=LinkKind.CALL, target=0)], text=code, data=b"", data_memory=64,
        manifest={"name": "program", "version": "1.0", "hypervisor": "emu", "lint": [], "symbols": [[0, "start"]]},
    )), "program.rom")
    analysis = Analysis.of(Program.of(image))
    broken = [rule.name for rule in RULES if any(True for _ in rule.check(analysis))]
    return analysis, [name for name in broken if name != "unreachable"]


@cache
def _processor() -> Any:
    engine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
    for at, pages in ((TEXT, 3), (STACK, 2), (CLIENT, 1), (DATA, 2)):
        engine.mem_map(at, pages * _PAGE)
    return engine, engine.context_save()


def happens(code: bytes, analysis: Analysis, it: random.Random) -> str:
    """What a processor does that clean code does not; empty: nothing. A fault ends it, and is nobody's rule."""
    engine, fresh = _processor()
    engine.context_restore(fresh)
    home = CLIENT + 0x4C5
    for at, data in ((TEXT, code.ljust(_PAGE, b"\xf4")), (STACK, it.randbytes(2 * _PAGE)), (DATA, bytes(2 * _PAGE)),
                     (CLIENT, b"\xf4" * _PAGE), (_ENTRY, home.to_bytes(8, "little"))):
        engine.mem_write(at, data)
    engine.ctl_remove_cache(TEXT, TEXT + _PAGE)
    before = [it.choice((*_NOTABLE, it.getrandbits(64))) & _MASK for _ in REGISTERS]
    before[RSP] = _ENTRY
    for number, value in zip(_NUMBERS.values(), before, strict=True):
        engine.reg_write(number, value)
    engine.reg_write(x86.UC_X86_REG_EFLAGS, 2)
    watch = Watch(engine, home, lambda address: address - TEXT in analysis.reached, text=(TEXT, TEXT + len(code)),
                  above=(_ENTRY + 8, STACK + 2 * _PAGE), stack=STACK)
    return watch.run(TEXT, {name: _NUMBERS[name] for name in _KEPT}, _NUMBERS["rsp"])
