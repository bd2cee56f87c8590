/* SPDX-License-Identifier: MIT */
/* The deadline. */
#include "time.h"

volatile unsigned ticks;
volatile uint64_t came;

on_stack stack_timer_set, stack_timer_cancel;

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	came = pv_clock_read();
	ticks++;
	pv_event_ack(VMI_SOURCE_TIMER);
}

void spin(uint64_t ns)
{
	uint64_t start = pv_clock_read();

	while (pv_clock_read() - start < ns)
		for (unsigned i = 0; i < 100; i++)
			breathe(); /* reading the clock may cost more than all of this */
}

/* Several times what a deadline comes late here. */
static uint64_t measure(void)
{
	uint64_t late = 0;

	for (unsigned i = 1; i <= 20; i++) {
		uint64_t at = pv_clock_read() + 20000;

		pv_timer_set(at);
		pv_halt();
		pv_irq_disable();
		if (came - at > late)
			late = came - at;
	}
	return late < 10000 ? 40000 : late > 5 * MS ? 20 * MS : 4 * late;
}

uint64_t timer_begin(void)
{
	static uint64_t unit;

	vmi_handle(TIMER_VECTOR, on_tick);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	if (!unit)
		unit = measure();
	ticks = 0;
	return unit;
}

/* A deadline that passes while interrupts are disabled. */
static void pass(uint64_t unit)
{
	pv_timer_set(pv_clock_read() + unit);
	spin(4 * unit);
}

/* ---- TimerSet ---- */

TEST(TIMER_SET, POSITIVE, a_deadline_comes_once_and_not_early)
{
	uint64_t unit = timer_begin(), start = pv_clock_read();

	pv_irq_enable();
	same("it succeeds", pv_timer_set(start + 2 * unit), 0);
	expect("it comes", comes(&ticks, 1));
	expect("not early", came >= start + 2 * unit);
	expect("not much later", came < start + 500 * MS);
	spin(unit);
	same("once", ticks, 1);
}

TEST(TIMER_SET, POSITIVE, it_ends_halt_each_time)
{
	timer_begin();
	for (unsigned i = 0; i < 40; i++) {
		unsigned before = ticks;
		uint64_t at = pv_clock_read() + 1000 + 3571 * i;

		pv_timer_set(at);
		pv_halt();
		pv_irq_disable();
		each(ticks == before + 1, i);
		each(came >= at, i | 0x100);
	}
	all("40 deadlines come, none early");
}

TEST(TIMER_SET, POSITIVE, a_later_deadline_replaces_an_earlier_one)
{
	uint64_t unit = timer_begin(), start, set, seen;
	unsigned tries = 0;

	do { /* until the host did not keep the processor for so long that either deadline had passed */
		pv_timer_cancel();
		let();
		ticks = 0;
		start = pv_clock_read();
		pv_timer_set(start + unit);
		pv_timer_set(start + 8 * unit);
		set = pv_clock_read();
		spin(4 * unit);
		let();
		seen = pv_clock_read();
	} while ((set >= start + unit || seen >= start + 8 * unit) && ++tries < 100);
	same("the earlier does not come", ticks, 0);
	pv_irq_enable();
	expect("the later does", comes(&ticks, 1));
	expect("not early", came >= start + 8 * unit);
}

TEST(TIMER_SET, POSITIVE, an_earlier_deadline_replaces_a_later_one)
{
	uint64_t unit = timer_begin(), start = pv_clock_read();

	pv_timer_set(start + 500 * MS);
	pv_timer_set(start + unit);
	pv_irq_enable();
	expect("it comes", comes(&ticks, 1));
	expect("when it should", came >= start + unit && came < start + 500 * MS);
}

TEST_FRUGAL(TIMER_SET, timer_set, UINT64_MAX / 4, 0, 0)

TEST(TIMER_SET, BOUNDARY, a_deadline_in_the_past_comes_at_once)
{
	uint64_t unit = timer_begin(), start = pv_clock_read();

	pv_irq_enable();
	same("this moment succeeds", pv_timer_set(pv_clock_read()), 0);
	expect("it comes", comes(&ticks, 1));
	expect("at once", came - start < 10 * MS);
	same("the beginning of time succeeds", pv_timer_set(0), 0);
	expect("it comes too", comes(&ticks, 2));
	spin(unit);
	same("each once", ticks, 2);
}

TEST(TIMER_SET, BOUNDARY, it_leaves_an_event_that_is_pending)
{
	uint64_t unit = timer_begin();

	pass(unit);
	same("the event waits", ticks, 0);
	pv_timer_set(pv_clock_read() + 500 * MS);
	let();
	same("it comes", ticks, 1);
	let();
	same("once", ticks, 1);
}

TEST(TIMER_SET, BOUNDARY, a_deadline_that_passes_while_interrupts_are_disabled_waits)
{
	uint64_t unit = timer_begin();

	pass(unit);
	same("it waits", ticks, 0);
	pv_irq_enable();
	expect("it comes when they are enabled", comes(&ticks, 1));
}

TEST(TIMER_SET, BOUNDARY, a_deadline_that_passes_while_timer_is_masked_waits)
{
	uint64_t unit = timer_begin();

	pv_event_mask(VMI_SOURCE_TIMER);
	pv_timer_set(0);
	spin(unit);
	let();
	same("it waits", ticks, 0);
	pv_irq_enable();
	pv_event_unmask(VMI_SOURCE_TIMER);
	expect("it comes when TIMER is unmasked", comes(&ticks, 1));
}

TEST(TIMER_SET, BOUNDARY, a_deadline_that_passes_while_timer_is_unbound_waits)
{
	uint64_t unit = timer_begin();

	pv_event_bind(VMI_SOURCE_TIMER, 0);
	pass(unit);
	let();
	same("it waits", ticks, 0);
	pv_irq_enable();
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	expect("it comes when TIMER is bound", comes(&ticks, 1));
}

TEST(TIMER_SET, HOSTILE, deadlines_beyond_all_time_do_not_come)
{
	static const uint64_t moments[] = { UINT64_MAX / 4, UINT64_MAX / 2, UINT64_MAX / 2 + 1, UINT64_MAX - 1, UINT64_MAX,
					    1ull << 50, 1ull << 55, 1ull << 60, 1ull << 62 };
	uint64_t unit = timer_begin();

	pv_irq_enable();
	for (unsigned i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		each(!pv_timer_set(moments[i]), i);
		spin(unit / 2);
		each(!ticks, i | 0x100);
	}
	all("each is taken, and none comes");
	pv_timer_set(pv_clock_read() + unit);
	expect("a near one after them does", comes(&ticks, 1));
}

TEST(TIMER_SET, HOSTILE, a_storm_of_deadlines_is_survived)
{
	uint64_t unit = timer_begin();
	unsigned before;

	pv_irq_enable();
	for (unsigned i = 0; i < 500; i++)
		pv_timer_set(i % 3 ? 0 : UINT64_MAX);
	pv_timer_cancel();
	let();
	before = ticks;
	expect("some came", before > 0);
	pv_irq_enable();
	spin(unit);
	same("no more come", ticks, before);
}

/* ---- TimerCancel ---- */

TEST(TIMER_CANCEL, POSITIVE, a_deadline_that_was_cancelled_does_not_come)
{
	uint64_t unit = timer_begin();

	pv_timer_set(pv_clock_read() + unit);
	same("it succeeds", pv_timer_cancel(), 0);
	spin(4 * unit);
	let();
	same("it does not come", ticks, 0);
	pv_timer_set(pv_clock_read() + unit);
	pv_irq_enable();
	expect("another one does", comes(&ticks, 1));
}

TEST_FRUGAL(TIMER_CANCEL, timer_cancel, 0, 0, 0)

TEST(TIMER_CANCEL, BOUNDARY, an_event_that_is_pending_stays_pending)
{
	uint64_t unit = timer_begin();

	pass(unit);
	pv_timer_cancel();
	same("it waits", ticks, 0);
	let();
	same("it comes", ticks, 1);
	let();
	same("once", ticks, 1);
}

TEST(TIMER_CANCEL, BOUNDARY, without_a_deadline_it_succeeds)
{
	timer_begin();
	same("it does", pv_timer_cancel(), 0);
	same("each time", pv_timer_cancel(), 0);
	let();
	same("nothing comes", ticks, 0);
}

TEST(TIMER_CANCEL, HOSTILE, rubbish_where_it_has_no_arguments_is_ignored)
{
	uint64_t unit = timer_begin();

	pv_timer_set(pv_clock_read() + unit);
	same("it succeeds", raw_result(stack_timer_cancel, NOT_CANONICAL, UNMAPPED, UINT64_MAX), 0);
	spin(4 * unit);
	let();
	same("the deadline does not come", ticks, 0);
}
