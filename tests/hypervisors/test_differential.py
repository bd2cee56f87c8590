# SPDX-License-Identifier: MIT
"""The same guest on hypervisors that have nothing in common says the same, but for where it says it is."""

from __future__ import annotations

import re

import pytest

from openvmi.hypervisors.base import Ending
from openvmi.running import NO_ROM, Request, run

#: What may differ after the two lines that say where it runs: what linking did, and groups that not every ROM has.
PLACE = re.compile(r" (native|linked)$|^  sites .*$|^  group (debug|smp|random) .*$", re.MULTILINE)


def said(on: str, rom: str | None, options: str = "") -> str:
    """The console of hello, without what may differ."""
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data)
        return True

    result = run(Request("hello", on=on, rom=rom, options=options, deterministic=on != "linux"), keep)
    assert (result.outcome.ending, result.outcome.code) == (Ending.EXIT, 0), console.decode()
    return "\n".join(line for line in PLACE.sub("", console.decode()).splitlines()[2:] if line)


@pytest.mark.needs("qemu-system-x86_64", "/boot/xen*.gz")
@pytest.mark.parametrize(("on", "rom", "options"), [
    ("emu", None, ""), ("emu", None, "vmi=off"), ("emu", NO_ROM, ""), ("bare", "template", ""),
    ("bare", "template", "vmi=off"), ("bare", "template", "vmi.disable=irq,mmu"), ("xen", None, ""),
    ("linux", None, ""), ("linux", None, "vmi=off"), ("linux", NO_ROM, ""),
])
def test_hello_says_what_it_says_on_a_pc(on: str, rom: str | None, options: str) -> None:
    expected = said("bare", NO_ROM)
    assert expected.count(" ok\n") == 16 and "fault at 40000000" in expected
    assert said(on, rom, options) == expected
