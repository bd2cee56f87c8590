# SPDX-License-Identifier: MIT
"""What a ROM may answer to which call, so that a client neither stops nor loses its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from openvmi.abi.classic import ANSWERS, RESULTS, WHOLE, Call, Relocation

_NONE, _CALL, _JUMP, _NOP = Relocation.NONE, Relocation.CALL_REL, Relocation.JUMP_REL, Relocation.NOP


def broken(answers: Mapping[int, int]) -> Iterator[tuple[str, str]]:
    """Every rule that the answers, type by call number, break: what was found, what is expected.

    A number that is missing is as NONE.
    """
    for call, allowed in ANSWERS.items():
        kind = answers.get(call, _NONE)
        if kind not in allowed:
            name = Relocation(kind).name if kind in set(Relocation) else f"type {kind}"
            yield f"{name} for {call.name}", " or ".join(found.name for found in allowed) + _why(call, kind)
    for group, calls in WHOLE.items():
        there = [call for call in calls if answers.get(call, _NONE) == _CALL]
        if there and len(there) < len(calls):
            missing = ", ".join(call.name for call in calls if call not in there)
            yield (f"{there[0].name} without {missing}",
                   f"CALL_REL for all calls of the group {group} or for none: clients call them without asking")


def _why(call: Call, kind: int) -> str:
    if _NONE not in ANSWERS[call]:
        return ": clients have no native form of it to keep"
    if kind == _JUMP:
        return ": only IRET and SYSEXIT do not return"
    return ": it has a result" if kind == _NOP and call in RESULTS else ""
