# SPDX-License-Identifier: MIT
"""Reads an interface definition (a folder of TOML files) and checks that it is consistent."""

from __future__ import annotations

import re
import tomllib
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
from openvmi.errors import AbiError, UsageError

CURRENT = "4.0"
_FIELD_TYPE = re.compile(r"([ui](?:8|16|32|64))(?:\[(\d+)\])?")


def versions() -> list[str]:
    """Every version of the interface that is kept, oldest first."""
    found = [p.name for p in resources.abi_folder().iterdir() if (p / "interface.toml").is_file()]
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
    """Reads and checks one definition folder."""
    head = _read(folder / "interface.toml")
    about = head["interface"]
    result = Interface(
        major=about["major"],
        minor=about["minor"],
        architecture=about["architecture"],
        argument_registers=tuple(about["arguments"]),
        result_register=about["result"],
        conventions=tuple(
            Convention(name, tuple(c["clobbers"]), c["doc"]) for name, c in head["conventions"].items()
        ),
        errors=tuple(Value(**e) for e in head["error"]),
        profiles=tuple(Profile(p["name"], p["value"], tuple(p["groups"]), p["doc"]) for p in head["profile"]),
        enums=tuple(
            Enum(e["name"], e["prefix"], e["doc"], tuple(Value(**v) for v in e["values"])) for e in head["enum"]
        ),
        constants=tuple(Value(**c) for c in head["constant"]),
        groups=tuple(_group(_read(folder / f"{name}.toml")) for name in about["groups"]),
        structs=tuple(_struct(s) for s in _read(folder / "layouts.toml")["struct"]),
    )
    check(result, str(folder))
    return result


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise AbiError(f"{path}: {error.strerror}; an interface definition has this file") from error
    except tomllib.TOMLDecodeError as error:
        raise AbiError(f"{path}: not TOML: {error}") from error


def _group(data: dict[str, Any]) -> Group:
    about = data["group"]
    return Group(
        id=about["id"], name=about["name"], revision=about["revision"], may_be_native=about["may_be_native"],
        tied=tuple(about["tied"]), doc=" ".join(about["doc"].split()),
        calls=tuple(_call(c, about["name"]) for c in data["call"]),
    )


def _call(data: dict[str, Any], group: str) -> Call:
    native = data["native"]
    return Call(
        name=data["name"], number=data["number"], group=group, since=data["since"],
        convention=data["convention"], profile=data["profile"],
        arguments=tuple(Argument(**a) for a in data["arguments"]), result=data["result"],
        clobbers=tuple(data.get("clobbers", ())), site=data["site"],
        native=Native(native.get("asm"), bytes.fromhex(native.get("bytes", "")), native.get("call"),
                      native.get("jump")),
        errors=tuple(data["errors"]), contract=" ".join(data["contract"].split()),
    )


def _struct(data: dict[str, Any]) -> Struct:
    fields = []
    for field in data["fields"]:
        match = _FIELD_TYPE.fullmatch(field["type"])
        if not match:
            raise AbiError(f"{data['name']}.{field['name']}: type {field['type']!r}; "
                           "expected u8..u64, i8..i64 or type[n]")
        fields.append(Field(field["name"], field["offset"], match[1], int(match[2] or 0), field["doc"]))
    return Struct(data["name"], data["doc"], data["size"], tuple(fields))


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
            if not call.native.size <= call.site <= min(call.native.size + 15, constants["SITE_LIMIT"]):
                yield (f"{call.name}: a site of {call.site} bytes for {call.native.size} native ones; "
                       "at most one NOP (15 bytes) may pad it")
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
