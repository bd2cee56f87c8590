# SPDX-License-Identifier: MIT
"""What the benchmark kernel prints: a line "row NAME TURNS TICKS" for each operation, other lines between."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from openvmi.errors import OpenVmiError

CONSOLE_LIMIT = 1 << 16  #: bytes of console that are read
_ROW = re.compile(rb"row +([a-z0-9-]{1,40}) +([0-9]{1,10}) +([0-9]{1,20})")


@frozen
class Row:
    """One operation: how often it was done, and the ticks that all turns took."""

    name: str
    turns: int
    ticks: int

    @property
    def per_turn(self) -> float:
        """Ticks of one turn, its share of the loop included."""
        return self.ticks / self.turns


def parse(console: bytes) -> Mapping[str, Row]:
    """Rows by name, in their order. :class:`OpenVmiError` names the line that begins as one and is none."""
    if len(console) > CONSOLE_LIMIT:
        raise OpenVmiError(f"the benchmark kernel wrote more than {CONSOLE_LIMIT} bytes, which it never does; build it"
                           " again: make build")
    rows: dict[str, Row] = {}
    for line in console.splitlines():
        if not line.startswith(b"row "):
            continue
        match = _ROW.fullmatch(line.rstrip())
        turns = int(match[2]) if match else 0
        name = match[1].decode() if match else ""
        if not turns or name in rows:
            raise OpenVmiError(f"the benchmark kernel wrote {line[:80]!r}; expected row NAME TURNS TICKS, a name once"
                               " and at least one turn; build it again: make build")
        assert match
        rows[name] = Row(name, turns, int(match[3]))
    return rows
