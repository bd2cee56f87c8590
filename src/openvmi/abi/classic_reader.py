# SPDX-License-Identifier: MIT
"""Reads the definition of a classic interface (VMI 3.x)."""

from __future__ import annotations

from pathlib import Path

from openvmi.abi import parts
from openvmi.abi.classic_model import ANSWERS, ClassicCall, ClassicGroup, ClassicInterface, Entry, Operand, Use
from openvmi.abi.toml import Table


def interface(folder: Path, head: Table) -> ClassicInterface:
    """A definition folder whose interface.toml is `head`. Raises :class:`AbiError`; the rules are elsewhere."""
    about = head.table("interface")
    return ClassicInterface(
        **about.numbers("major", "minor"),
        architecture=about.get("architecture", str),
        call_count=about.get("calls", int),
        conventions=parts.conventions(head),
        uses=tuple(_use(u) for u in head.tables("use")),
        entries=tuple(_entry(e) for e in head.tables("entry")),
        enums=parts.enums(head),
        constants=parts.values(head, "constant"),
        groups=tuple(map(_group, parts.groups(folder, about))),
        structs=parts.structs(folder),
    )


def _use(table: Table) -> Use:
    texts = table.table("answers").only(*ANSWERS).texts(*ANSWERS)
    return Use(table.get("name", str), tuple(texts.items()), table.get("doc", str))


def _entry(table: Table) -> Entry:
    return Entry(table.get("name", str), table.get("offset", int), _operands(table, "arguments"),
                 _operands(table, "results"), parts.paragraph(table, "contract"))


def _operands(table: Table, key: str) -> tuple[Operand, ...]:
    names = ("name", "register", "doc")
    return tuple(Operand(**o.only(*names).texts(*names)) for o in table.tables(key))


def _group(file: Table) -> ClassicGroup:
    about = file.table("group").only("name", "whole", "doc")
    name = about.get("name", str)
    return ClassicGroup(name, about.get("whole", bool), parts.paragraph(about, "doc"),
                        tuple(_call(c, name) for c in file.tables("call")))


def _call(table: Table, group: str) -> ClassicCall:
    table.only("name", "number", "since", "convention", "arguments", "results", "native", "uses", "answers",
               "contract", "unverified")
    return ClassicCall(
        **table.texts("name", "since", "convention"), number=table.get("number", int), group=group,
        arguments=_operands(table, "arguments"), results=_operands(table, "results"),
        native=parts.native(table, "asm", "bytes"), uses=table.strings("uses"), answers=table.strings("answers"),
        contract=parts.paragraph(table, "contract"), unverified=table.get("unverified", str, ""),
    )
