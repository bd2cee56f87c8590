# SPDX-License-Identifier: MIT
"""A sequence in the model: which of its operations the contract speaks of, and whether what was seen is permitted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import field, frozen

from openvmi.conformance.model.base import Outside
from openvmi.conformance.model.choice import Choices, explore
from openvmi.conformance.model.machine import Machine
from openvmi.conformance.model.state import State
from openvmi.conformance.model.wanted import Want
from openvmi.conformance.sequence import Operation, Sequence, Token

STATES = 64  #: that the model may be in at a time; an operation that would lead to more is left out


@frozen
class Divergence:
    """What was observed and the contract does not permit."""

    step: int  #: number of the operation; that of the last + 1: the memory at the end
    operation: Operation | None
    observed: str
    expected: tuple[str, ...]  #: at the first token that nothing fits; what is before it is permitted
    wanted: tuple[Want, ...] = ()  #: the same, where that is what could have been observed
    token: Token | None = None  #: that token; None: there is none
    memories: tuple[dict[int, int], ...] = field(default=(), eq=False, repr=False)  #: that may be there at the end


def step(states: list[State], one: Operation, observed: list[Token] | None,
         missed: dict[int, set[Want]] | None = None) -> list[State]:
    """The states after an operation, each once. :class:`Outside` when it must not be tried in one of them."""
    found: dict[tuple[object, ...], State] = {}

    def miss(position: int, wanted: Want) -> None:
        if missed is not None:
            missed.setdefault(position, set()).add(wanted)

    for state in states:
        for after in explore(partial(_perform, state, one, observed, miss)):
            found.setdefault(after.key(), after)
            if len(found) > STATES:
                raise Outside("too many possibilities")
    return list(found.values())


def _perform(state: State, one: Operation, observed: list[Token] | None, miss: Callable[[int, Want], None],
             choices: Choices) -> State:
    return Machine(state.copy(), choices, observed, miss).perform(one)


def legal(sequence: Sequence) -> Sequence:
    """The operations of which the contract says what happens, after those before them."""
    states, kept = [State()], []
    for one in sequence:
        try:
            states = step(states, one, None)
        except Outside:
            continue
        kept.append(one)
    return tuple(kept)


def compare(sequence: Sequence, observed: list[Token]) -> Divergence | None:
    """None when the model could have done the same. The sequence is a legal one."""
    states, at = [State()], 0
    for number, one in enumerate(sequence):
        end = next((i + 1 for i in range(at, len(observed)) if observed[i].letter == ";"), None)
        if end is None:
            return Divergence(number, one, _text(observed[at:]), ("the operation is done",))
        missed: dict[int, set[Want]] = {}
        try:
            states = step(states, one, observed[at:end], missed)
        except Outside as outside:
            silent = f"something else: now the contract is silent, {outside}"
            return Divergence(number, one, _text(observed[at:end]), (silent,))
        if not states:
            return _divergence(number, one, observed[at:end], missed)
        at = end
    missed, rest = {}, observed[at:]
    memories: list[dict[int, int]] = []
    if any(any(explore(partial(_finish, state, rest, missed, memories))) for state in states):
        return None
    return _divergence(len(sequence), None, rest, missed, memories)


def _divergence(step: int, one: Operation | None, observed: list[Token], missed: dict[int, set[Want]],
                memories: list[dict[int, int]] | None = None) -> Divergence:
    furthest = max(missed)
    wanted = tuple(sorted(missed[furthest], key=str))
    token = observed[furthest] if furthest < len(observed) else None
    return Divergence(step, one, _text(observed), tuple(map(str, wanted)), wanted, token, tuple(memories or ()))


def _finish(state: State, observed: list[Token], missed: dict[int, set[Want]], memories: list[dict[int, int]],
            choices: Choices) -> bool:
    """The guest disables interrupts, before which an event may come, leaves lazy mode and tells the hash."""
    machine = Machine(state.copy(), choices, observed,
                      lambda position, wanted: missed.setdefault(position, set()).add(wanted))
    machine.deliver()
    machine.all_updates()
    if len(memories) < STATES:
        memories.append(machine.state.told())
    machine.say("D", machine.state.hash())
    machine.say("W", machine.state.written)
    return True


def _text(tokens: list[Token]) -> str:
    return " ".join(map(str, tokens))
