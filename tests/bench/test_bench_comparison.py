# SPDX-License-Identifier: MIT
"""What is subtracted, divided and compared with the bars."""

from __future__ import annotations

import pytest
from attrs import evolve

from openvmi.bench import known
from openvmi.bench.comparison import Bar, Compared, compare
from openvmi.bench.plan import Limit, Plan
from openvmi.bench.rows import Row
from openvmi.errors import OpenVmiError, UsageError

PLAN = Plan("fake", "direct", "linked", "empty", "whole", {"long": "a long one", "short": "a short one"},
            (Limit("long", "long", 1030),), 100)


def rows(turns: int = 10, **ticks: int) -> dict[str, Row]:
    """Ticks of one turn by name; the whole is one turn."""
    return {name: Row(name, 1 if name == "whole" else turns, each * (1 if name == "whole" else turns))
            for name, each in ticks.items()}


DIRECT = rows(empty=7, long=1007, short=107, whole=10_000)


@pytest.mark.parametrize(("long", "short", "whole", "missed"), [
    (1007, 107, 10_000, []),
    (1027, 111, 10_100, []),  # 1020 of 1000, 4 more, 1.01: the bars themselves
    (1028, 111, 10_100, ["long"]),
    (1027, 112, 10_100, ["short"]),
    (1027, 111, 10_101, ["whole"]),
    (900, 50, 9000, []),
])
def test_bars(long: int, short: int, whole: int, missed: list[str]) -> None:
    found = compare(PLAN, DIRECT, rows(empty=7, long=long, short=short, whole=whole), 100)
    assert [row.row for row in found.rows] == ["empty", "long", "short", "whole"]
    assert [row.row for row in found.rows if not row.good] == missed
    assert found.good == (not missed)


def test_the_ratio_is_without_the_loop_and_the_difference_with_or_without() -> None:
    row = compare(PLAN, DIRECT, rows(empty=7, long=1107, short=107, whole=1), 1).rows[1]
    assert (row.direct, row.linked, row.difference, row.ratio) == (1007, 1107, 100, 1.1)


def test_the_smaller_loop_counts() -> None:
    """A loop that were longer in one kernel must not make its rows look shorter."""
    row = compare(PLAN, DIRECT, rows(empty=50, long=1107, short=107, whole=1), 1).rows[1]
    assert row.loop == 7 and row.ratio == 1.1


@pytest.mark.parametrize("name", ["empty", "long", "short", "whole"])
def test_a_missing_row_is_a_missed_bar(name: str) -> None:
    less = {key: row for key, row in DIRECT.items() if key != name}
    for direct, linked in ((DIRECT, less), (less, DIRECT)):
        found = compare(PLAN, direct, linked, 1)
        assert [(row.difference, row.ratio, row.good) for row in found.rows if row.row == name] == [(None, None, False)]
        assert not found.good


def test_absolute_bars() -> None:
    linked = rows(empty=7, long=1031, short=107, whole=10_000)
    assert [(bar.found, bar.good) for bar in compare(PLAN, linked, linked, 100).bars] == [(1031, False), (100, True)]
    assert not compare(PLAN, linked, linked, 100).good
    assert [bar.good for bar in compare(PLAN, DIRECT, DIRECT, 101).bars] == [True, False]
    assert [bar.good for bar in compare(PLAN, DIRECT, DIRECT, None).bars] == [True, False]
    assert not Bar("?", "bytes", None, 1).good


def test_nothing_to_divide_by() -> None:
    row = Compared("", "", 7, 11, 7, whole=False)
    assert row.ratio is None and row.good  # at most 4 more
    assert not Compared("", "", 7, 12, 7, whole=False).good


def test_a_row_without_bar_is_only_reported() -> None:
    plan = evolve(PLAN, no_bar={"short": "for a reason"})
    found = compare(plan, DIRECT, rows(empty=7, long=1007, short=900, whole=10_000), 100)
    assert found.good and [(row.bar, row.no_bar) for row in found.rows if row.no_bar] == [("none", "for a reason")]
    assert not compare(plan, DIRECT, rows(empty=7, long=1007, whole=10_000), 100).good


@pytest.mark.parametrize(("short", "good"), [(110, True), (111, False), (7, True)])
def test_a_bar_of_instructions_only(short: int, good: bool) -> None:
    """Neither the ratio nor the MORE of short rows counts then. 3 of 100, and no row for everything."""
    plan = evolve(PLAN, more={"short": 3}, whole=None)
    found = compare(plan, DIRECT, rows(empty=7, long=1007, short=short), 100)
    assert [row.row for row in found.rows] == ["empty", "long", "short"]
    assert (found.rows[-1].bar, found.rows[-1].by_ratio, found.rows[-1].good, found.good) == ("+3", False, good, good)


def test_a_bar_is_not_missed_by_the_share_of_a_turn() -> None:
    """5.006 - 2.006 is more than 3 in floating point."""
    here, there = Row("short", 2000, 4012), Row("short", 2000, 10012)
    assert there.per_turn - here.per_turn > 3
    found = compare(evolve(PLAN, more={"short": 3}), {"short": here}, {"short": there}, 1)
    assert [row.difference for row in found.rows if row.row == "short" and row.good] == [3]


def test_a_row_without_native_form() -> None:
    """What it takes without ROM is the set-up of its arguments: the rest is the ROM's, and there is no ratio."""
    plan = evolve(PLAN, no_native=frozenset({"short"}), no_bar={"short": "for a reason"})
    row = compare(plan, DIRECT, rows(empty=7, long=1007, short=300, whole=1), 1).rows[2]
    assert (row.native, row.difference, row.ratio, row.good) == (False, 193, None, True)
    assert not compare(plan, DIRECT, rows(empty=7, long=1007, whole=1), 1).rows[2].good


def test_what_was_measured_of_the_rom() -> None:
    bar = compare(PLAN, DIRECT, DIRECT, 100, "ROM image").bars[-1]
    assert (bar.title, bar.found, bar.most, bar.good) == ("ROM image", 100, 100, True)


def test_different_turns_are_different_kernels() -> None:
    with pytest.raises(OpenVmiError, match="direct made 10 turns and linked 5; they are not built from the same"):
        compare(PLAN, DIRECT, rows(5, empty=7), 1)


def test_known() -> None:
    assert known.names() == ["classic", "linux", "xen"] and known.get("xen").hypervisor == "xen"
    assert {limit.row for limit in known.get("xen").limits} <= set(known.get("xen").rows)
    with pytest.raises(UsageError, match=r"there is no comparison '\.\./xen'; known are classic, linux, xen"):
        known.get("../xen")
