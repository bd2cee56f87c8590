/* SPDX-License-Identifier: MIT */
/* What only reads: the clocks. */
#include "time.h"

#define YEAR_2000 (946684800 * SECOND)
#define YEAR_2100 (4102444800 * SECOND)

on_stack stack_clock_read, stack_clock_frequency, stack_wall_clock_read, stack_stolen_time_read;

static void wait(uint64_t ns)
{
	for (uint64_t until = pv_clock_read() + ns; pv_clock_read() < until;) {
		pv_timer_set(until);
		pv_halt();
	}
	pv_irq_disable();
}

/* The result with rubbish where the call has no arguments. */
static uint64_t with_rubbish(on_stack *call)
{
	return raw_result(call, NOT_CANONICAL, UNMAPPED, UINT64_MAX);
}

/* ---- ClockRead ---- */

TEST(CLOCK_READ, POSITIVE, it_moves_and_never_goes_back)
{
	uint64_t before = pv_clock_read(), first = before;

	for (unsigned i = 0; i < 10000; i++) {
		uint64_t now = pv_clock_read();

		each(now >= before, now);
		before = now;
	}
	all("in 10,000 readings");
	expect("it moves", before > first);
	expect("10,000 readings take less than 10 s", before - first < 10 * SECOND);
}

TEST_FRUGAL(CLOCK_READ, clock_read, 0, 0, 0)

TEST(CLOCK_READ, BOUNDARY, it_goes_on_while_the_vcpu_halts)
{
	uint64_t before;

	timer_begin();
	before = pv_clock_read();
	pv_timer_set(before + 5 * MS);
	pv_halt();
	pv_irq_disable();
	same("the deadline ended it", ticks, 1);
	expect("by as much as that", pv_clock_read() - before >= 5 * MS);
}

TEST(CLOCK_READ, HOSTILE, rubbish_where_it_has_no_arguments_is_ignored)
{
	uint64_t before = pv_clock_read(), read = with_rubbish(stack_clock_read);

	expect("it is between two others", before <= read && read <= pv_clock_read());
}

/* ---- ClockFrequency ---- */

TEST(CLOCK_FREQUENCY, POSITIVE, it_is_at_least_a_million)
{
	uint64_t frequency = pv_clock_frequency();

	expect("it is", frequency >= 1000000);
	expect("it is no error", frequency < 1ull << 62);
}

TEST_FRUGAL(CLOCK_FREQUENCY, clock_frequency, 0, 0, 0)

TEST(CLOCK_FREQUENCY, BOUNDARY, it_stays_the_same_as_time_passes)
{
	uint64_t before = pv_clock_frequency();

	timer_begin();
	wait(2 * MS);
	same("after 2 ms", pv_clock_frequency(), before);
}

TEST(CLOCK_FREQUENCY, HOSTILE, rubbish_where_it_has_no_arguments_is_ignored)
{
	uint64_t before = pv_clock_frequency();

	same("it is the same", with_rubbish(stack_clock_frequency), before);
}

/* ---- WallClockRead ---- */

TEST(WALL_CLOCK_READ, POSITIVE, it_moves_with_the_clock_to_the_second)
{
	uint64_t wall = pv_wall_clock_read(), clock = pv_clock_read();

	timer_begin();
	wait(1200 * MS);
	wall = pv_wall_clock_read() - wall;
	clock = pv_clock_read() - clock;
	expect("not slower", wall + SECOND > clock);
	expect("not faster", wall < clock + SECOND);
}

TEST_FRUGAL(WALL_CLOCK_READ, wall_clock_read, 0, 0, 0)

TEST(WALL_CLOCK_READ, BOUNDARY, it_is_in_this_century)
{
	uint64_t wall = pv_wall_clock_read();

	expect("after 2000", wall > YEAR_2000);
	expect("before 2100", wall < YEAR_2100);
}

TEST(WALL_CLOCK_READ, HOSTILE, rubbish_where_it_has_no_arguments_is_ignored)
{
	uint64_t before = pv_wall_clock_read(), read = with_rubbish(stack_wall_clock_read);

	expect("it is the same, to the second", read + SECOND >= before && read <= before + 2 * SECOND);
}

/* ---- StolenTimeRead ---- */

TEST(STOLEN_TIME_READ, POSITIVE, it_does_not_go_back)
{
	uint64_t before = pv_stolen_time_read();

	for (unsigned i = 0; i < 100; i++) {
		uint64_t now = pv_stolen_time_read();

		each(now >= before, now);
		before = now;
	}
	all("in 100 readings");
}

TEST_FRUGAL(STOLEN_TIME_READ, stolen_time_read, 0, 0, 0)

TEST(STOLEN_TIME_READ, BOUNDARY, it_grows_by_no_more_than_the_clock)
{
	uint64_t clock = pv_clock_read(), stolen = pv_stolen_time_read();

	timer_begin();
	spin(MS);
	stolen = pv_stolen_time_read() - stolen;
	expect("in 1 ms", stolen <= pv_clock_read() - clock);
}

TEST(STOLEN_TIME_READ, HOSTILE, rubbish_where_it_has_no_arguments_is_ignored)
{
	uint64_t before = pv_stolen_time_read(), read = with_rubbish(stack_stolen_time_read);

	expect("it is between two others", before <= read && read <= pv_stolen_time_read());
}
