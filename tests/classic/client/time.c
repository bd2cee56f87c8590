/* SPDX-License-Identifier: MIT */
/* Counters and their frequency, calls 66, 67 and 71, against the ACPI timer. The wall clock, 70, against the CMOS clock. */
#include "timing.h"

uint64_t frequency;

uint64_t counter(uint32_t which)
{
	return CALL1(GetCycleCounter, which);
}

uint64_t cycles(uint32_t microseconds)
{
	return divide(frequency * microseconds, 1000000);
}

int timing_init(void)
{
	if (!vmi_timer) {
		print("client: no VMI timer\n");
		return 0;
	}
	frequency = CALL0(GetCycleFrequency);
	return 1;
}

/* Counter and clock at one moment: both readings of the clock within 8 us, or as near as it gets in 50 tries. */
static uint32_t moment(uint32_t which, uint64_t *cycle)
{
	uint32_t before = 0, best = 0xffffff, at = 0;

	for (unsigned i = 0; i < 50 && best > 28; i++) {
		uint64_t value;
		uint32_t between;

		before = clock_now();
		value = counter(which);
		between = clock_since(before);
		if (between >= best)
			continue;
		best = between;
		at = before + between / 2;
		*cycle = value;
	}
	return at;
}

/* A counter's rate against the clock, in cycles a second, over 60 ms. */
static uint64_t rate(uint32_t which)
{
	uint64_t first, last;
	uint32_t start = moment(which, &first), clocks;

	delay(60000);
	clocks = (moment(which, &last) - start) & 0xffffff;
	return divide((last - first) * CLOCK_HZ, clocks);
}

static int near(uint64_t found, uint64_t expected) /* within 0.5 % */
{
	uint64_t slack = divide(expected, 200);

	return found + slack >= expected && found <= expected + slack;
}

static void frequencies(void)
{
	static const char *const names[] = { "REAL runs at that rate, to 0.5 %", "AVAILABLE does too" };

	print("client: %llu cycles a second\n", frequency);
	check("GetCycleFrequency is plausible", frequency >= 1000000 && frequency < 1ull << 36);
	equal("GetCycleFrequency stays the same", CALL0(GetCycleFrequency), frequency);
	for (uint32_t which = 0; which < 2; which++) {
		uint64_t found = 0;

		for (unsigned i = 0; i < 3 && !near(found, frequency); i++)
			found = rate(which);
		if (!near(found, frequency))
			print("  found %llu\n", found);
		check(names[which], near(found, frequency));
	}
}

static void counters(void)
{
	static const uint32_t unknown[] = { 3, 4, 0xff, 0x100, 0x10000, 0x80000000, 0xffffffff };

	for (uint32_t which = 0; which < 3; which++) {
		uint64_t before = counter(which);

		for (unsigned i = 0; i < 1000; i++) {
			uint64_t now = counter(which);

			each(now >= before, which);
			before = now;
		}
	}
	all("counters never go back");
	for (unsigned i = 0; i < 200; i++) {
		uint64_t before = counter(VMI3_CYCLES_REAL), sum = counter(VMI3_CYCLES_AVAILABLE);

		sum += counter(VMI3_CYCLES_STOLEN);
		each(sum >= before && sum <= counter(VMI3_CYCLES_REAL), i);
	}
	all("REAL is STOLEN plus AVAILABLE");
	for (unsigned i = 0; i < COUNT(unknown); i++)
		each(counter(unknown[i]) == 0, unknown[i]);
	all("an unknown counter gives 0");
}

void check_time(void)
{
	if (!timing_init())
		return;
	frequencies();
	counters();
	if (ops[VMI3_CALL_WallclockUpdated])
		check("WallclockUpdated is 0 or 1", (uint32_t)CALL0(WallclockUpdated) <= 1);
}

void check_wallclock(void)
{
	uint32_t before, after, found;

	if (!timing_init())
		return;
	before = rtc_seconds();
	found = (uint32_t)divide(CALL0(GetWallclockTime), 1000000000);
	after = rtc_seconds();
	print("client: wall clock %u, CMOS clock %u to %u\n", found, before, after);
	check("GetWallclockTime is the CMOS clock's time, to a second", found + 1 >= before && found <= after + 1);
	check("GetWallclockTime does not go back", divide(CALL0(GetWallclockTime), 1000000000) >= found);
}
