# SPDX-License-Identifier: MIT
"""Reads an interface definition (a folder of TOML files) and checks that it is consistent."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from openvmi import resources
from openvmi.abi.model import (
    TYPES,
    Argument,
    Call,
    Convention,
    Enum,
    Field,
    Group,
    Interface,
    Native,
    Profile,
    Struct,
    Value,
)
from openvmi.abi.toml import Table, read
from openvmi.errors import AbiError, UsageError

CURRENT = "4.0"
_VERSION = re.compile(r"[0-9]+\.[0-9]+")
_FIELD_TYPE = re.compile(r"([ui](?:8|16|32|64))(?:\[(\d+)\])?")


def versions() -> list[str]:
    """Every version of the interface that is kept, oldest first."""
    found = [p.name for p in resources.abi_folder().iterdir()
             if _VERSION.fullmatch(p.name) and (p / "interface.toml").is_file()]
    return sorted(found, key=lambda name: tuple(map(int, name.split("."))))


@cache
def interface(version: str = CURRENT) -> Interface:
    """The definition of a released version.

    Raises :class:`UsageError` for a version that is not kept and :class:`AbiError` for a definition that is wrong.
    """
    if version not in versions():
        raise UsageError(f"there is no VMI {version}; known are {', '.join(versions())}")
    return load(resources.abi_folder() / version)


def load(folder: Path) -> Interface:
    """Reads and checks one definition folder. Raises :class:`AbiError` for whatever is wrong with it."""
    head = read(folder / "interface.toml")
    about = head.table("interface")
    names = head.table("conventions")
    result = Interface(
        **about.numbers("major", "minor"),
        architecture=about.get("architecture", str),
        argument_registers=about.strings("arguments"),
        result_register=about.get("result", str),
        conventions=tuple(
            Convention(name, c.strings("clobbers"), c.get("doc", str))
            for name, c in ((name, names.table(name)) for name in names.data)
        ),
        errors=_values(head, "error"),
        profiles=tuple(
            Profile(p.get("name", str), p.get("value", int), p.strings("groups"), p.get("doc", str))
            for p in head.tables("profile")
        ),
        enums=tuple(Enum(**e.texts("name", "prefix", "doc"), values=_values(e, "values")) for e in head.tables("enum")),
        constants=_values(head, "constant"),
        groups=tuple(_group(read(folder / f"{name}.toml")) for name in about.strings("groups")),
        structs=tuple(_struct(s) for s in read(folder / "layouts.toml").tables("struct")),
    )
    check(result, str(folder))
    return result


def _values(table: Table, key: str) -> tuple[Value, ...]:
    def value(v: Table) -> Value:
        return Value(v.get("name", str), v.get("value", int), v.get("doc", str))

    return tuple(value(v.only("name", "value", "doc")) for v in table.tables(key))


def _group(file: Table) -> Group:
    about = file.table("group")
    name = about.get("name", str)
    return Group(
        id=about.get("id", int), name=name, revision=about.get("revision", int),
        may_be_native=about.get("may_be_native", bool), tied=about.strings("tied"), doc=_paragraph(about, "doc"),
        calls=tuple(_call(c, name) for c in file.tables("call")),
    )


def _call(table: Table, group: str) -> Call:
    native = table.table("native").only("asm", "bytes", "call", "jump")
    try:
        code = bytes.fromhex(native.get("bytes", str, ""))
    except ValueError as error:
        raise AbiError(f"{table.file}: {native.where}.bytes: {error}") from error
    about: dict[str, Any] = {
        **table.texts("name", "since", "convention", "profile", "result"), **table.numbers("number", "site"),
    }
    return Call(
        **about, group=group,
        arguments=tuple(Argument(**a.only("name", "type", "doc").texts("name", "type", "doc"))
                        for a in table.tables("arguments")),
        clobbers=table.strings("clobbers", ()),
        native=Native(native.get("asm", str, None), code, native.get("call", str, None),
                      native.get("jump", str, None)),
        errors=table.strings("errors"), contract=_paragraph(table, "contract"),
    )


def _paragraph(table: Table, key: str) -> str:
    return " ".join(table.get(key, str).split())


def _struct(table: Table) -> Struct:
    fields = []
    for field in table.tables("fields"):
        kind = field.get("type", str)
        match = _FIELD_TYPE.fullmatch(kind)
        if not match:
            raise AbiError(f"{table.file}: {field.where}.type is {kind!r}; expected u8..u64, i8..i64 or type[n]")
        fields.append(Field(**field.texts("name", "doc"), offset=field.get("offset", int), type=match[1],
                            count=int(match[2] or 0)))
    return Struct(**table.texts("name", "doc"), size=table.get("size", int), fields=tuple(fields))


def check(abi: Interface, where: str = "definition") -> None:
    """Raises :class:`AbiError` naming the first rule of the interface that the definition breaks."""
    for problem in problems(abi):
        raise AbiError(f"{where}: {problem}")


def problems(abi: Interface):
    """Yields every broken rule as a sentence."""
    errors = {e.name for e in abi.errors}
    conventions = {c.name for c in abi.conventions}
    profiles = {p.name for p in abi.profiles}
    groups = {g.name: g for g in abi.groups}
    constants = {c.name: c.value for c in abi.constants}
    if "SITE_LIMIT" not in constants:
        yield "no constant SITE_LIMIT, the most bytes of any site"
        return
    numbers: dict[int, str] = {}
    names: set[str] = set()
    for group in abi.groups:
        for tied in group.tied:
            if tied not in groups or group.name not in groups[tied].tied:
                yield f"group {group.name} is tied to {tied}, which does not name it back"
        if [c.number for c in group.calls] != sorted(c.number for c in group.calls):
            yield f"group {group.name}: calls are not in the order of their numbers"
        for call in group.calls:
            if call.number in numbers or call.name in names:
                yield f"{call.name}: name or number {call.number:#06x} is used twice"
            numbers[call.number] = call.name
            names.add(call.name)
            if call.number >> 8 != group.id:
                yield f"{call.name}: number {call.number:#06x} is not in group {group.id:#04x}"
            if call.convention not in conventions or call.profile not in profiles:
                yield f"{call.name}: unknown convention {call.convention!r} or profile {call.profile!r}"
            if call.native.size != call.site or call.site > constants["SITE_LIMIT"]:
                yield (f"{call.name}: a site of {call.site} bytes with {call.native.size} native ones; they must fill "
                       f"it, and there are at most {constants['SITE_LIMIT']}")
            if unknown := set(call.errors) - errors:
                yield f"{call.name}: unknown errors {sorted(unknown)}"
            if len(call.arguments) > len(abi.argument_registers):
                yield f"{call.name}: more arguments than registers"
            for kind in [a.type for a in call.arguments] + [call.result]:
                if kind not in TYPES:
                    yield f"{call.name}: unknown type {kind!r}"
    for profile in abi.profiles:
        for name in profile.groups:
            if name not in groups:
                yield f"profile {profile.name}: unknown group {name}"
    for struct in abi.structs:
        end = 0
        for field in struct.fields:
            if field.offset != end or field.offset % field.width:
                yield f"{struct.name}.{field.name}: offset {field.offset}, expected {end}, aligned to {field.width}"
            end = field.offset + field.size
        if end != struct.size:
            yield f"{struct.name}: size {struct.size}, but the fields end at {end}"
