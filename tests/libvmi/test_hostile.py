# SPDX-License-Identifier: MIT
"""A kernel that misbehaves ends, every time, with one clear reason: kernels/hostile on emu."""

from __future__ import annotations

import re
import time

import pytest

from openvmi.hypervisors.base import Ending
from tests.libvmi.boot import Boot, boot, guest, rom

LIMIT = 0.7  # seconds for those that never end by themselves


def do(deed: str, native: bool = False, timeout: float = 20.0) -> Boot:
    """Runs one deed, linked or with vmi=off; asserts that it ended about when it had to."""
    began = time.monotonic()
    result = boot(guest("hostile"), rom(), f"hostile.do={deed}" + (" vmi=off" if native else ""), timeout=timeout)
    assert time.monotonic() - began < timeout + 5
    assert f"hostile: {deed}" in result.console
    return result


def test_every_deed_is_tested_here() -> None:
    known = boot(guest("hostile"), rom()).console.split("must be one of", 1)[1].split()
    assert set(known) == set(CRASHES) | {"deep", "unknown", "bad-calls"} | set(ENDLESS)


ENDLESS = ["spin", "spin-disabled", "sleep", "flood"]


@pytest.mark.parametrize("native", [False, True], ids=["linked", "native"])
@pytest.mark.parametrize("deed", ENDLESS)
def test_what_never_ends_is_ended(deed: str, native: bool) -> None:
    result = do(deed, native, timeout=LIMIT)
    assert result.outcome.ending is Ending.TIMEOUT
    assert result.outcome.message
    if deed == "sleep":
        assert "event" in result.outcome.message


#: Deed -> what the reason must say.
CRASHES = {
    "load": "vector 14",
    "write-rom": "vector 14",
    "remap-rom": "ROM",
    "stack": "stack",
    "jump": "vector 14",
    "jump-rom": ".",
    "root": "address space|page table|root|page fault|fetch",
    "tables": ".",
    "gate": ".",
}


@pytest.mark.parametrize("native", [False, True], ids=["linked", "native"])
@pytest.mark.parametrize("deed", sorted(CRASHES))
def test_what_cannot_go_on_is_a_crash_with_its_reason(deed: str, native: bool) -> None:
    result = do(deed, native)
    assert result.outcome.ending is Ending.CRASH, (result.outcome, result.console)
    assert result.outcome.crash is not None
    # A native kernel has no way to hand over why; it says so on its console.
    told = result.outcome.crash.reason + result.console
    assert re.search(CRASHES[deed], told), told


@pytest.mark.parametrize("native", [False, True], ids=["linked", "native"])
def test_a_back_trace_names_every_function(native: bool) -> None:
    result = do("deep", native)
    crash = result.outcome.crash
    assert crash is not None and crash.registers is not None
    image = guest("hostile")
    named = [image.symbols().lookup(address) for address in (crash.registers.rip, *crash.backtrace)]
    functions = [name[0] for name in named if name]
    for function in ("third", "second", "deep", "vmi_main", "vmi_begin"):
        assert function in functions, functions


@pytest.mark.parametrize("native", [False, True], ids=["linked", "native"])
def test_hypercalls_that_do_not_exist_change_nothing(native: bool) -> None:
    result = do("unknown", native)
    assert result.outcome.ending is Ending.EXIT and result.outcome.code == 0


def test_arguments_that_no_contract_allows_give_errors() -> None:
    result = do("bad-calls")
    assert result.outcome.ending is Ending.EXIT and result.outcome.code == 0, result.console
