# SPDX-License-Identifier: MIT
"""Sequences on hypervisors against the model: made by hypothesis, compared, and made small when they differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import Protocol

from attrs import evolve, frozen

from openvmi.conformance.fuzz_places import GUEST, Log, Place, look, run_all
from openvmi.conformance.fuzz_words import differs, permitted
from openvmi.conformance.model.compare import Divergence, compare, legal
from openvmi.conformance.sequence import COUNT, Sequence, Values, show, to_json
from openvmi.errors import OpenVmiError, UnavailableError

_ROUND = 400  #: sequences of one boot
_SHRINKS, _PATIENCE = 120, 60.0  #: boots and seconds that making one divergence small may take, about
_HISTORY = 32  #: sequences before one that are tried with it


@frozen
class Finding:
    """A place does what the contract does not permit: in the last of these sequences, alone if there is only one."""

    place: Place
    sequences: tuple[Sequence, ...]
    divergence: Divergence | None  #: None: only `ended`
    ended: str  #: how the guest ended too early
    differs: tuple[str, ...] = ()  #: in words; see :func:`explained`
    permitted: tuple[str, ...] = ()  #: by the model instead

    @property
    def signature(self) -> tuple[object, ...]:
        """The same for what is likely the same mistake."""
        found = self.divergence
        if not found:
            return (self.place, self.ended)
        one = found.operation
        shape = "".join(char for char in found.observed if char.isupper())
        return (self.place, one and one.op, one and one.number, shape, bool(self.ended))

    @property
    def file(self) -> str:
        """The contents of a file that replays it."""
        found = self.divergence
        return to_json(self.sequences, on=self.place.name, differs=self.differs, permitted=self.permitted,
                       observed=found.observed if found else "", expected=found.expected if found else [],
                       ended=self.ended)


@frozen
class Result:
    """What came of a campaign."""

    places: tuple[Place, ...]
    sequences: int
    operations: int
    seconds: float  #: of making, running and comparing; making divergences small is not counted
    findings: tuple[Finding, ...]

    @property
    def per_minute(self) -> float:
        """Sequences, each run in every place and compared."""
        return self.sequences / self.seconds * 60 if self.seconds else 0.0


class Watcher(Protocol):
    """Who wants to know how it goes."""

    def done(self, sequences: int, per_minute: float) -> None:
        """So many sequences were compared everywhere."""

    def found(self, finding: Finding) -> None:
        """A divergence, as small as it became."""


def check(place: Place, sequences: list[Sequence], guest: str = GUEST) -> list[Finding | None]:
    """Runs sequences in one boot, and compares each with the model. They are legal ones."""
    logs = run_all(place, sequences, guest)
    return [_judge(place, sequence, log) for sequence, log in zip(sequences, logs, strict=True)]


def _judge(place: Place, sequence: Sequence, log: Log) -> Finding | None:
    divergence = compare(sequence, log.tokens)
    return Finding(place, (sequence,), divergence, log.ended) if divergence or log.ended else None


def campaign(where: tuple[Place, ...], seed: int, count: int, seconds: float, watcher: Watcher, *,
             most: int = 10, guest: str = GUEST) -> Result:
    """Compares up to `count` sequences within about so many seconds; ends early after `most` different findings."""
    total, operations, spent, number = 0, 0, 0.0, 0
    findings: dict[tuple[object, ...], Finding] = {}
    while total < count and spent < seconds and len(set(findings.values())) < most:
        began = time.monotonic()
        size = min(_ROUND, count - total, COUNT)
        made = generate(seed * 1_000_003 + number, size)
        sequences = [legal(sequence) for sequence in made]
        spent += time.monotonic() - began
        for place in where:
            began = time.monotonic()
            judged = check(place, sequences, guest)
            spent += time.monotonic() - began
            for index, found in enumerate(judged):
                if found is None or found.signature in findings:
                    continue
                small = minimal(place, made, sequences, index, seed * 1_000_003 + number, found, guest)
                known = findings.get(small.signature)
                if known is None:
                    known = explained(small, guest)
                    watcher.found(known)
                findings[found.signature] = findings[small.signature] = known
        total += len(sequences)
        operations += sum(map(len, sequences))
        watcher.done(total, total / spent * 60)
        number += 1
    return Result(where, total, operations, spent, tuple(dict.fromkeys(findings.values())))


def generate(seed: int, count: int) -> list[Sequence]:
    """So many sequences, the same for the same seed; most are not legal yet.

    :class:`UnavailableError` without hypothesis.
    """
    made: list[Sequence] = []
    _hypothesis(seed, count, made.append, shrink=False)
    return made[:count]


def _hypothesis(seed: int, count: int, test: Callable[[Sequence], None], shrink: bool) -> None:
    try:
        import hypothesis
    except ImportError as error:
        raise UnavailableError("openvmi fuzz needs hypothesis; pip install 'openvmi[fuzz]'") from error
    from openvmi.conformance.fuzz_strategies import sequences

    phases = [hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if shrink else [])]
    settings = hypothesis.settings(max_examples=count, database=None, deadline=None, phases=phases, print_blob=False,
                                   report_multiple_bugs=False, suppress_health_check=list(hypothesis.HealthCheck))
    hypothesis.seed(seed)(settings(hypothesis.given(sequences())(_of_one(test))))()


def _of_one(test: Callable[[Sequence], None]) -> Callable[[Sequence], None]:
    """A plain function: hypothesis takes no bound method."""
    def function(sequence: Sequence) -> None:
        test(sequence)

    return function


@contextmanager
def nothing_left() -> Iterator[None]:
    """For a process that makes sequences: hypothesis keeps what it found in Python files in the current folder else."""
    with TemporaryDirectory(prefix="openvmi-") as folder:
        try:
            from hypothesis.configuration import set_hypothesis_home_dir
        except ImportError:  # told by who needs it
            yield
            return
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)


class _Differs(Exception):
    """For hypothesis: this sequence is one to make smaller."""


def minimal(place: Place, made: list[Sequence], sequences: list[Sequence], index: int, seed: int, found: Finding,
            guest: str = GUEST) -> Finding:
    """The smallest sequence that was found with such a divergence; with those that must come before it, if any must."""
    alone = check(place, [sequences[index]], guest)[0]
    if alone is None:
        return _with_history(place, sequences, index, found, guest)
    end = time.monotonic() + _PATIENCE
    short = _without(_cut(alone, guest), guest, end)  # its values are those that were found; below, simple ones
    best, boots = alone, 0
    known = dict.fromkeys(made[:index])

    def test(sequence: Sequence) -> None:
        nonlocal best, boots
        if sequence in known or boots >= _SHRINKS or time.monotonic() > end:
            return
        boots += 1
        judged = check(place, [legal(sequence)], guest)[0]
        if judged is None or judged.signature != alone.signature:
            known[sequence] = None
            return
        best = min(best, judged, key=_size)
        raise _Differs

    from hypothesis.errors import HypothesisException

    with suppress(_Differs, HypothesisException):  # the end of a search, or one that hypothesis gives up
        _hypothesis(seed, len(made), test, shrink=True)
    return min(_without(_cut(best, guest), guest, end), short, key=_size)


def _size(found: Finding) -> int:
    return len(found.sequences[0])


def _cut(found: Finding, guest: str) -> Finding:
    """Without what comes after the operation that shows it."""
    step = found.divergence.step + 1 if found.divergence else 0
    if not 0 < step < len(found.sequences[-1]):
        return found
    return _again(found, (*found.sequences[:-1], found.sequences[-1][:step]), guest) or found


def _without(found: Finding, guest: str, end: float) -> Finding:
    """Leaves out operations, many at a time and then one after the other, from the last to the first."""
    for number in reversed(range(len(found.sequences))):
        size = max(len(found.sequences[number]) // 2, 1)
        while size:
            stop = len(found.sequences[number])
            while stop > 0 and time.monotonic() < end:
                sequence = found.sequences[number]
                rest = legal(sequence[:max(stop - size, 0)] + sequence[stop:])
                fewer = _again(found, (*found.sequences[:number], rest, *found.sequences[number + 1:]), guest)
                found = fewer or found
                stop = min(stop - size, len(found.sequences[number]))
            size //= 2
    return found


def _again(found: Finding, sequences: tuple[Sequence, ...], guest: str) -> Finding | None:
    """What the last of these sequences does, if it is the same as what was found."""
    judged = check(found.place, list(sequences), guest)[-1]
    return evolve(judged, sequences=sequences) if judged and judged.signature == found.signature else None


def alone(found: Finding, guest: str = GUEST) -> Finding | None:
    """The same without the sequences before it, if it does that then, too."""
    return _again(found, found.sequences[-1:], guest)


def _with_history(place: Place, sequences: list[Sequence], index: int, found: Finding, guest: str) -> Finding:
    """One that comes only after others: they did not leave the machine as it was."""
    before = sequences[max(0, index - _HISTORY):index]
    again = _again(found, (*before, sequences[index]), guest)
    if again is None:
        return evolve(found, ended=found.ended or "not again: by chance, or after more sequences than were tried")
    at = 0
    while at < len(again.sequences) - 1:
        fewer = _again(again, again.sequences[:at] + again.sequences[at + 1:], guest)
        again, at = (fewer, at) if fewer else (again, at + 1)
    return _without(again, guest, time.monotonic() + _PATIENCE)


def explained(found: Finding, guest: str = GUEST) -> Finding:
    """The same, said in words: with values of another boot, where that still does it."""
    try:
        values = look(found.place, found.sequences, guest)
    except OpenVmiError:
        values = Values()
    return evolve(found, differs=tuple(differs(found.divergence, found.ended, values)),
                  permitted=tuple(permitted(found.divergence)))


def describe(found: Finding) -> list[str]:
    """Lines for people."""
    lines = [f"{found.place.name} does what the contract does not permit:"]
    for number, sequence in enumerate(found.sequences):
        if number:
            lines.append("  then, in the same boot:")
        lines += [f"  {step:2} {show(one)}" for step, one in enumerate(sequence)]
    if found.divergence:
        one = found.divergence.operation
        lines.append(f"at {found.divergence.step}, {show(one)}:" if one else "at the end:")
    lines += [f"  {line}" for line in found.differs]
    if found.permitted:
        lines.append("the contract permits:")
        lines += [f"  {line}" for line in found.permitted]
    return lines
