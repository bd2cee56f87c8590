# SPDX-License-Identifier: MIT
"""The linter against a processor, on random code: what it calls clean is."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from openvmi.rom.lint import transfer
from openvmi.rom.lint.state import State
from tests.rom.lint import programs

SEED = int(os.environ.get("OPENVMI_FUZZ_SEED", "4"))
COUNT, TRIES = 2000, 4


def _wrong(count: int, seed: int = SEED) -> Iterator[tuple[str, str]]:
    """Of each program that is clean, what it does that it may not: code and words, or two empty texts."""
    for number in range(count):
        it = random.Random(seed << 32 | number)
        code = programs.program(it)
        analysis, rules = programs.judge(code)
        if not rules:
            found = next(filter(None, (programs.happens(code, analysis, it) for _ in range(TRIES))), "")
            yield (code.hex() if found else "", found)


def test_clean_code_is() -> None:
    """It neither writes where it may not, nor goes elsewhere, loses a register, or executes what was not looked at."""
    results = list(_wrong(COUNT))
    assert len(results) > COUNT // 10
    assert not [each for each in results if each[1]]


def _forgets(*_: object) -> None:
    pass


def _never(*_: object) -> bool:
    return False


@pytest.mark.parametrize(("what", "name", "instead"), [(State, "join", _never), (transfer, "pointer", _forgets)])
def test_a_mistake_is_noticed(what: object, name: str, instead: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """With paths that do not join, or an address that is forgotten, the same programs tell."""
    monkeypatch.setattr(what, name, instead)
    assert any(found for _, found in _wrong(20 * COUNT, 4))
