# SPDX-License-Identifier: MIT
"""Reads the definition of an interface with sites (VMI 4.x)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openvmi.abi import parts
from openvmi.abi.model import Argument, Call, Group, Interface, Profile
from openvmi.abi.toml import Table


def interface(folder: Path, head: Table) -> Interface:
    """A definition folder whose interface.toml is `head`. Raises :class:`AbiError`; the rules are elsewhere."""
    about = head.table("interface")
    return Interface(
        **about.numbers("major", "minor"),
        architecture=about.get("architecture", str),
        argument_registers=about.strings("arguments"),
        result_register=about.get("result", str),
        conventions=parts.conventions(head),
        errors=parts.values(head, "error"),
        profiles=tuple(
            Profile(p.get("name", str), p.get("value", int), p.strings("groups"), p.get("doc", str))
            for p in head.tables("profile")
        ),
        enums=parts.enums(head),
        constants=parts.values(head, "constant"),
        groups=tuple(map(_group, parts.groups(folder, about))),
        structs=parts.structs(folder),
        vendor_groups=about.integers("vendor_groups", ()),
        experimental_groups=about.integers("experimental_groups", ()),
    )


def _group(file: Table) -> Group:
    about = file.table("group")
    name = about.get("name", str)
    return Group(
        id=about.get("id", int), name=name, revision=about.get("revision", int),
        may_be_native=about.get("may_be_native", bool), tied=about.strings("tied"), doc=parts.paragraph(about, "doc"),
        calls=tuple(_call(c, name) for c in file.tables("call")),
    )


def _call(table: Table, group: str) -> Call:
    about: dict[str, Any] = {
        **table.texts("name", "since", "convention", "profile", "result"), **table.numbers("number", "site"),
    }
    return Call(
        **about, group=group,
        arguments=tuple(Argument(**a.only("name", "type", "doc").texts("name", "type", "doc"))
                        for a in table.tables("arguments")),
        clobbers=table.strings("clobbers", ()), native=parts.native(table, "asm", "bytes", "call", "jump"),
        errors=table.strings("errors"), contract=parts.paragraph(table, "contract"),
    )
