# SPDX-License-Identifier: MIT
"""Time in the ROM classic/classic-full: what it measures, what it writes to timers, what it makes of the PC's clock."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from classic_cpu import (
    BASES,
    ICR,
    KEPT,
    LVTT,
    PAGE_OFFSET,
    PIT_HZ,
    STATE,
    TDCR,
    TMICT,
    Clocks,
    Cpu,
)

from openvmi.abi.classic import Call
from openvmi.classic.image import ClassicRom

REAL, AVAILABLE, STOLEN = 0, 1, 2
PERIODIC, ON_LVTT = 0x100, 0x10000
MS = 1_000_000  #: TSC ticks, at the 1 GHz of Cpu.measured()
NEVER = (1 << 64) - 1
MASKED = 0x10000

Rom = Callable[..., Cpu]


@pytest.fixture(params=BASES, ids=hex)
def rom(classic: Callable[[str], ClassicRom], request: pytest.FixtureRequest) -> Rom:
    return lambda *args, **more: Cpu(classic("classic-full"), request.param, *args, **more)


@pytest.fixture
def cpu(rom: Rom) -> Cpu:
    made = rom()
    made.measured()
    return made


def halves(value: int) -> tuple[int, int]:
    return value & 0xFFFFFFFF, value >> 32


def set_alarm(cpu: Cpu, flags: int, expiry: int, period: int = 0) -> None:
    """Arms as clients do; everything but EAX, ECX, EDX and the arithmetic flags is as before."""
    cpu.clocks.written.clear()
    cpu.clocks.accesses.clear()
    low, high = halves(expiry)
    after = cpu.call(Call.SetAlarm, *halves(period), eax=flags, edx=low, ecx=high)
    assert all(after[name] == cpu.before[name] for name in KEPT)
    assert after["eflags"] & ~0x8D5 == 0x202


def in_ticks(cpu: Cpu, ticks: int) -> int:
    """An expiry that many TSC ticks after the ROM's look at the TSC, which is the next one."""
    return cpu.clocks.tsc + cpu.clocks.step + ticks


def cancel(cpu: Cpu, flags: int) -> int:
    cpu.clocks.written.clear()
    cpu.clocks.accesses.clear()
    after = cpu.call(Call.CancelAlarm, eax=flags)
    assert all(after[name] == cpu.before[name] for name in KEPT)
    assert after["eflags"] & ~0x8D5 == 0x202
    return after["eax"]


# ---- what is measured ----


@pytest.mark.parametrize(("hz", "step"), [
    (1_000_000_000, 3_000), (2_793_651_234, 8_000), (133_000_000, 400), (8_000_000_000, 24_000), (60_000_000, 180),
])
def test_the_frequency_is_measured(rom: Rom, hz: int, step: int) -> None:
    cpu = rom(Clocks(hz=hz, step=step))
    assert cpu.init() == 0
    assert all(cpu.get(name) == cpu.before[name] for name in KEPT)
    khz, ratio, apic_ratio, apic, check, irq0 = (cpu.read(STATE + 4 * at) for at in range(6))
    assert khz == pytest.approx(hz / 1000, rel=1 / 4096)
    assert ratio == pytest.approx(PIT_HZ * 2**32 / hz, rel=1 / 4096)
    assert (khz + ratio + check) & 0xFFFFFFFF == 0x564D4933
    assert (apic_ratio, apic, irq0) == (0, 0, 0)
    assert [value for _, value in cpu.clocks.outs(0x61)] == [0x0D, 0x0E], "speaker off, gate on, then as found"
    after = cpu.call(Call.GetCycleFrequency)
    assert after["edx"] << 32 | after["eax"] == khz * 1000
    assert all(after[name] == cpu.before[name] for name in KEPT)


def test_the_best_of_five_tries_is_kept(rom: Rom) -> None:
    """A machine whose ports are slow: every try is worse than hoped for, none is used up forever."""
    cpu = rom(Clocks(hz=1_000_000_000, step=40_000))
    assert cpu.init() == 0
    assert cpu.clocks.outs(0x43) == [(0x43, 0xB0)] * 5
    assert cpu.read(STATE) == pytest.approx(1_000_000, rel=0.002)


def test_init_clears_what_was_in_page_0(rom: Rom) -> None:
    cpu = rom(Clocks(step=3_000))
    cpu.uc.mem_write(PAGE_OFFSET, b"\xee" * 0x1000)
    assert cpu.init() == 0
    assert bytes(cpu.uc.mem_read(PAGE_OFFSET, 0x600)) == b"\xee" * 0x600
    assert bytes(cpu.uc.mem_read(STATE + 20, 0x1000 - 0x614)) == bytes(0x1000 - 0x614)


@pytest.mark.parametrize(("machine", "clocks"), [
    ({}, lambda: Clocks(stuck=0, step=10_000_000)), ({}, lambda: Clocks(stuck=1)), ({"tsc": False}, Clocks),
    ({"memory": False}, lambda: Clocks(step=3_000)),
], ids=["no end of the count", "no 8254", "no TSC", "no memory"])
def test_init_fails_and_leaves_the_client_native(rom: Rom, machine: dict[str, bool],
                                                         clocks: Callable[[], Clocks]) -> None:
    cpu = rom(clocks(), **machine)
    assert cpu.init() == 0xFFFFFFFF
    assert all(cpu.get(name) == cpu.before[name] for name in KEPT)
    assert [value for _, value in cpu.clocks.outs(0x61)][-1:] in ([], [0x0E])


def test_state_that_somebody_wrote_over_is_measured_again(rom: Rom) -> None:
    cpu = rom(Clocks(step=3_000))
    cpu.init()
    cpu.write(STATE, 0xDEAD, 0xBEEF, 1, 2, 3, 4)
    after = cpu.call(Call.GetCycleFrequency)
    assert after["eax"] == pytest.approx(1_000_000_000, rel=1 / 4096)
    assert [cpu.read(STATE + at) for at in (8, 12, 20)] == [0, 0, 0]
    assert after["eflags"] & 0x200


# ---- counters ----


@pytest.mark.parametrize("counter", [REAL, AVAILABLE])
def test_counters_are_the_tsc(cpu: Cpu, counter: int) -> None:
    after = cpu.call(Call.GetCycleCounter, eax=counter)
    assert after["edx"] << 32 | after["eax"] == cpu.clocks.tsc
    assert cpu.stores == []


@pytest.mark.parametrize("counter", [STOLEN, 3, 0x100, 0xFFFFFFFF])
def test_stolen_and_unknown_counters_are_zero(cpu: Cpu, counter: int) -> None:
    after = cpu.call(Call.GetCycleCounter, eax=counter)
    assert (after["edx"], after["eax"]) == (0, 0)


def test_the_wall_clock_never_moves_by_itself(cpu: Cpu) -> None:
    assert cpu.call(Call.WallclockUpdated)["eax"] == 0


# ---- alarms on the 8254: control word, count ----


def channel_0(mode: int, count: int) -> list[tuple[int, int]]:
    return [(0x43, 0x30 | mode << 1), (0x40, count & 0xFF), (0x40, count >> 8 & 0xFF)]


@pytest.mark.parametrize(("ticks", "count"), [
    (MS, 1194),  # 1193.18 and one, so that it is never early
    (10 * MS, 11933),
    (54 * MS, 64433),
    (838, 2),
    (1, 1),
    (54_925 * MS // 1000, 0),  # 65536: all that 16 bits can do
    (55 * MS, 0),
    (4295 * MS, 0),
    (10**6 * MS, 0),
], ids=str)
def test_one_shot(cpu: Cpu, ticks: int, count: int) -> None:
    set_alarm(cpu, REAL, in_ticks(cpu, ticks))
    assert cpu.clocks.written == channel_0(4, count)
    assert cpu.read(STATE + 20) == 1
    assert cpu.clocks.accesses == []


@pytest.mark.parametrize("expiry", [0, 1, 0x1_0000_0000], ids=hex)
def test_one_shot_that_is_due(cpu: Cpu, expiry: int) -> None:
    set_alarm(cpu, REAL, expiry)
    assert cpu.clocks.written == channel_0(4, 1)


def test_an_expiry_is_unsigned(cpu: Cpu) -> None:
    set_alarm(cpu, REAL, NEVER)
    assert cpu.clocks.written == channel_0(4, 0)


@pytest.mark.parametrize(("period", "count"), [
    (10 * MS, 11932), (MS, 1193), (4 * MS, 4773), (1, 2), (54 * MS, 64432), (10**6 * MS, 65535), (NEVER, 65535),
])
def test_periodic(cpu: Cpu, period: int, count: int) -> None:
    set_alarm(cpu, PERIODIC | AVAILABLE, in_ticks(cpu, period % 2**40 + 1000), period)
    assert cpu.clocks.written == channel_0(2, count)
    assert cpu.read(STATE + 20) == 2


def test_periodic_that_is_due_comes_at_once(cpu: Cpu) -> None:
    """One edge by modes 0 and 1, and the time that models of the 8254 need to see it."""
    set_alarm(cpu, PERIODIC, cpu.clocks.tsc, 10 * MS)
    assert [each for each in cpu.clocks.written if each[0] != 0x80] == [
        *channel_0(0, 1), *channel_0(1, 1), *channel_0(2, 11932)]
    assert cpu.clocks.outs(0x80)


def test_without_period_it_is_one_shot(cpu: Cpu) -> None:
    set_alarm(cpu, PERIODIC, in_ticks(cpu, MS), 0)
    assert cpu.clocks.written == channel_0(4, 1194)


@pytest.mark.parametrize("flags", [STOLEN, 3, 0xFF, STOLEN | ON_LVTT, 0x82 | PERIODIC])
def test_counters_without_alarms(cpu: Cpu, flags: int) -> None:
    set_alarm(cpu, flags, in_ticks(cpu, MS), MS)
    assert cpu.clocks.written == [] and cpu.clocks.accesses == [] and cpu.stores == []
    assert cancel(cpu, flags) == 0
    assert cpu.clocks.written == [] and cpu.clocks.accesses == []


@pytest.mark.parametrize(("fold", "silence"), [
    (6, [*channel_0(2, 0), (0x43, 0x32)]), (2, channel_0(5, 0)),
], ids=["mode 6 as QEMU", "mode 6 as KVM"])
@pytest.mark.parametrize("flags", [REAL, AVAILABLE, PERIODIC])
def test_cancelled(cpu: Cpu, flags: int, fold: int, silence: list[tuple[int, int]]) -> None:
    cpu.clocks.fold = fold
    set_alarm(cpu, flags, in_ticks(cpu, 10 * MS), 10 * MS)
    assert cancel(cpu, flags) == 1
    assert cpu.clocks.written == [(0x43, 0x3C), (0x43, 0xE2), *silence]
    assert cpu.read(STATE + 20) == 0
    assert cancel(cpu, flags) == 0
    assert cpu.clocks.written == []


def test_cancelled_too_late(cpu: Cpu) -> None:
    set_alarm(cpu, REAL, in_ticks(cpu, 10 * MS))
    cpu.clocks.tsc += 11 * MS
    assert cancel(cpu, REAL) == 0
    set_alarm(cpu, REAL, in_ticks(cpu, 10**6 * MS))
    cpu.clocks.tsc += 60 * MS
    assert cancel(cpu, REAL) == 0, "the end of the 8254's range"
    set_alarm(cpu, PERIODIC, in_ticks(cpu, 10 * MS), 10 * MS)
    cpu.clocks.tsc += 60_000 * MS
    assert cancel(cpu, REAL) == 1


def test_only_its_owner_cancels(cpu: Cpu) -> None:
    cpu.apic_id = 3
    set_alarm(cpu, AVAILABLE, in_ticks(cpu, 10 * MS))
    assert cpu.read(STATE + 20) == 3 << 24 | 2
    assert cancel(cpu, REAL) == 0
    cpu.apic_id = 0
    assert cancel(cpu, AVAILABLE) == 0
    assert cpu.clocks.written == []
    cpu.apic_id = 3
    assert cancel(cpu, AVAILABLE | PERIODIC | ON_LVTT) == 1


def test_the_other_counter_takes_the_timer_over(cpu: Cpu) -> None:
    set_alarm(cpu, REAL, in_ticks(cpu, 10 * MS))
    set_alarm(cpu, AVAILABLE, in_ticks(cpu, MS))
    assert cancel(cpu, REAL) == 0
    assert cancel(cpu, AVAILABLE) == 1


# ---- alarms on the local APIC: 100 MHz bus clock, 6.25 ticks in a us at divider 16 ----


@pytest.fixture
def apic(cpu: Cpu) -> Cpu:
    """The APIC's page is known, its frequency is measured, the client has put vector 0xef into LVTT."""
    cpu.write(STATE + 8, (6_250_000 << 32) // 10**9)
    cpu.clocks.apic |= {LVTT: 0xEF, TDCR: 3}
    return cpu


@pytest.mark.parametrize(("flags", "divider"), [(REAL, 3), (AVAILABLE, 8)])
@pytest.mark.parametrize(("ticks", "count"), [
    (MS, 6251), (160 * 65536, 65537), (1, 1), (10_000 * MS, 62_500_001), (10**6 * MS, 0xFFFFFFFF), (NEVER, 0xFFFFFFFF),
])
def test_lvtt_one_shot(apic: Cpu, flags: int, divider: int, ticks: int, count: int) -> None:
    set_alarm(apic, flags | ON_LVTT, min(in_ticks(apic, ticks), NEVER))
    expected = count if flags == REAL else (count - 1) // 2 + 1
    assert [where for where, _ in apic.clocks.accesses] == [LVTT, TDCR, TMICT]
    assert apic.clocks.apic[LVTT] == 0xEF and apic.clocks.apic[TDCR] == divider
    assert apic.clocks.apic[TMICT] == pytest.approx(expected, rel=1e-6, abs=1)
    assert apic.clocks.written == []


@pytest.mark.parametrize(("flags", "count"), [(REAL, 62_500), (AVAILABLE, 31_250)])
def test_lvtt_periodic(apic: Cpu, flags: int, count: int) -> None:
    set_alarm(apic, flags | PERIODIC | ON_LVTT, in_ticks(apic, 10 * MS), 10 * MS)
    assert [where for where, _ in apic.clocks.accesses] == [LVTT, TDCR, TMICT]
    assert apic.clocks.apic[LVTT] == 0x200EF
    assert apic.clocks.apic[TMICT] == count
    set_alarm(apic, flags | PERIODIC | ON_LVTT, in_ticks(apic, 10 * MS), 1)
    assert apic.clocks.apic[TMICT] == 1
    set_alarm(apic, flags | ON_LVTT, in_ticks(apic, 10 * MS))
    assert apic.clocks.apic[LVTT] == 0xEF, "one shot again"


@pytest.mark.parametrize(("lvtt", "sent"), [(0xEF, [(ICR, 0x440EF)]), (0xEF | MASKED, [])])
def test_lvtt_periodic_that_is_due_is_sent_to_self(apic: Cpu, lvtt: int, sent: list[tuple[int, int]]) -> None:
    apic.clocks.apic[LVTT] = lvtt
    set_alarm(apic, PERIODIC | ON_LVTT, apic.clocks.tsc, 10 * MS)
    assert apic.clocks.accesses == [(LVTT, 0x20000 | lvtt), (TDCR, 3), (TMICT, 62_500), *sent]


def test_lvtt_waits_for_the_command_register_but_not_forever(apic: Cpu) -> None:
    apic.clocks.apic[ICR] = 0x1000
    set_alarm(apic, PERIODIC | ON_LVTT, 0, 10 * MS)
    assert apic.clocks.accesses[-1] == (ICR, 0x440EF)
    assert 1000 < apic.count < 10_000


def test_lvtt_one_shot_that_is_due_counts_to_one(apic: Cpu) -> None:
    set_alarm(apic, ON_LVTT, 0)
    assert apic.clocks.accesses == [(LVTT, 0xEF), (TDCR, 3), (TMICT, 1)]


@pytest.mark.parametrize("apic_hz", [100_000_000, 66_666_667, 1_000_000_000])
def test_the_apic_is_measured_on_first_use(cpu: Cpu, apic_hz: int) -> None:
    cpu.clocks.step, cpu.clocks.apic_hz = 1_000, apic_hz
    cpu.clocks.apic |= {LVTT: 0xEF, TDCR: 0}
    set_alarm(cpu, ON_LVTT | PERIODIC, in_ticks(cpu, MS), 10 * MS)
    assert cpu.read(STATE + 8) == pytest.approx(apic_hz / 16 * 2**32 / 10**9, rel=2e-3)
    assert cpu.clocks.accesses[:5] == [(LVTT, MASKED | 0xEF), (TDCR, 3), (TMICT, 0xFFFFFFFF), (TMICT, 0), (LVTT, 0xEF)]
    assert cpu.clocks.apic[TMICT] == pytest.approx(apic_hz / 1600, rel=2e-3)
    set_alarm(cpu, ON_LVTT, in_ticks(cpu, 10 * MS))
    assert [where for where, _ in cpu.clocks.accesses] == [LVTT, TDCR, TMICT], "once only"


def test_the_measurement_is_not_part_of_the_alarm(cpu: Cpu) -> None:
    """It takes 2 of the 10 ms until the expiry."""
    cpu.clocks.step = 1_000
    cpu.clocks.apic |= {LVTT: 0xEF, TDCR: 0}
    expiry = in_ticks(cpu, 10 * MS)
    set_alarm(cpu, ON_LVTT, expiry)
    assert cpu.clocks.apic[TMICT] * 160 == pytest.approx(expiry - cpu.clocks.tsc, rel=0.01)


@pytest.mark.parametrize("apic_hz", [0, 100_000_000_000])
def test_an_apic_that_cannot_be_measured(cpu: Cpu, apic_hz: int) -> None:
    """One that stands still is not armed; one that is faster than the TSC does not make the division fail."""
    cpu.clocks.step, cpu.clocks.apic_hz = 1_000, apic_hz
    cpu.clocks.apic |= {LVTT: 0xEF, TDCR: 0}
    set_alarm(cpu, ON_LVTT, in_ticks(cpu, 10 * MS))
    assert (cpu.clocks.apic[TMICT] > 0) == (apic_hz > 0)


def test_without_apic_the_alarm_is_on_irq0(cpu: Cpu) -> None:
    """A kernel that was built for an APIC asks for LVTT and has no other tick."""
    cpu.write(STATE + 12, 0)
    set_alarm(cpu, ON_LVTT | PERIODIC, 0, 10 * MS)
    assert cpu.clocks.accesses == []
    assert cpu.clocks.written[-3:] == [(0x43, 0x34), (0x40, 11932 & 0xFF), (0x40, 11932 >> 8)]
    assert cancel(cpu, REAL) == 1
    assert cancel(cpu, REAL) == 0


@pytest.mark.parametrize("vector", [0, 15])
def test_no_vector_below_16_is_ever_written(cpu: Cpu, vector: int) -> None:
    """An error of the APIC even where the entry is masked; the client sets its vector after the alarm."""
    cpu.clocks.step, cpu.clocks.apic_hz = 1_000, 100_000_000
    cpu.clocks.apic |= {LVTT: MASKED | vector, TDCR: 0}
    set_alarm(cpu, ON_LVTT | PERIODIC, 0, 10 * MS)
    assert {value & 0xFF for register, value in cpu.clocks.accesses if register == LVTT} == {0xFF}
    assert cpu.clocks.apic[LVTT] == MASKED | 0x20000 | 0xFF
    assert ICR not in dict(cpu.clocks.accesses), "masked: nothing is sent"


@pytest.mark.parametrize(("counter", "other"), [(REAL, AVAILABLE), (AVAILABLE, REAL)])
@pytest.mark.parametrize("flags", [ON_LVTT, ON_LVTT | PERIODIC])
def test_lvtt_cancelled(apic: Cpu, counter: int, other: int, flags: int) -> None:
    set_alarm(apic, counter | flags, in_ticks(apic, 10 * MS), 10 * MS)
    assert cancel(apic, other) == 0
    assert apic.clocks.accesses == []
    assert cancel(apic, counter) == 1
    assert apic.clocks.accesses == [(TMICT, 0)]
    assert cancel(apic, counter) == 0


def test_lvtt_cancelled_too_late(apic: Cpu) -> None:
    set_alarm(apic, ON_LVTT, in_ticks(apic, 10 * MS))
    apic.clocks.tsc += 11 * MS
    assert cancel(apic, ON_LVTT) == 0
    assert apic.clocks.apic[TMICT] == 0
    set_alarm(apic, ON_LVTT | PERIODIC, in_ticks(apic, 10 * MS), 10 * MS)
    apic.clocks.tsc += 11 * MS
    assert cancel(apic, ON_LVTT) == 1


def test_an_alarm_of_a_counter_is_on_one_timer(apic: Cpu) -> None:
    set_alarm(apic, REAL | PERIODIC, in_ticks(apic, 10 * MS), 10 * MS)
    set_alarm(apic, REAL | PERIODIC | ON_LVTT, in_ticks(apic, 10 * MS), 10 * MS)
    assert (0x43, 0x3C) in apic.clocks.written and apic.read(STATE + 20) == 0
    set_alarm(apic, REAL | PERIODIC, in_ticks(apic, 10 * MS), 10 * MS)
    assert apic.clocks.accesses == [(TMICT, 0)]
    set_alarm(apic, AVAILABLE | PERIODIC | ON_LVTT, in_ticks(apic, 10 * MS), 10 * MS)
    assert apic.clocks.written == [] and apic.read(STATE + 20) == 1, "the other counter's stays"


# ---- the PC's clock ----

BINARY, HOURS_24 = 4, 2
MOMENTS = [
    (1970, 1, 1, 0, 0, 0), (1970, 12, 31, 23, 59, 59), (1972, 2, 29, 12, 0, 0), (1999, 12, 31, 23, 59, 59),
    (2000, 1, 1, 0, 0, 0), (2000, 2, 28, 23, 59, 59), (2000, 2, 29, 1, 2, 3), (2000, 3, 1, 0, 0, 0),
    (2001, 2, 28, 11, 59, 59), (2001, 3, 1, 12, 0, 1), (2004, 2, 29, 0, 30, 0), (2007, 4, 25, 20, 15, 30),
    (2024, 2, 29, 13, 0, 0), (2026, 11, 23, 1, 2, 6), (2038, 1, 19, 3, 14, 8), (2068, 2, 29, 12, 34, 56),
    (2069, 12, 31, 23, 59, 59),
]


def rtc(moment: tuple[int, ...], mode: int) -> dict[int, int]:
    """Registers of the MC146818 for a moment."""
    year, month, day, hour, minute, second = moment
    def code(number: int) -> int:
        return number if mode & BINARY else number // 10 << 4 | number % 10
    hours = code(hour) if mode & HOURS_24 else code((hour + 11) % 12 + 1) | (0x80 if hour >= 12 else 0)
    return {0: code(second), 2: code(minute), 4: hours, 7: code(day), 8: code(month), 9: code(year % 100), 0x0A: 0x26,
            0x0B: mode}


def wall_clock(cpu: Cpu) -> int:
    after = cpu.call(Call.GetWallclockTime)
    assert all(after[name] == cpu.before[name] for name in KEPT)
    assert after["eflags"] & ~0x8D5 == 0x202
    return after["edx"] << 32 | after["eax"]


@pytest.mark.parametrize("mode", [0, BINARY, HOURS_24, BINARY | HOURS_24])
def test_wall_clock(cpu: Cpu, mode: int) -> None:
    for moment in MOMENTS:
        cpu.clocks.rtc = rtc(moment, mode)
        assert wall_clock(cpu) == timegm(datetime(*moment).timetuple()) * 10**9, moment
    assert {index for _, index in cpu.clocks.outs(0x70)} == {0, 2, 4, 7, 8, 9, 0x0A, 0x0B}, "NMI stays on: bit 7 is 0"
    assert cpu.clocks.outs(0x71) == []


def test_wall_clock_by_literals(cpu: Cpu) -> None:
    """25 April 2007, 20:15:30, as three bits of register B and six bytes; `date -d ... +%s` gave the seconds."""
    for mode, hours in ((0, 0x88), (2, 0x20)):
        cpu.clocks.rtc = {0: 0x30, 2: 0x15, 4: hours, 7: 0x25, 8: 0x04, 9: 0x07, 0x0A: 0x26, 0x0B: mode}
        assert wall_clock(cpu) == 1_177_532_130 * 10**9


def test_every_hour_and_every_day(classic: Callable[[str], ClassicRom]) -> None:
    cpu = Cpu(classic("classic-full"), BASES[0])
    moments = [datetime(2023, 12, 31, 0, 30) + timedelta(hours=at) for at in range(24)]
    moments += [datetime(2023, 12, 31, 6) + timedelta(days=at) for at in range(800)]
    for moment in moments:
        cpu.clocks.rtc = rtc(moment.timetuple()[:6], 0)
        assert wall_clock(cpu) == timegm(moment.timetuple()) * 10**9, moment


def test_an_update_is_waited_for(cpu: Cpu) -> None:
    """The time changes while it is read, and once more: what is answered was whole."""
    old, new = rtc((2007, 12, 31, 23, 59, 59), 0), rtc((2008, 1, 1, 0, 0, 0), 0)
    reads = 0

    def data() -> int:
        nonlocal reads
        reads += 1
        index = cpu.clocks.outs(0x70)[-1][1]
        if index == 0x0A:
            return 0xA6 if reads < 40 else 0x26
        return (old if reads < 44 else new)[index]

    cpu.clocks.inputs[0x71] = data
    assert wall_clock(cpu) == timegm((2008, 1, 1, 0, 0, 0)) * 10**9
    assert reads > 40


def test_a_clock_that_is_broken_is_left_after_a_while(cpu: Cpu) -> None:
    count = 0

    def data() -> int:
        nonlocal count
        count += 1
        return count & 0x7F

    cpu.clocks.inputs[0x71] = data
    wall_clock(cpu)
    assert count < 1000
