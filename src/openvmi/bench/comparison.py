# SPDX-License-Identifier: MIT
"""What the ROM costs, row by row.

The figures are those of a turn with its share of the loop, which is the same in both kernels. The ratio is without: the
turn that does nothing is subtracted from both, so that the loop cannot hide a difference.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from openvmi.bench.plan import FEW, MORE, RATIO, WHOLE_RATIO, Plan
from openvmi.bench.rows import Row
from openvmi.errors import OpenVmiError

#: Of a difference: that of two integers is one, whatever was divided by.
_DIGITS = 6


@frozen
class Compared:
    """One row. Instructions of one turn; None: that kernel did not print the row."""

    title: str
    row: str
    direct: float | None
    linked: float | None
    loop: float  #: what of both is the loop's
    whole: bool  #: everything together: no loop, and a bar of its own
    no_bar: str = ""  #: why it has none; empty: it has one
    most: int | None = None  #: the bar, if it is only that many instructions more
    native: bool = True  #: False: there is no native form, and `direct` is the set-up of the arguments

    @property
    def difference(self) -> float | None:
        """Instructions that the ROM costs."""
        return None if self.direct is None or self.linked is None else round(self.linked - self.direct, _DIGITS)

    @property
    def ratio(self) -> float | None:
        """Through the ROM to direct, both without the loop; None where nothing is left to compare with."""
        if self.direct is None or self.linked is None or self.direct <= self.loop or not self.native:
            return None
        return (self.linked - self.loop) / (self.direct - self.loop)

    @property
    def bar(self) -> str:
        """What it has to reach, for people."""
        if self.no_bar:
            return "none"
        if self.most is not None:
            return f"+{self.most}"
        if self.whole:
            return f"<= {WHOLE_RATIO}"
        return f"<= {RATIO} or +{MORE}" if self._is_short else f"<= {RATIO}"

    @property
    def good(self) -> bool:
        """Whether it does. A row that is missing does not."""
        if self.difference is None:
            return False
        if self.most is not None:
            return self.difference <= self.most
        if self.no_bar or (self._is_short and self.difference <= MORE):
            return True
        return self.ratio is not None and self.ratio <= (WHOLE_RATIO if self.whole else RATIO)

    @property
    def _is_short(self) -> bool:
        return not self.whole and self.direct is not None and self.direct - self.loop < FEW

    @property
    def by_ratio(self) -> bool:
        """Whether the ratio decides about it."""
        return not self.no_bar and self.most is None


@frozen
class Bar:
    """A figure that does not depend on the other kernel; None: it is not known."""

    title: str
    unit: str
    found: float | None
    most: int

    @property
    def good(self) -> bool:
        """Whether it is low enough."""
        return self.found is not None and self.found <= self.most


@frozen
class Comparison:
    """All rows and bars."""

    rows: tuple[Compared, ...]
    bars: tuple[Bar, ...]

    @property
    def good(self) -> bool:
        """Whether none is missed or missing."""
        return all(row.good for row in self.rows) and all(bar.good for bar in self.bars)


def compare(plan: Plan, direct: Mapping[str, Row], linked: Mapping[str, Row], rom_size: int | None,
            measured: str = "ROM text") -> Comparison:
    """Makes the table. :class:`OpenVmiError` when the kernels do not do the same thing.

    `rom_size` in bytes, of the part of the ROM that `measured` names; None: not known.
    """
    for name in direct.keys() & linked.keys():
        if direct[name].turns != linked[name].turns:
            raise OpenVmiError(f"row {name}: {plan.direct} made {direct[name].turns} turns and {plan.linked}"
                               f" {linked[name].turns}; they are not built from the same sources, run: make build")
    empty = [rows[plan.empty].per_turn for rows in (direct, linked) if plan.empty in rows]
    loop = min(empty, default=0.0)  # they do the same; subtracting less is the safe side

    def compared(name: str, title: str) -> Compared:
        here, there = direct.get(name), linked.get(name)
        whole = name == plan.whole
        return Compared(title, name, here.per_turn if here else None, there.per_turn if there else None,
                        0.0 if whole else loop, whole, plan.no_bar.get(name, ""), plan.more.get(name),
                        name not in plan.no_native)

    rows = [compared(plan.empty, "empty turn")] + [compared(*item) for item in plan.rows.items()]
    bars = [Bar(limit.title, "instructions", linked[limit.row].per_turn if limit.row in linked else None, limit.most)
            for limit in plan.limits]
    bars.append(Bar(measured, "bytes", rom_size, plan.rom_size))
    if plan.whole is not None:
        rows.append(compared(plan.whole, "whole run"))
    return Comparison(tuple(rows), tuple(bars))
