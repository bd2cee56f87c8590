# SPDX-License-Identifier: MIT
"""What a comparison is made of: two kernels, the rows that both print, and how good the ROM must be."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, frozen

RATIO = 1.02  #: of a row, at most
FEW = 200  #: a row of fewer instructions than this may instead have
MORE = 4  #: so many more: a ratio of a few instructions says nothing
WHOLE_RATIO = 1.01


@frozen
class Limit:
    """The most instructions that one turn of a row may take through the ROM."""

    title: str
    row: str
    most: int


@frozen
class Plan:
    """Rows are known by the name that the kernel prints."""

    hypervisor: str
    direct: str  #: name of the built guest that does without a ROM
    linked: str  #: of the one that links to the ROM; may be the same, which then runs without and with
    empty: str  #: the row whose turn does nothing
    whole: str | None  #: the row that is everything together, if there is one
    rows: Mapping[str, str]  #: name -> for people, in the order of the table; without `empty` and `whole`
    limits: tuple[Limit, ...]
    rom_size: int  #: bytes of ROM text, or of the whole image if it is one of the classic interface, at most
    rom: str | None = None  #: name of the ROM; None: the hypervisor's own
    no_bar: Mapping[str, str] = Factory(dict)  #: rows that are reported only -> why
    more: Mapping[str, int] = Factory(dict)  #: rows whose one bar is that many instructions more, at most
    no_native: frozenset[str] = frozenset()  #: rows of which a kernel without ROM does nothing but set up arguments
    forms: tuple[str, str] = ("compiled in", "through the ROM")  #: what is compared, for people
    notes: tuple[str, ...] = ()  #: sentences below the table


@frozen
class Times:
    """A measurement of time instead: the kernel `rows` and what it is compared with, in openvmi.bench.times."""

    hypervisor: str
    rows: str  #: name of the built guest that prints them
    greeter: str  #: of the one whose first byte is waited for
