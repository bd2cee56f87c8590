# SPDX-License-Identifier: MIT
"""Compares the binary structures of two versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from openvmi.abi.compat import Finding, Rule, broken, extended, reworded
from openvmi.abi.model import Field, Struct

_SIZE = "size"  #: a structure with this member says by itself how long it is
_RESERVED = "reserved"  #: members whose name begins so are 0, and what they become is new


def structs(old: Sequence[Struct], new: Sequence[Struct]) -> Iterator[Finding]:
    """Every difference between the structures of two versions."""
    before, after = ({struct.name: struct for struct in part} for part in (old, new))
    for name, struct in before.items():
        if name in after:
            yield from _struct(struct, after[name])
        else:
            yield broken(Rule.KEPT, f"structure {name}", "is gone")
    for name in after:
        if name not in before:
            yield extended(f"structure {name}", "is new")


def _struct(old: Struct, new: Struct) -> Iterator[Finding]:
    where = f"structure {old.name}"
    fields = {field.name: field for field in new.fields}
    for field in old.fields:
        if field.name.startswith(_RESERVED):
            continue
        if (found := fields.get(field.name)) is None:
            yield broken(Rule.LAYOUT, where, f"{field.name} is gone")
        elif _place(found) != _place(field):
            yield broken(Rule.LAYOUT, where, f"{field.name} was {_place(field)} and is {_place(found)}")
        else:
            yield from reworded(f"{where}, {field.name}", field.doc, found.doc)
    known = {field.name for field in old.fields}
    free = {byte for other in old.fields if other.name.startswith(_RESERVED)
            for byte in range(other.offset, other.offset + other.size)}
    for field in new.fields:
        if field.name in known or field.name.startswith(_RESERVED):
            continue
        if field.offset >= old.size or free.issuperset(range(field.offset, field.offset + field.size)):
            yield extended(where, f"{field.name} is new, {_place(field)}")
        else:
            yield broken(Rule.LAYOUT, where, f"{field.name} is where something else was, {_place(field)}")
    if new.size < old.size or (new.size > old.size and _SIZE not in {field.name for field in old.fields}):
        yield broken(Rule.LAYOUT, where, f"had {old.size} bytes and has {new.size}"
                     + ("" if new.size < old.size else f", and no member {_SIZE} by which the other side could know"))
    elif new.size > old.size:
        yield extended(where, f"has {new.size} bytes, had {old.size}")
    yield from reworded(where, old.doc, new.doc)


def _place(field: Field) -> str:
    return f"{field.type}{f'[{field.count}]' if field.count else ''} at {field.offset}"
