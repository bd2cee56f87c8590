# SPDX-License-Identifier: MIT
"""The rules that the definition of an interface with sites (VMI 4.x) follows."""

from __future__ import annotations

from collections.abc import Iterator

from openvmi.abi.model import BRANCH, LONGEST, NO_PROFILE, TYPES, Call, Group, Interface
from openvmi.abi.parts import struct_problems

_LAST_GROUP = 0xFF  # a call's number is 16 bits, the upper 8 its group's


def problems(abi: Interface) -> Iterator[str]:
    """Yields every broken rule as a sentence."""
    constants = {c.name: c.value for c in abi.constants}
    if "SITE_LIMIT" not in constants:
        yield "no constant SITE_LIMIT, the most bytes of any site"
        return
    groups = {g.name: g for g in abi.groups}
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
            yield from _call_problems(call, abi, constants["SITE_LIMIT"])
        yield from _profile_problems(group, abi)
    yield from _range_problems(abi)
    for profile in abi.profiles:
        for name in profile.groups:
            if name not in groups:
                yield f"profile {profile.name}: unknown group {name}"
    yield from struct_problems(abi.structs)
    for struct in abi.structs:
        for field in struct.fields:
            if field.offset % field.width:
                yield f"{struct.name}.{field.name}: offset {field.offset} is not aligned to {field.width}"


def _range_problems(abi: Interface) -> Iterator[str]:
    """Two ranges of numbers of groups are somebody else's, each given by its first and last."""
    ranges = {"vendor_groups": abi.vendor_groups, "experimental_groups": abi.experimental_groups}
    taken: dict[int, str] = {}
    for name, numbers in ranges.items():
        if numbers and (len(numbers) != 2 or not 0 <= numbers[0] <= numbers[1] <= _LAST_GROUP):
            yield f"{name} is {list(numbers)}; expected the first and the last number, at most {_LAST_GROUP:#x}"
            continue
        for number in range(numbers[0], numbers[1] + 1) if numbers else ():
            if (other := taken.setdefault(number, name)) != name:
                yield f"{name} and {other} both have {number:#04x}"
                break
    for group in abi.groups:
        if group.id in taken:
            yield f"group {group.name}: number {group.id:#04x} is of {taken[group.id]}"


def _call_problems(call: Call, abi: Interface, site_limit: int) -> Iterator[str]:
    if call.convention not in {c.name for c in abi.conventions}:
        yield f"{call.name}: unknown convention {call.convention!r}"
    if call.native.target and not BRANCH <= call.site <= LONGEST:
        yield (f"{call.name}: a site of {call.site} bytes, and a call or jump has {BRANCH}, with prefixes at most "
               f"{LONGEST}")
    if (size := len(call.native.fill(call.site))) != call.site or call.site > site_limit:
        yield (f"{call.name}: a site of {call.site} bytes with {size} native ones; they must fill it, and there are at "
               f"most {site_limit}")
    if unknown := set(call.errors) - {e.name for e in abi.errors}:
        yield f"{call.name}: unknown errors {sorted(unknown)}"
    if len(call.arguments) > len(abi.argument_registers):
        yield f"{call.name}: more arguments than registers"
    for kind in [a.type for a in call.arguments] + [call.result]:
        if kind not in TYPES:
            yield f"{call.name}: unknown type {kind!r}"


def _profile_problems(group: Group, abi: Interface) -> Iterator[str]:
    """A call names the smallest profile that has its group, or a larger one; none where there is none."""
    having = [p.name for p in abi.profiles if group.name in abi.profile_groups(p.name)] or [NO_PROFILE]
    for call in group.calls:
        if call.profile not in having:
            yield f"{call.name}: profile {call.profile!r}; its group is in {', '.join(having)}"
