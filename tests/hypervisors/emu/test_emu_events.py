# SPDX-License-Identifier: MIT
"""Events and time: the rules by themselves, and seen by a guest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from openvmi.abi.names import Error, Source
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.emu.events import Events
from openvmi.units import Nanoseconds
from tests.hypervisors.emu.cases import Ran

Run = Callable[..., Ran]
SOFT = int(Source.SOFT)


@pytest.mark.parametrize(
    ("source", "vector", "result"),
    [
        (0, 32, Error.SUCCESS),
        (15, 255, Error.SUCCESS),
        (0, 31, Error.INVALID),
        (0, 256, Error.INVALID),
        (16, 40, Error.INVALID),
        (2**32 - 1, 40, Error.INVALID),
        (int(Source.IPI), 40, Error.NOT_SUPPORTED),
        (int(Source.SUSPEND), 40, Error.NOT_SUPPORTED),
        (5, 40, Error.NOT_SUPPORTED),
    ],
)
def test_bind(source: int, vector: int, result: Error) -> None:
    assert Events().bind(source, vector) == result


def test_a_vector_has_one_source() -> None:
    events = Events()
    assert events.bind(0, 40) == Error.SUCCESS
    assert events.bind(1, 40) == Error.BUSY
    assert events.bind(0, 40) == Error.SUCCESS, "again the same"
    assert events.bind(0, 0) == Error.SUCCESS
    assert events.bind(1, 40) == Error.SUCCESS


def test_a_source_bound_to_nothing_stays_pending() -> None:
    events = Events()
    events.send(SOFT)
    assert events.next() is None
    events.bind(SOFT, 40)
    assert events.next() == (SOFT, 40)


def test_not_again_before_it_is_acknowledged() -> None:
    events = Events()
    events.bind(SOFT, 40)
    events.send(SOFT)
    events.take(SOFT)
    events.send(SOFT)
    assert events.next() is None
    assert events.acknowledge(SOFT) == Error.SUCCESS
    assert events.next() == (SOFT, 40)


def test_masked_sources_become_pending_and_wait() -> None:
    events = Events()
    events.bind(SOFT, 40)
    events.mask(SOFT, True)
    events.send(SOFT)
    assert events.next() is None
    events.mask(SOFT, False)
    assert events.next() == (SOFT, 40)


def test_only_the_guests_own_sources_can_be_sent() -> None:
    assert [Events().send(source) for source in (0, 7, 8, 15, 16)] == [
        Error.INVALID, Error.INVALID, Error.SUCCESS, Error.SUCCESS, Error.INVALID,
    ]  # fmt: skip


def test_timer_raises_once_and_not_early() -> None:
    events = Events()
    events.bind(Source.TIMER, 40)
    events.deadline = Nanoseconds(100)
    events.tick(Nanoseconds(99))
    assert events.next() is None
    events.tick(Nanoseconds(100))
    assert events.next() == (0, 40) and events.deadline is None


def test_halt_skips_to_the_deadline(run: Run) -> None:
    ran = run("halt")
    assert ran.outcome.ending is Ending.EXIT, ran.outcome.message
    _, last_set, after = ran.words("seen", 3, 5)
    assert after - last_set >= 1_000_000
    assert ran.words("seen", 1, 5)[0] & 0xFFFF_FFFF == 5
    assert ran.outcome.exits["halt"] == ran.outcome.exits["event"] == 5
    assert after < 6_000_000 and ran.outcome.instructions is not None and ran.outcome.instructions < 1000


def test_timer_interrupts_running_code_at_its_deadline(run: Run) -> None:
    ran = run("spin_until")
    _, started, after = ran.words("seen", 3, 5)
    assert 50_000 <= after - started < 50_100


def test_two_runs_are_equal(run: Run) -> None:
    one, other = run("spin_until"), run("spin_until")
    assert one.words("seen", 32) == other.words("seen", 32)
    assert (one.outcome.exits, one.outcome.instructions) == (other.outcome.exits, other.outcome.instructions)


def test_waiting_bit(run: Run) -> None:
    flags, before, delivered, flags_after = run("waiting").words("seen", 4, 8)
    assert flags == 1 << 15 and before == 0
    assert delivered == 1 and flags_after == 0x200


def test_soft_source(run: Run) -> None:
    bound, masked, delivered = run("soft").words("seen", 3, 8)
    assert bound == int(Error.BUSY) & 2**64 - 1
    assert (masked, delivered) == (0, 1)


def test_unacknowledged_source(run: Run) -> None:
    assert run("no_ack").words("seen", 2, 9) == (1, 2)


def test_waiting_for_nothing_ends_at_once(run: Run) -> None:
    ran = run("hang", timeout=60.0)
    assert ran.outcome.ending is Ending.TIMEOUT and "cannot come" in ran.outcome.message
    assert ran.outcome.run_ms < 1000


def test_real_time(run: Run) -> None:
    ran = run("halt", deterministic=False)
    assert ran.outcome.ending is Ending.EXIT
    assert ran.outcome.run_ms >= 5.0, "five timers of a millisecond"
