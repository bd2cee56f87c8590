/* SPDX-License-Identifier: MIT */
/* Waiting. */
#include "irq.h"

TEST(HALT, POSITIVE, an_event_that_waits_is_delivered)
{
	irq_begin();
	pv_event_send(VMI_SOURCE_SOFT);
	pv_halt();
	same("before it returns", events, 1);
	same("with interrupts enabled", is_enabled(), 1);
}

TEST(HALT, POSITIVE, it_waits_for_the_timer)
{
	uint64_t start;

	irq_begin();
	start = pv_clock_read();
	pv_timer_set(start + 3 * MS);
	pv_halt();
	same("it is delivered", ticks, 1);
	expect("not before its time", pv_clock_read() - start >= 3 * MS);
	same("it returns with interrupts enabled", is_enabled(), 1);
	pv_timer_set(pv_clock_read() + 2 * MS);
	pv_halt();
	same("it waits when they were enabled, too", ticks, 2);
}

TEST(HALT, POSITIVE, deadlines_end_it_once_each_and_not_early)
{
	irq_begin();
	for (unsigned i = 0; i < 50; i++) {
		unsigned before = ticks;
		uint64_t start = pv_clock_read();

		pv_timer_set(start + 20000 + 7919 * i);
		pv_halt();
		each(ticks == before + 1, i);
		each(pv_clock_read() - start >= 20000 + 7919 * i, i | 0x100);
		pv_irq_disable();
	}
	all("50 of them");
}

TEST(HALT, POSITIVE, it_keeps_every_register)
{
	irq_begin();
	pv_event_send(VMI_SOURCE_SOFT);
	same("with an event", lost(leaf_halt, RUBBISH, RUBBISH, LOSES_NONE), 0);
	same("which came", events, 1);
	pv_irq_disable();
	pv_timer_set(pv_clock_read() + 2 * MS);
	same("when it waits", lost(leaf_halt, RUBBISH, RUBBISH, LOSES_NONE), 0);
	same("until the tick", ticks, 1);
}

TEST(HALT, BOUNDARY, a_deadline_that_passes_on_the_way_in_ends_it)
{
	irq_begin();
	for (unsigned i = 0; i < 50; i++) {
		unsigned before = ticks;

		pv_timer_set(pv_clock_read() + i * 50);
		pv_halt();
		each(ticks == before + 1, i);
		pv_irq_disable();
	}
	all("50 of them");
}

TEST(HALT, BOUNDARY, an_event_that_is_masked_does_not_end_it)
{
	uint64_t start;

	irq_begin();
	pv_event_mask(VMI_SOURCE_SOFT);
	pv_event_send(VMI_SOURCE_SOFT);
	start = pv_clock_read();
	pv_timer_set(start + MS);
	pv_halt();
	expect("the deadline does", pv_clock_read() - start >= MS && ticks == 1);
	same("it was not delivered", events, 0);
	pv_event_unmask(VMI_SOURCE_SOFT);
	breathe();
	same("it comes when it is unmasked", events, 1);
}

TEST(HALT, BOUNDARY, an_event_that_came_before_it_does_not_end_it)
{
	uint64_t start;

	irq_begin();
	pv_event_send(VMI_SOURCE_SOFT);
	let();
	same("it came", events, 1);
	start = pv_clock_read();
	pv_timer_set(start + MS);
	pv_halt();
	expect("the deadline does", pv_clock_read() - start >= MS && ticks == 1);
}

TEST(HALT, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	irq_begin();
	pv_event_send(VMI_SOURCE_SOFT);
	same("it keeps them", lost_hostile(leaf_halt, LOSES_NONE), 0);
	same("the event came", events, 1);
	pv_irq_disable();
	pv_timer_set(pv_clock_read() + MS);
	same("also when it waits", lost_hostile(leaf_halt, LOSES_NONE), 0);
	same("until the tick", ticks, 1);
}
