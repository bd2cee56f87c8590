# SPDX-License-Identifier: MIT
"""Linters held against a processor: random code that one calls clean may never do what a rule forbids."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import unicorn
from unicorn import unicorn_const as uc
from unicorn import x86_const as x86

SEED = int(os.environ.get("OPENVMI_FUZZ_SEED", "4"))
_TRIES = 4  # of one program, with other registers each time
_INSTRUCTIONS = 20_000
_SYSTEM_FLAGS = 0x500  # DF, TF


def clean(programs: ModuleType, count: int, seed: int = SEED) -> Iterator[tuple[str, str]]:
    """Of each program that is clean, what it does that it may not: code and words, or two empty texts."""
    for number in range(count):
        it = random.Random(seed << 32 | number)
        code = programs.program(it)
        analysis, rules = programs.judge(code)
        if not rules:
            found = next(filter(None, (programs.happens(code, analysis, it) for _ in range(_TRIES))), "")
            yield (code.hex() if found else "", found)


class Watch:
    """Runs code, and looks at each instruction and at what it writes."""

    def __init__(self, engine: Any, home: int, known: Callable[[int], bool], text: tuple[int, int],
                 above: tuple[int, int], stack: int) -> None:
        self._engine, self._home, self._left, self._known = engine, home, _INSTRUCTIONS, known
        self._text, self._above, self._stack = text, above, stack
        self._stored: set[int] = set()
        self._excused = False
        self._said = ""

    def run(self, start: int, kept: dict[str, int], pointer: int) -> str:
        """What code that is clean may not do; empty: nothing. A fault ends it, and is nobody's rule.

        `kept`: registers that have to be what they were, by name; `pointer`: the stack pointer, which has to be behind
        the return address. Both as Unicorn numbers them.
        """
        engine = self._engine
        before = {name: engine.reg_read(number) for name, number in kept.items()}
        hooks = [engine.hook_add(kind, hook) for kind, hook in (
            (uc.UC_HOOK_CODE, self._step), (uc.UC_HOOK_MEM_WRITE, self._write), (uc.UC_HOOK_MEM_READ, self._read))]
        try:
            engine.emu_start(start, self._home)
        except unicorn.UcError:
            return self._said
        finally:
            for hook in hooks:
                engine.hook_del(hook)
        if self._said or self._excused:
            return self._said
        if not self._left:
            return "does not return"
        for name, number in kept.items():
            if (after := engine.reg_read(number)) != before[name]:
                return f"{name} is {after:#x}, was {before[name]:#x}"
        if engine.reg_read(pointer) != self._above[0]:
            return "returns with another stack pointer"
        return "returns with DF or TF set" if engine.reg_read(x86.UC_X86_REG_EFLAGS) & _SYSTEM_FLAGS else ""

    def _say(self, what: str) -> None:
        self._said = self._said or what
        self._engine.emu_stop()

    def _step(self, _: Any, address: int, __: int, ___: Any) -> None:
        self._left -= 1
        if address != self._home and not self._known(address):
            self._say(f"executes {address:#x}, which was not looked at")
        elif not self._left:
            self._engine.emu_stop()

    def _write(self, _: Any, __: int, address: int, size: int, ___: int, ____: Any) -> None:
        if address < self._text[1] and address + size > self._text[0]:
            self._say(f"writes where ROMs are, at {address:#x}")
        elif address < self._above[1] and address + size > self._above[0]:
            self._say(f"writes above the return address, at {address - self._above[0]:+#x}")
        elif not self._stack <= address < self._above[1]:
            self._stored.update(range(address, address + size))

    def _read(self, _: Any, __: int, address: int, size: int, ___: int, ____: Any) -> None:
        if not self._stored.isdisjoint(range(address, address + size)):
            self._excused = True  # what comes back from memory is openly not followed
            self._engine.emu_stop()
