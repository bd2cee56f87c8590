# SPDX-License-Identifier: MIT
"""What definitions of every generation have in common: reading it, and the rules for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from openvmi.abi.model import Convention, Enum, Field, Native, Struct, Value
from openvmi.abi.toml import Table, read
from openvmi.errors import AbiError

_FIELD_TYPE = re.compile(r"([ui](?:8|16|32|64))(?:\[([0-9]{1,5})\])?")
_FILE_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_STRUCT_LIMIT = 1 << 16  #: bytes
_GROUP_LIMIT = 64


def conventions(head: Table) -> tuple[Convention, ...]:
    """The tables `conventions.NAME`."""
    names = head.table("conventions")
    tables = {name: names.table(name) for name in names.data}
    return tuple(Convention(name, c.strings("clobbers"), c.get("doc", str)) for name, c in tables.items())


def values(table: Table, key: str) -> tuple[Value, ...]:
    """A list of named numbers."""
    def value(v: Table) -> Value:
        return Value(v.get("name", str), v.get("value", int), v.get("doc", str))

    return tuple(value(v.only("name", "value", "doc")) for v in table.tables(key))


def enums(head: Table) -> tuple[Enum, ...]:
    """The tables `[[enum]]`."""
    return tuple(Enum(**e.texts("name", "prefix", "doc"), values=values(e, "values")) for e in head.tables("enum"))


def native(call: Table, *keys: str) -> Native:
    """A call's native form, which has some of these keys: asm, bytes, call, jump."""
    table = call.table("native").only(*keys)
    try:
        code = bytes.fromhex(table.get("bytes", str, ""))
    except ValueError as error:
        raise AbiError(f"{table.file}: {table.where}.bytes: {error}") from error
    return Native(table.get("asm", str, None), code, table.get("call", str, None), table.get("jump", str, None))


def groups(folder: Path, about: Table) -> Iterator[Table]:
    """The files of the groups that `interface.groups` names."""
    names = about.strings("groups")
    if len(names) > _GROUP_LIMIT or len(set(names)) < len(names):
        raise AbiError(f"{about.file}: {about.where}.groups has {len(names)} names, {len(set(names))} of them"
                       f" different; expected each once, and at most {_GROUP_LIMIT}")
    for name in names:
        if not _FILE_NAME.fullmatch(name):
            raise AbiError(f"{about.file}: {about.where}.groups has {name!r:.40}; expected small letters, digits and _")
        yield read(folder / f"{name}.toml")


def paragraph(table: Table, key: str) -> str:
    """A text whose line breaks mean nothing."""
    return " ".join(table.get(key, str).split())


def structs(folder: Path) -> tuple[Struct, ...]:
    """The structures in layouts.toml."""
    return tuple(_struct(s) for s in read(folder / "layouts.toml").tables("struct"))


def _struct(table: Table) -> Struct:
    fields = []
    for field in table.tables("fields"):
        kind = field.get("type", str)
        match = _FIELD_TYPE.fullmatch(kind)
        if not match:
            raise AbiError(f"{table.file}: {field.where}.type is {kind!r:.40}; expected u8..u64, i8..i64 or type[n]")
        fields.append(Field(**field.texts("name", "doc"), offset=field.get("offset", int), type=match[1],
                            count=int(match[2] or 0)))
    return Struct(**table.texts("name", "doc"), size=table.get("size", int), fields=tuple(fields))


def struct_problems(structs: tuple[Struct, ...]) -> Iterator[str]:
    """Fields follow each other without a gap up to the size."""
    for struct in structs:
        if struct.size > _STRUCT_LIMIT:
            yield f"{struct.name}: size {struct.size}, expected at most {_STRUCT_LIMIT}"
        end = 0
        for field in struct.fields:
            if field.offset != end:
                yield f"{struct.name}.{field.name}: offset {field.offset}, expected {end}"
            end = field.offset + field.size
        if end != struct.size:
            yield f"{struct.name}: size {struct.size}, but the fields end at {end}"
