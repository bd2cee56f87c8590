# SPDX-License-Identifier: MIT
"""The linter of classic ROMs against a processor, on random code: what it calls clean is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from openvmi.classic import lint_state, lint_transfer
from openvmi.classic.lint_state import State
from tests.classic import programs
from tests.processor import clean

COUNT = 1500


def test_clean_code_is() -> None:
    """It neither writes where it may not, nor goes elsewhere, loses a register, or executes what was not looked at."""
    results = list(clean(programs, COUNT))
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
    assert any(found for _, found in clean(programs, 20 * COUNT, 4))
