# SPDX-License-Identifier: MIT
"""The linter against a processor, on random code: what it calls clean is."""

from __future__ import annotations

import pytest

from openvmi.rom.lint import transfer
from openvmi.rom.lint.state import State
from tests.processor import clean
from tests.rom.lint import programs

COUNT = 2000


def test_clean_code_is() -> None:
    """It neither writes where it may not, nor goes elsewhere, loses a register, or executes what was not looked at."""
    results = list(clean(programs, COUNT))
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
    assert any(found for _, found in clean(programs, 20 * COUNT, 4))
