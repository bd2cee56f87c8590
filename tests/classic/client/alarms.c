/* SPDX-License-Identifier: MIT */
/*
 * Alarms, calls 68 and 69: both counters, both wirings, against the ACPI timer. An alarm that is too early or too many is
 * wrong everywhere; how late one may be is known only where time counts instructions.
 */
#include "timing.h"

static uint32_t wiring;
const volatile unsigned *alarm_count;
uint32_t alarm_slack;
static uint32_t begun; /* clock before the alarm's expiry was computed */

void lvtt_program(uint8_t vector, int masked)
{
	apic_write(LVTT, vector | (masked ? 0x10000u : 0));
}

void arm(uint32_t flags, uint32_t from_now, uint64_t period)
{
	begun = clock_now();
	alarm_set(flags, counter(flags & VMI3_ALARM_COUNTER_MASK) + cycles(from_now), period);
}

uint32_t wait_for(unsigned least, uint32_t most)
{
	uint32_t start = clock_now();

	__asm__ volatile("sti");
	while (*alarm_count < least && us(clock_since(start)) < most)
		;
	__asm__ volatile("cli");
	return us(clock_since(begun));
}

unsigned within(uint32_t microseconds)
{
	unsigned before = *alarm_count;

	wait_for(~0u, microseconds);
	return *alarm_count - before;
}

int early(uint32_t took, uint32_t expected)
{
	return took + expected / 100 + 5 < expected;
}

static unsigned bad;

void good(int condition, uint32_t who, uint32_t found, uint32_t expected)
{
	if (!condition)
		print("  %u: %u, expected %u\n", who, found, expected);
	bad += !condition;
}

void try(void (*run)(uint32_t), uint32_t with)
{
	unsigned tries = option("exact") ? 1 : 5;

	do {
		bad = 0;
		alarm_cancel(VMI3_CYCLES_REAL);
		alarm_cancel(VMI3_CYCLES_AVAILABLE);
		within(100);
		run(with);
	} while (bad && --tries);
	each(!bad, with);
}

static void one_shot(uint32_t who)
{
	unsigned before = *alarm_count;
	uint32_t took;

	arm(who | wiring, 3000, 0);
	took = wait_for(before + 1, 500000);
	good(*alarm_count == before + 1 && !early(took, 3000) && took < 3000 + alarm_slack, who, took, 3000);
	good(within(5000) == 0, who, *alarm_count - before, 1);
	good(alarm_cancel(who) == 0, who, 1, 0);
	arm(who | wiring | VMI3_ALARM_IS_PERIODIC, 1000, 0); /* period 0 */
	good(within(5000) == 1 || !option("exact"), who, *alarm_count - before, 2);
	good(within(3000) == 0, who, *alarm_count - before, 2);
}

static void due(uint32_t who)
{
	for (unsigned i = 0; i < 6; i++) {
		const uint64_t expiry = i < 2 ? counter(who) : i < 4 ? 0 : counter(who) - cycles(5000);
		unsigned before = *alarm_count;
		uint32_t took;

		begun = clock_now();
		alarm_set(who | wiring, expiry, 0);
		took = wait_for(before + 1, 500000);
		good(*alarm_count == before + 1 && took < 200 + alarm_slack, who, took, 0);
		good(within(300) == 0, who, *alarm_count - before, 1);
	}
}

static void periodic(uint32_t who, int now, uint32_t cancel)
{
	unsigned before = *alarm_count, came, first;

	alarm_set(who | wiring | VMI3_ALARM_IS_PERIODIC, counter(who) + (now ? 0 : cycles(2000)), cycles(2000));
	first = within(100);
	good(now ? first == 1 || !option("exact") : first == 0, who, first, (uint32_t)now);
	came = first + within(29900);
	good(came <= 15u + (unsigned)now + 1 && came >= (option("exact") ? 14u : 4u), who, came, 15u + (unsigned)now);
	wait_for(*alarm_count + 1, 500000);
	good(alarm_cancel(cancel) == 1, who, 0, 1);
	came = within(8000);
	good(came <= !option("exact"), who, came, 0);
	good(alarm_cancel(cancel) == 0 && *alarm_count > before, who, 1, 0);
}

static void replaced(uint32_t who)
{
	uint32_t took;
	unsigned before = *alarm_count;

	arm(who | wiring, 2000, 0);
	arm(who | wiring, 8000, 0);
	took = wait_for(before + 1, 500000);
	good(!early(took, 8000) && took < 8000 + alarm_slack, who, took, 8000);
	arm(who | wiring, 40000, 0);
	arm(who | wiring, 2000, 0);
	took = wait_for(before + 2, 500000);
	good(!early(took, 2000) && took < 2000 + alarm_slack, who, took, 2000);
	good(within(5000) == 0, who, *alarm_count - before, 2);
	arm(who | wiring | VMI3_ALARM_IS_PERIODIC, 1000, cycles(1000));
	arm(who | wiring, 6000, 0); /* one shot instead */
	before = *alarm_count;
	took = wait_for(before + 1, 500000);
	good((!early(took, 6000) || !option("exact")) && took < 6000 + alarm_slack, who, took, 6000);
	good(within(4000) == 0 || !option("exact"), who, *alarm_count - before, 1);
}

static void cancelled(uint32_t who)
{
	const uint32_t words[] = { who, who | wiring, who | wiring | VMI3_ALARM_IS_PERIODIC };

	for (unsigned i = 0; i < COUNT(words); i++) {
		good(alarm_cancel(words[i]) == 0, who, 1, 0);
		arm(who | wiring, 30000, 0);
		good(alarm_cancel(words[i]) == 1, who, 0, 1);
		good(within(4000) == 0, who, 1, 0);
		good(alarm_cancel(words[i]) == 0, who, 1, 0);
	}
}

static void nobody(uint32_t who)
{
	static const uint32_t unknown[] = { VMI3_CYCLES_STOLEN, 3, 0xff };
	unsigned before = *alarm_count;
	uint32_t took;

	for (unsigned i = 0; i < COUNT(unknown); i++) {
		alarm_set(unknown[i] | wiring, counter(VMI3_CYCLES_REAL) + cycles(500), 0);
		alarm_set(unknown[i] | wiring | VMI3_ALARM_IS_PERIODIC, 0, cycles(500));
		good(within(2000) == 0, who, *alarm_count - before, 0);
		good(alarm_cancel(unknown[i]) == 0, who, 1, 0);
	}
	arm(who | wiring, 4000, 0);
	for (unsigned i = 0; i < COUNT(unknown); i++) {
		alarm_set(unknown[i] | wiring, counter(VMI3_CYCLES_REAL) + cycles(500), 0);
		alarm_cancel(unknown[i]);
	}
	took = wait_for(before + 1, 500000);
	good(!early(took, 3900) && took < 4000 + alarm_slack, who, took, 4000);
}

static void collapse(uint32_t who)
{
	unsigned before;

	alarm_set(who | wiring | VMI3_ALARM_IS_PERIODIC, counter(who), cycles(1000));
	within(200);
	before = *alarm_count;
	delay(8000); /* interrupts are off */
	good(*alarm_count == before, who, *alarm_count - before, 0);
	wait_for(*alarm_count + 1, 500000);
	good(within(400) <= 1, who, *alarm_count - before, 1);
	good(alarm_cancel(who) == 1, who, 0, 1);
	within(1500);
	arm(who | wiring, 200, 0);
	before = *alarm_count;
	delay(1000);
	good(*alarm_count == before, who, 1, 0);
	wait_for(before + 1, 500000);
	good(*alarm_count == before + 1 && within(1000) == 0, who, *alarm_count - before, 1);
}

/* Far away: it may come early, is then taken for a tick too many, and is armed again. */
static void far(uint32_t who)
{
	static const uint64_t never[] = { 1ull << 62, 1ull << 63, ~0ull, 1ull << 40 };
	const uint64_t expiry = counter(who) + cycles(70000);
	uint32_t start = clock_now(), took;
	unsigned came = 0;

	while (counter(who) < expiry && came < 10) {
		unsigned before = *alarm_count;

		alarm_set(who | wiring, expiry, 0);
		wait_for(before + 1, 1000000);
		came += *alarm_count - before;
	}
	took = us(clock_since(start));
	good(came >= 1 && came <= 4 && !early(took, 70000) && took < 70000 + alarm_slack, who, took, 70000);
	alarm_cancel(who);
	for (unsigned i = 0; i < COUNT(never); i++) {
		alarm_set(who | wiring, i ? never[i] : counter(who) + never[i], 0);
		good(within(2000) == 0 || (i == 2 && !option("exact")), who, *alarm_count, i);
		alarm_cancel(who | wiring);
	}
	within(100);
}

static void idle(uint32_t who)
{
	unsigned before = *alarm_count;
	uint32_t start = clock_now(), took;

	watchdog(1);
	for (unsigned i = 1; i <= 5; i++) {
		arm(who | wiring, 1000, 0);
		do {
			CALL0(Halt);
			__asm__ volatile("cli");
		} while (*alarm_count < before + i);
		good(*alarm_count == before + i, who, *alarm_count - before, i);
	}
	watchdog(0);
	took = us(clock_since(start));
	good(!early(took, 5000), who, took, 5000);
}

/* A ROM may measure its timer when it is used for the first time: an expiry is a moment, so that makes none later. */
static void first(uint32_t who)
{
	unsigned before = *alarm_count;
	uint32_t took;

	arm(who | wiring, 20000, 0);
	took = wait_for(before + 1, 500000);
	good(*alarm_count == before + 1 && !early(took, 20000) && took < 20000 + alarm_slack, who, took, 20000);
}

static void both_counters(const char *name, void (*run)(uint32_t who))
{
	try(run, VMI3_CYCLES_REAL);
	try(run, VMI3_CYCLES_AVAILABLE);
	all(name);
}

static void periodics(uint32_t who)
{
	periodic(who, 1, who | wiring | VMI3_ALARM_IS_PERIODIC);
	periodic(who, 0, who);
}

static void wired(uint32_t how, const char *name)
{
	wiring = how;
	alarm_count = how ? &lvtt_count[0] : &irq0_count;
	subject(name);
	both_counters("the first alarm is in time", first);
	both_counters("one shot comes once, at its time; period 0 is one shot", one_shot);
	if (failed && !*alarm_count)
		return; /* none comes at all */
	both_counters("what is due comes at once, and once", due);
	both_counters("periodic: the first in time, then each period, until cancelled", periodics);
	both_counters("a new alarm replaces the old one", replaced);
	both_counters("cancelled alarms do not come, and CancelAlarm says so", cancelled);
	both_counters("STOLEN and unknown counters have no alarms", nobody);
	both_counters("missed periods are one interrupt; what comes while off waits", collapse);
	both_counters("far alarms", far);
	both_counters("Halt until an alarm", idle);
	subject("alarms");
}

void check_alarms(void)
{
	if (!timing_init())
		return;
	alarm_slack = option("exact") ? 150 : 200000;
	timer_rests();
	wired(VMI3_ALARM_WIRED_IRQ0, "alarms/IRQ0");
	if (failed && !irq0_count)
		return;
	if (!apic) {
		wiring = VMI3_ALARM_WIRED_LVTT;
		both_counters("without an APIC, LVTT's one shots come on IRQ0", one_shot);
		both_counters("and its periods", periodics);
	}
	if (apic) {
		lvtt_program(LOCAL_TIMER, 0);
		wired(VMI3_ALARM_WIRED_LVTT, "alarms/LVTT");
	}
	check_generations();
}
