# SPDX-License-Identifier: MIT
"""Compares two versions of an interface with sites (VMI 4.x), part by part. Structures are in diff_layouts.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from openvmi.abi import load
from openvmi.abi.compat import Difference, Finding, Rule, Verdict, broken, extended, harmless, reworded
from openvmi.abi.diff_layouts import structs
from openvmi.abi.model import Call, Convention, Group, Interface, Native, Profile, Value
from openvmi.errors import UsageError

_Part = TypeVar("_Part", Call, Convention, Group, Profile)


def find(name: str) -> Interface:
    """A version by its number, or by the folder of a definition. :class:`UsageError` for what is neither."""
    if not name:
        raise UsageError("an empty name, and expected a version or a folder with a definition; . is this folder")
    folder = name not in load.versions() and Path(name).is_dir()
    found = load.load(Path(name)) if folder else load.definition(name)
    if not isinstance(found, Interface):
        raise UsageError(f"{name} is a classic interface, which ended with its one version; versions from 4.0 on can "
                         "be compared")
    return found


def compare(older: Interface, newer: Interface) -> Difference:
    """What `newer` is to those who know `older`."""
    findings: list[Finding] = []
    if (older.major, older.architecture) != (newer.major, newer.architecture):
        findings.append(broken(Rule.KEPT, "interface", f"{_title(older)} and {_title(newer)} are two interfaces; "
                               "one that speaks the first cannot speak the second"))
    else:
        findings += _parts(older, newer)
        findings += _version(older, newer, findings)
    return Difference(older.version, newer.version, tuple(findings))


def _title(abi: Interface) -> str:
    return f"VMI {abi.major} for {abi.architecture}"


def _parts(older: Interface, newer: Interface) -> Iterator[Finding]:
    yield from _registers(older, newer)
    yield from _ranges(older, newer)
    yield from _conventions(older, newer)
    yield from _values("error", older.errors, newer.errors)
    yield from _profiles(older, newer)
    for name, (old, new) in _pairs(older.enums, newer.enums).items():
        if old is None or new is None:
            yield _came_or_went(f"enumeration {name}", new is not None)
            continue
        yield from reworded(f"enumeration {name}", old.doc, new.doc)
        if old.prefix != new.prefix:
            yield harmless(f"enumeration {name}", f"begins with {new.prefix} in C, and began with {old.prefix}")
        yield from _values(name, old.values, new.values)
    yield from _values("constant", older.constants, newer.constants, one_each=False)
    yield from _groups(older, newer)
    yield from _calls(older, newer)
    yield from structs(older.structs, newer.structs)


def _version(older: Interface, newer: Interface, findings: Sequence[Finding]) -> Iterator[Finding]:
    if newer.minor < older.minor:
        yield broken(Rule.VERSION, "interface", f"{newer.version} is older than {older.version}; name the older one "
                     "first")
    elif newer.minor == older.minor and any(finding.verdict is Verdict.EXTENDED for finding in findings):
        yield broken(Rule.VERSION, "interface", f"has something new, and both are {older.version}")


# ---- names with numbers ----

def _pairs(old: Sequence[Any], new: Sequence[Any]) -> dict[str, tuple[Any, Any]]:
    """Both of each name; None where one has none."""
    before, after = ({part.name: part for part in parts} for parts in (old, new))
    return {name: (before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])}


def _common(old: Sequence[_Part], new: Sequence[_Part]) -> Iterator[tuple[_Part, _Part]]:
    return (pair for pair in _pairs(old, new).values() if None not in pair)


def _by(number: str, parts: Sequence[_Part] | Sequence[Value]) -> dict[str, int]:
    """The numbers of parts, by name."""
    return {part.name: getattr(part, number) for part in parts}


def _came_or_went(where: str, came: bool) -> Finding:
    return extended(where, "is new") if came else broken(Rule.KEPT, where, "is gone")


def _numbers(kind: str, old: dict[str, int], new: dict[str, int], form: str = "d", one_each: bool = True,
             ) -> Iterator[Finding]:
    """Names and the numbers that they stand for; `one_each`: two names never have the same."""
    owners = {number: name for name, number in new.items()} if one_each else {}
    for name, number in old.items():
        owner = owners.get(number, name)
        if name not in new:
            yield (broken(Rule.NUMBER, f"{kind} {name}", f"{number:{form}} belongs to {owner} now") if owner != name
                   else broken(Rule.KEPT, f"{kind} {name}", "is gone"))
        elif new[name] != number:
            yield broken(Rule.NUMBER, f"{kind} {name}", f"was {number:{form}} and is {new[name]:{form}}")
    known = set(old.values()) if one_each else set()
    for name, number in new.items():
        if name not in old and number not in known:
            yield extended(f"{kind} {name}", f"is new, {number:{form}}")


def _values(kind: str, old: Sequence[Value], new: Sequence[Value], one_each: bool = True) -> Iterator[Finding]:
    yield from _numbers(kind, _by("value", old), _by("value", new), one_each=one_each)
    for name, (one, other) in _pairs(old, new).items():
        if one and other:
            yield from reworded(f"{kind} {name}", one.doc, other.doc)


# ---- registers ----

def _registers(older: Interface, newer: Interface) -> Iterator[Finding]:
    old, new = older.argument_registers, newer.argument_registers
    if new[:len(old)] != old:
        yield broken(Rule.REGISTERS, "interface", f"arguments were in {', '.join(old)} and are in {', '.join(new)}")
    elif new != old:
        yield extended("interface", f"more arguments: {', '.join(new[len(old):])}")
    if older.result_register != newer.result_register:
        yield broken(Rule.REGISTERS, "interface", f"the result was in {older.result_register} and is in "
                     f"{newer.result_register}")


def _conventions(older: Interface, newer: Interface) -> Iterator[Finding]:
    for name, (old, new) in _pairs(older.conventions, newer.conventions).items():
        where = f"convention {name}"
        if old is None or new is None:
            yield _came_or_went(where, new is not None)
            continue
        yield from _clobbers(where, old.clobbers, new.clobbers)
        yield from reworded(where, old.doc, new.doc)


def _clobbers(where: str, old: Sequence[str], new: Sequence[str]) -> Iterator[Finding]:
    if more := sorted(set(new) - set(old)):
        yield broken(Rule.REGISTERS, where, f"{', '.join(more)} was preserved and is not")
    if fewer := sorted(set(old) - set(new)):
        yield extended(where, f"{', '.join(fewer)} is preserved now")


# ---- profiles and groups ----

def _ranges(older: Interface, newer: Interface) -> Iterator[Finding]:
    """Whose numbers are whose. None may be given away later: the interface has them for groups of its own."""
    for what, old, new in (("vendors", older.vendor_groups, newer.vendor_groups),
                           ("experiments", older.experimental_groups, newer.experimental_groups)):
        if old != new:
            yield broken(Rule.NUMBER, f"groups of {what}", f"were {_range(old)} and are {_range(new)}")


def _range(numbers: tuple[int, ...]) -> str:
    return " to ".join(f"{number:#04x}" for number in numbers) or "none"


def _profiles(older: Interface, newer: Interface) -> Iterator[Finding]:
    yield from _numbers("profile", _by("value", older.profiles), _by("value", newer.profiles))
    for old, new in _common(older.profiles, newer.profiles):
        where = f"profile {old.name}"
        before, after = (abi.profile_groups(old.name) for abi in (older, newer))
        if lost := [group for group in before if group not in after]:
            yield broken(Rule.PROFILE, where, f"{', '.join(lost)} is no longer in it")
        if gained := [group for group in after if group not in before]:
            yield extended(where, f"{', '.join(gained)} is in it now")
        yield from reworded(where, old.doc, new.doc)


def _groups(older: Interface, newer: Interface) -> Iterator[Finding]:
    yield from _numbers("group", _by("id", older.groups), _by("id", newer.groups), "#04x")
    for old, new in _common(older.groups, newer.groups):
        where = f"group {old.name}"
        added = [call.name for call in new.calls if call.name not in {c.name for c in old.calls}]
        if new.revision < old.revision:
            yield broken(Rule.REVISION, where, f"goes back from revision {old.revision} to {new.revision}")
        elif new.revision > old.revision:
            yield extended(where, f"revision {new.revision}, was {old.revision}")
        elif added:
            yield broken(Rule.REVISION, where, f"has {', '.join(added)} as well, and still revision {old.revision}")
        if old.may_be_native and not new.may_be_native:
            yield broken(Rule.NATIVE, where, "could be left native and cannot any more")
        elif new.may_be_native and not old.may_be_native:
            yield extended(where, "may be left native now")
        if more := [name for name in new.tied if name not in old.tied]:
            yield broken(Rule.NATIVE, where, f"can be native only together with {', '.join(more)} now")
        elif new.tied != old.tied:
            yield extended(where, f"is tied to {', '.join(new.tied) or 'no group'} now, "
                           f"and was to {', '.join(old.tied)}")
        yield from reworded(where, old.doc, new.doc)


# ---- calls ----

def _calls(older: Interface, newer: Interface) -> Iterator[Finding]:
    yield from _numbers("call", _by("number", older.calls), _by("number", newer.calls), "#06x")
    known = {call.name for call in older.calls}
    for call in newer.calls:
        if call.name not in known and call.since != newer.version:
            yield broken(Rule.VERSION, f"call {call.name}", f"is new in {newer.version} and says since {call.since}")
    ranks = {profile.name: profile.value for profile in older.profiles}
    last = max(ranks.values(), default=0) + 1  # of one that is new, and of none
    for old, new in _common(older.calls, newer.calls):
        where = f"call {old.name}"
        yield from _call(where, old, new)
        if (before := ranks.get(old.profile, last)) != (after := ranks.get(new.profile, last)):
            what = f"was in profile {old.profile} and is in {new.profile}"
            yield broken(Rule.PROFILE, where, what) if after > before else extended(where, what)


def _call(where: str, old: Call, new: Call) -> Iterator[Finding]:
    if old.since != new.since:
        yield broken(Rule.VERSION, where, f"said since {old.since} and says {new.since}")
    for what, before, after in (
        ("convention", old.convention, new.convention),
        ("arguments", _arguments(old), _arguments(new)),
        ("result", old.result, new.result),
        ("site", f"{old.site} bytes", f"{new.site} bytes"),
        ("native form", _native(old.native), _native(new.native)),
    ):
        if before != after:
            yield broken(Rule.CALL, where, f"{what}: was {before} and is {after}")
    yield from _clobbers(where, old.clobbers, new.clobbers)
    if more := [error for error in new.errors if error not in old.errors]:
        yield broken(Rule.ERRORS, where, f"may answer {', '.join(more)} now")
    if fewer := [error for error in old.errors if error not in new.errors]:
        yield extended(where, f"does not answer {', '.join(fewer)} any more")
    yield from reworded(where, old.contract, new.contract)
    if _arguments(old) == _arguments(new):
        for one, other in zip(old.arguments, new.arguments, strict=True):
            yield from reworded(f"{where}, {one.name}", f"{one.name}: {one.doc}", f"{other.name}: {other.doc}")
    if old.native.target != new.native.target and _native(old.native) == _native(new.native):
        yield harmless(where, f"the native form is {new.native.target} and was {old.native.target}: libvmi's own name")
    if old.native.asm != new.native.asm and old.native.code == new.native.code:
        yield harmless(where, "the native form is written otherwise, and the same bytes")


def _arguments(call: Call) -> str:
    return f"({', '.join(argument.type for argument in call.arguments)})"


def _native(native: Native) -> str:
    """What stands in the site: the name of a function in libvmi does not."""
    return "a call" if native.call else "a jump" if native.jump else native.code.hex(" ") or "nothing"
