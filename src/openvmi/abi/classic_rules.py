# SPDX-License-Identifier: MIT
"""The rules that the definition of a classic interface (VMI 3.x) follows.

The numbers here are literal on purpose: they are what clients of twenty years ago have compiled in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from openvmi.abi.classic_model import (
    ANSWERS,
    ARGUMENT_PLACES,
    RESULT_PLACES,
    ClassicCall,
    ClassicInterface,
    Operand,
)
from openvmi.abi.parts import struct_problems

#: IRET and SYSEXIT do not return, and a client has no native form of them to keep.
_LEAVING = {33, 34}
#: Clients ask for one call of each of these sets and then make the others without asking.
_WHOLE = {frozenset({39, 41}), frozenset({66, 67, 68, 69, 70})}
_CALL_LIMIT = 1024
_SIZES = {"header": 144, "pci": 24, "pnp": 18, "ap_state": 92}


def problems(abi: ClassicInterface) -> Iterator[str]:
    """Yields every broken rule as a sentence."""
    yield from _number_problems(abi)
    for call in abi.calls:
        yield from _call_problems(call, abi)
    whole = {frozenset(c.number for c in group.calls) for group in abi.groups if group.whole}
    if whole != _WHOLE:
        yield f"whole groups are those of {_sets(whole)}; expected {_sets(_WHOLE)}"
    for group in abi.groups:
        for call in group.calls:
            if group.whole and set(call.answers) != {"none", "call"}:
                yield f"{call.name}: group {group.name} is whole, so that clients take none and call only"
    yield from struct_problems(abi.structs)
    if (sizes := {s.name: s.size for s in abi.structs}) != _SIZES:
        yield f"structures are {sizes}; expected {_SIZES}"
    offsets = {f.name: f.offset for s in abi.structs if s.name == "header" for f in s.fields}
    for entry in abi.entries:
        if offsets.get(entry.name) != entry.offset:
            yield f"{entry.name}: offset {entry.offset}, in the header {offsets.get(entry.name)}"
        yield from _operand_problems(entry.name, entry.arguments, entry.results)


def _number_problems(abi: ClassicInterface) -> Iterator[str]:
    if not 0 <= abi.call_count <= _CALL_LIMIT:
        yield f"{abi.call_count} calls; expected at most {_CALL_LIMIT}"
        return
    numbers = Counter(c.number for c in abi.calls)
    for name, count in Counter(c.name for c in abi.calls).items():
        if count > 1:
            yield f"{name}: the name is used {count} times"
    for number in sorted({*range(abi.call_count), *numbers}):
        if numbers[number] != 1 or number not in range(abi.call_count):
            yield f"number {number} is used {numbers[number]} times; expected each of 0 to {abi.call_count - 1} once"
    for group in abi.groups:
        if [c.number for c in group.calls] != sorted(c.number for c in group.calls):
            yield f"group {group.name}: calls are not in the order of their numbers"


def _call_problems(call: ClassicCall, abi: ClassicInterface) -> Iterator[str]:
    if call.convention not in {c.name for c in abi.conventions}:
        yield f"{call.name}: unknown convention {call.convention!r}"
    if not set(call.uses) <= {u.name for u in abi.uses}:
        yield f"{call.name}: uses {list(call.uses)}; expected some of {[u.name for u in abi.uses]}"
    if bool(call.native.asm) != bool(call.native.code):
        yield f"{call.name}: a native form has text and bytes, or both are empty"
    answers = set(call.answers)
    if len(answers) < len(call.answers) or not answers <= set(ANSWERS):
        yield f"{call.name}: answers {list(call.answers)}; expected some of {list(ANSWERS)}, each once"
    leaving = call.number in _LEAVING
    if (call.convention == "noreturn") != leaving:
        yield f"{call.name}: convention {call.convention}; IRET and SYSEXIT do not return, all others do"
    if leaving and answers != {"call", "jump"}:
        yield f"{call.name}: answers {list(call.answers)}; clients have no native form of it to keep: call and jump"
    if not leaving and ("jump" in answers or not {"none", "call"} <= answers):
        yield f"{call.name}: answers {list(call.answers)}; clients take none and call for it, and never jump"
    if call.results and "nop" in answers:
        yield f"{call.name}: nop for a call with a result"
    yield from _operand_problems(call.name, call.arguments, call.results)


def _operand_problems(name: str, arguments: Sequence[Operand], results: Sequence[Operand]) -> Iterator[str]:
    for operands, places in ((arguments, ARGUMENT_PLACES), (results, RESULT_PLACES)):
        registers = [o.register for o in operands]
        if len(set(registers)) < len(registers) or not set(registers) <= set(places):
            yield f"{name}: operands in {registers}; expected {', '.join(places)}, each once at most"


def _sets(sets: set[frozenset[int]]) -> list[list[int]]:
    return sorted(sorted(numbers) for numbers in sets)
