# SPDX-License-Identifier: MIT
"""Hostile inputs to whatever reads bytes of others: all that was ever found, and some new ones. make fuzz does more."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests import system
from tests.fuzz import campaign, corpus, target
from tests.fuzz.worker import HANG

INPUTS, SECONDS = 2000, 5  # of a short run, whichever is over first
SEED = 1
#: Not a reader of bytes: two processors made for each input.
SLOW = {"rom_answers": 50}
_NEEDED = pytest.mark.skipif(not campaign.usable() and not system.must_have(),
                             reason="needs atheris: pip install 'openvmi[fuzz]'")


@pytest.mark.parametrize("name", target.names())
def test_corpus(name: str) -> None:
    """Every input in the tree ends in nothing or in an error that the target names."""
    module, found = target.load(name), corpus.inputs(name)
    assert found, f"no corpus: python -m tests.fuzz.corpus {name}"
    for entry, data in found.items():
        began = time.process_time_ns()
        try:
            target.attempt(module, data)
        except Exception as error:
            raise AssertionError(f"{name}, input {entry} ({len(data)} bytes)") from error
        assert time.process_time_ns() - began < HANG, entry


@pytest.mark.parametrize("name", target.names())
def test_seeds_are_taken(name: str) -> None:
    """Most seeds get through without an error: the campaign starts behind the first check, not in front of it."""
    module, taken = target.load(name), 0
    seeds = module.seeds()
    for seed in seeds:
        try:
            module.run(seed)
            taken += 1
        except module.ALLOWED:
            pass
        assert len(seed) <= module.LIMIT
    assert taken


@_NEEDED
@pytest.mark.parametrize("name", target.names())
def test_short_run(name: str, tmp_path: Path) -> None:
    """New inputs, guided by coverage."""
    result = campaign.fuzz(name, tmp_path, SLOW.get(name, INPUTS), SECONDS, SEED)
    assert not result.problem, result.problem
    assert result.inputs >= min(SLOW.get(name, INPUTS), 20) and result.memory > 1 << 20
    assert result.covered[1] >= result.covered[0] >= campaign.LEAST.get(name, campaign.FEW)


@_NEEDED
@pytest.mark.parametrize(("what", "says"), [("raises", "KeyError"), ("hangs", "s of the processor"),
                                            ("grows", "out-of-memory|MiB of memory, expected at most 256")])
def test_what_a_campaign_finds(what: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that breaks a rule is told, and the input is kept."""
    monkeypatch.setenv("OPENVMI_BROKEN_TARGET", what)
    result = campaign.fuzz("tests.fuzz.broken", tmp_path, 1000, 10, SEED)
    assert re.search(says, result.problem), result
    assert what == "grows" or list((tmp_path / "found").iterdir())


@_NEEDED
def test_a_run_without_guidance_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Millions of random inputs to code that is not instrumented prove little. This target has none that is."""
    monkeypatch.setenv("OPENVMI_BROKEN_TARGET", "nothing")
    result = campaign.fuzz("tests.fuzz.broken", tmp_path, 1000, 10, SEED)
    assert result.inputs >= 1000 and result.covered == (0, 0)
    assert result.problem.startswith("0 counters covered, expected at least 10: nothing has guided the inputs")


@_NEEDED
@pytest.mark.parametrize(("name", "reached"), [("rom", 10), ("runner", 80)])
def test_less_than_any_run_reaches_fails(name: str, reached: int, tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "_covered", lambda log: (reached - 1, reached - 1))
    assert f"{reached - 1} counters covered, expected at least {reached}" in campaign.fuzz(name, tmp_path, 1, 5).problem
