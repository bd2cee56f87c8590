# SPDX-License-Identifier: MIT
"""What a comparison is made of: two kernels, the rows that both print, and how good the ROM must be."""

from __future__ import annotations

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
    direct: str  #: name of the built guest with the code compiled in
    linked: str  #: of the one that links to the hypervisor's ROM
    empty: str  #: the row whose turn does nothing
    whole: str  #: the row that is everything together
    rows: dict[str, str]  #: name -> for people, in the order of the table; without `empty` and `whole`
    limits: tuple[Limit, ...]
    rom_text: int  #: bytes of ROM text, at most
    no_bar: dict[str, str] = Factory(dict)  #: rows that are reported only -> why
