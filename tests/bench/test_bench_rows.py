# SPDX-License-Identifier: MIT
"""The lines of the benchmark kernel."""

from __future__ import annotations

import pytest

from openvmi.bench.rows import CONSOLE_LIMIT, Row, parse
from openvmi.errors import OpenVmiError


def test_rows_and_other_lines() -> None:
    rows = parse(b"vmi: 4.0 on fake\r\nrow empty-turn 2000 14006\r\nrows of trees\n\nrow whole-run 1 30051281\n")
    assert list(rows.values()) == [Row("empty-turn", 2000, 14006), Row("whole-run", 1, 30051281)]
    assert rows["empty-turn"].per_turn == 7.003
    assert parse(b"") == {}


@pytest.mark.parametrize("line", [
    "row", "row ", "row a 1", "row a 0 5", "row a -1 5", "row a 1 5.0", "row a 1 5 6", "row A 1 5", "row a 1 x",
    f"row a 1 {'9' * 21}", f"row a {'1' * 11} 1", f"row {'a' * 41} 1 1", "row \xe9 1 1", "row b 1 1\nrow b 1 1",
])
def test_bad_line(line: str) -> None:
    if line == "row":  # not the beginning of one
        assert parse(line.encode()) == {}
        return
    with pytest.raises(OpenVmiError, match=r"wrote b'row .*expected row NAME TURNS TICKS"):
        parse(f"row fine 1 1\n{line}\n".encode("latin-1"))


def test_too_much() -> None:
    assert parse(b"\n" * CONSOLE_LIMIT) == {}
    with pytest.raises(OpenVmiError, match="more than 65536 bytes"):
        parse(b"\n" * (CONSOLE_LIMIT + 1))
