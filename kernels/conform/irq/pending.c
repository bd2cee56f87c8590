/* SPDX-License-Identifier: MIT */
/* IrqPending. A 1 may be about something from outside that turns out to be nothing, so tests of 0 begin with an open window. */
#include "irq.h"

leaf_call leaf_irq_pending;

/* Binds, and lets in what may have come before. */
static void pending_begin(void)
{
	irq_begin();
	let();
	let();
}

/* A deadline may show only when the call is repeated. */
static int comes_to_wait(void)
{
	uint64_t start = pv_clock_read();

	while (!pv_irq_pending() && pv_clock_read() - start < 1000 * MS)
		;
	return pv_irq_pending() == 1;
}

static int comes_to_nothing(void)
{
	uint64_t start = pv_clock_read();

	while (pv_irq_pending() && pv_clock_read() - start < 1000 * MS)
		;
	return !pv_irq_pending();
}

TEST(IRQ_PENDING, POSITIVE, it_says_1_while_an_event_waits)
{
	pending_begin();
	same("nothing does", pv_irq_pending(), 0);
	pv_event_send(VMI_SOURCE_SOFT);
	same("one does", pv_irq_pending(), 1);
	same("and goes on waiting", pv_irq_pending(), 1);
	same("it came to no handler", events, 0);
	let();
	same("enabling delivers it", events, 1);
	pv_event_ack(VMI_SOURCE_SOFT);
	let();
	same("then nothing does", pv_irq_pending(), 0);
}

TEST(IRQ_PENDING, POSITIVE, a_deadline_that_passes_shows)
{
	pending_begin();
	pv_timer_set(pv_clock_read() + 3600 * 1000 * MS);
	same("not before", pv_irq_pending(), 0);
	pv_timer_set(pv_clock_read() + MS);
	expect("soon after", comes_to_wait());
	same("it came to no handler", ticks, 0);
}

TEST(IRQ_PENDING, POSITIVE, it_keeps_every_register_but_its_result)
{
	pending_begin();
	same("with nothing waiting", lost(leaf_irq_pending, RUBBISH, RUBBISH, LOSES_RAX), 0);
	same("it says so", left.rax, 0);
	pv_event_send(VMI_SOURCE_SOFT);
	same("with an event", lost(leaf_irq_pending, RUBBISH, RUBBISH, LOSES_RAX), 0);
	same("it says so too", left.rax, 1);
}

TEST_FRUGAL(IRQ_PENDING, irq_pending, 0, 0, 0)

static void leave_unacknowledged(struct vmi_trap *trap)
{
	(void)trap;
	events++;
}

TEST(IRQ_PENDING, BOUNDARY, what_is_masked_or_being_handled_does_not_count)
{
	pending_begin();
	vmi_handle(SOFT_VECTOR, leave_unacknowledged);
	pv_event_mask(VMI_SOURCE_SOFT);
	pv_event_send(VMI_SOURCE_SOFT);
	let();
	same("masked", pv_irq_pending(), 0);
	pv_event_unmask(VMI_SOURCE_SOFT);
	same("unmasked", pv_irq_pending(), 1);
	let();
	same("it is delivered", events, 1);
	pv_event_send(VMI_SOURCE_SOFT);
	let();
	same("raised again before EventAck", pv_irq_pending(), 0);
	pv_event_ack(VMI_SOURCE_SOFT);
	same("after it", pv_irq_pending(), 1);
}

TEST(IRQ_PENDING, BOUNDARY, with_interrupts_enabled_nothing_waits_for_long)
{
	pending_begin();
	pv_irq_enable();
	breathe();
	pv_event_send(VMI_SOURCE_SOFT);
	expect("the event comes", comes(&events, 1));
	same("they stay enabled", pv_irq_pending() <= 1 && is_enabled(), 1);
	expect("nothing waits any more", comes_to_nothing());
}

TEST(IRQ_PENDING, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	pending_begin();
	same("it keeps them", lost_hostile(leaf_irq_pending, LOSES_RAX), 0);
	same("it says that nothing waits", left.rax, 0);
	same("interrupts stay disabled", is_enabled(), 0);
}
