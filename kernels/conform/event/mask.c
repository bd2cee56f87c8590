/* SPDX-License-Identifier: MIT */
/* EventMask and EventUnmask. */
#include "event.h"

on_stack stack_event_mask, stack_event_unmask;

static int64_t mask(uint32_t source)
{
	return pv_event_mask(source);
}

static int64_t unmask(uint32_t source)
{
	return pv_event_unmask(source);
}

/* ---- EventMask ---- */

TEST(EVENT_MASK, POSITIVE, a_masked_source_is_held_back_and_no_other)
{
	begin();
	same("it succeeds", pv_event_mask(FIRST), 0);
	pv_irq_enable();
	pv_event_send(FIRST);
	breathe();
	same("the source does not come", came(0), 0);
	pv_event_send(FIRST + 1);
	same("another one does, meanwhile", came(1), 1);
	pv_event_unmask(FIRST);
	same("what became pending is not lost", came(0), 1);
}

TEST(EVENT_MASK, POSITIVE, each_of_the_guests_sources_can_be_masked)
{
	begin();
	for (unsigned i = 0; i < SOURCES; i++) {
		each(!pv_event_mask(FIRST + i), i);
		pv_event_send(FIRST + i);
	}
	all("it succeeds");
	let();
	same("none comes", arrived, 0);
	for (unsigned i = 0; i < SOURCES; i++) {
		pv_event_unmask(FIRST + i);
		let();
		each(came(i) == 1 && arrived == i + 1, i);
	}
	all("each comes when it is unmasked");
}

TEST_FRUGAL(EVENT_MASK, event_mask, FIRST, 0, 0)

TEST(EVENT_MASK, BOUNDARY, it_does_not_count)
{
	begin();
	pv_event_mask(FIRST);
	same("a second time succeeds", pv_event_mask(FIRST), 0);
	pv_event_send(FIRST);
	pv_event_unmask(FIRST);
	let();
	same("once unmasked is unmasked", came(0), 1);
}

TEST(EVENT_MASK, BOUNDARY, a_source_that_is_pending_is_held_back)
{
	begin();
	pv_event_send(FIRST);
	pv_event_mask(FIRST);
	let();
	same("it does not come", came(0), 0);
	pv_event_unmask(FIRST);
	let();
	same("it comes when it is unmasked", came(0), 1);
}

TEST(EVENT_MASK, BOUNDARY, interrupts_stay_as_they_are)
{
	begin();
	pv_event_mask(FIRST);
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_irq_enable();
	pv_event_mask(FIRST + 1);
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST(EVENT_MASK, HOSTILE, what_is_no_source_is_invalid)
{
	refuses_no_sources(mask);
}

TEST(EVENT_MASK, HOSTILE, rubbish_above_its_argument_is_ignored)
{
	begin();
	same("it succeeds", raw_result(stack_event_mask, DIRTY(FIRST), NOT_CANONICAL, UINT64_MAX), 0);
	pv_event_send(FIRST);
	let();
	same("the source is masked", came(0), 0);
}

/* ---- EventUnmask ---- */

TEST(EVENT_UNMASK, POSITIVE, what_is_pending_is_delivered_before_it_returns)
{
	begin();
	pv_event_mask(FIRST);
	pv_irq_enable();
	pv_event_send(FIRST);
	same("it succeeds", pv_event_unmask(FIRST), 0);
	same("the event came", came(0), 1);
	pv_event_unmask(FIRST);
	same("once", came(0), 1);
}

TEST(EVENT_UNMASK, POSITIVE, with_interrupts_disabled_it_delivers_nothing)
{
	begin();
	pv_event_mask(FIRST);
	pv_event_send(FIRST);
	same("it succeeds", pv_event_unmask(FIRST), 0);
	breathe();
	same("nothing comes", came(0), 0);
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	let();
	same("it comes when they are enabled", came(0), 1);
}

TEST_FRUGAL(EVENT_UNMASK, event_unmask, FIRST, 0, 0)

TEST(EVENT_UNMASK, BOUNDARY, without_anything_pending_it_delivers_nothing)
{
	begin();
	pv_irq_enable();
	pv_event_mask(FIRST);
	pv_event_unmask(FIRST);
	breathe();
	same("nothing comes", arrived, 0);
	same("each of the guest's sources", pv_event_unmask(FIRST), 0);
	for (unsigned i = 0; i < SOURCES; i++)
		each(!pv_event_unmask(FIRST + i), i);
	all("it succeeds for each that was never masked");
	same("nothing comes by that", arrived, 0);
	same("interrupts stay enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST(EVENT_UNMASK, BOUNDARY, a_source_bound_to_nothing_stays_pending)
{
	begin();
	pv_event_send(FIRST);
	bind(FIRST, 0);
	pv_irq_enable();
	same("it succeeds", pv_event_unmask(FIRST), 0);
	breathe();
	same("nothing comes", arrived, 0);
	bind(FIRST, SOFT_VECTOR);
	breathe();
	same("it comes when it is bound", came(0), 1);
}

TEST(EVENT_UNMASK, BOUNDARY, a_source_that_is_being_handled_waits_for_its_acknowledgement)
{
	begin();
	acknowledges = 0;
	pv_event_send(FIRST);
	let();
	pv_event_mask(FIRST);
	pv_event_send(FIRST);
	pv_irq_enable();
	pv_event_unmask(FIRST);
	breathe();
	same("it waits", came(0), 1);
	acknowledges = 1;
	pv_event_ack(FIRST);
	breathe();
	same("it comes after that", came(0), 2);
}

TEST(EVENT_UNMASK, HOSTILE, what_is_no_source_is_invalid)
{
	refuses_no_sources(unmask);
}

TEST(EVENT_UNMASK, HOSTILE, rubbish_above_its_argument_is_ignored)
{
	begin();
	pv_event_mask(FIRST);
	pv_event_send(FIRST);
	same("it succeeds", raw_result(stack_event_unmask, DIRTY(FIRST), NOT_CANONICAL, UINT64_MAX), 0);
	let();
	same("the source is unmasked", came(0), 1);
}
