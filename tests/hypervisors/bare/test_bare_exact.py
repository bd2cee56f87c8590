# SPDX-License-Identifier: MIT
"""Virtual time that counts instructions, in both units."""

from __future__ import annotations

import pytest

from openvmi.bench.rows import parse
from openvmi.running import NO_ROM, Request, run


@pytest.mark.needs("qemu-system-x86_64")
def test_a_tick_is_an_instruction() -> None:
    """The empty turn is 7 instructions long; 6 are those between the two readings and outside the loop."""
    ticks = []
    for exact in (True, False):
        console = bytearray()

        def keep(data: bytes, console: bytearray = console) -> bool:
            console.extend(data)
            return True

        result = run(Request("bench", on="bare", rom=NO_ROM, deterministic=True, exact=exact), keep)
        assert result.status == 0
        ticks.append(parse(console)["empty-turn"].ticks)
    assert ticks == [7 * 2000 + 6, (7 * 2000 + 6) * 16]
