# SPDX-License-Identifier: MIT
"""The linter of classic ROMs against a processor, on random code: what it calls clean is."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

import pytest

from openvmi.classic import lint_state, lint_transfer
from openvmi.classic.lint_state import State
from tests.classic import programs

SEED = int(os.environ.get("OPENVMI_FUZZ_SEED", "4"))
COUNT, TRIES = 1500, 4


def _wrong(count: int, seed: int = SEED) -> Iterator[tuple[str, str]]:
    """Of each program that is clean, what it does that it may not: code and words, or two empty texts."""
    for number in range(count):
        it = random.Random(seed << 32 | number)
        code = programs.program(it)
        analysis, rules = programs.judge(code)
        if not rules and not analysis.waits:
            found = next(filter(None, (programs.happens(code, analysis, it) for _ in range(TRIES))), "")
            yield (code.hex() if found else "", found)


def test_clean_code_is() -> None:
    """It neither writes where it may not, nor goes elsewhere, loses a register, or executes what was not looked at."""
    results = list(_wrong(COUNT))
    assert len(results) > COUNT // 10
    assert not [each for each in results if each[1]]


def _nothing(*_: object) -> bool:
    return True


def _never(*_: object) -> bool:
    return False


def _forgets(*_: object) -> None:
    pass


def _taken(_: State, __: str, taken: bool) -> bool:
    return taken


@pytest.mark.parametrize(("what", "name", "instead"), [
    (lint_transfer._KNOWN, "xchg", _nothing), (State, "narrow", _taken), (State, "join", _never),
    (lint_state, "made", _forgets),
])
def test_a_mistake_is_noticed(what: object, name: str, instead: Callable[..., object],
                              monkeypatch: pytest.MonkeyPatch) -> None:
    """With an exchange that does nothing, a branch that is always taken, paths that do not join, or an address that is
    forgotten, the same programs tell."""
    if isinstance(what, dict):
        monkeypatch.setitem(what, name, instead)
    else:
        monkeypatch.setattr(what, name, instead)
    assert any(found for _, found in _wrong(20 * COUNT, 4))
