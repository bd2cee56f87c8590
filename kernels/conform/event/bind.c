/* SPDX-License-Identifier: MIT */
/* EventBind. */
#include "event.h"

on_stack stack_event_bind;

TEST(EVENT_BIND, POSITIVE, each_source_comes_at_its_vector)
{
	begin();
	for (unsigned i = 0; i < SOURCES; i++) {
		same("it succeeds", bind(FIRST + i, SECOND_VECTOR + i), 0);
		pv_event_send(FIRST + i);
		let();
		each(count[SECOND_VECTOR + i] == 1, i);
		each(arrived == i + 1, i | 0x10);
	}
	all("there and nowhere else");
}

TEST(EVENT_BIND, POSITIVE, a_source_bound_to_nothing_stays_pending)
{
	begin();
	bind(FIRST, 0);
	pv_irq_enable();
	pv_event_send(FIRST);
	breathe();
	same("it does not come", arrived, 0);
	bind(FIRST, SOFT_VECTOR);
	breathe();
	same("it comes when the source is bound", came(0), 1);
	same("once", arrived, 1);
}

TEST(EVENT_BIND, POSITIVE, a_pending_event_moves_with_its_source)
{
	begin();
	pv_event_send(FIRST);
	bind(FIRST, 0);
	let();
	same("one of a source that is unbound meanwhile does not come", arrived, 0);
	bind(FIRST, SECOND_VECTOR);
	let();
	same("it comes where its source is bound next", count[SECOND_VECTOR], 1);
	same("and not where it was bound before", came(0), 0);
	pv_event_send(FIRST);
	bind(FIRST, SOFT_VECTOR);
	let();
	same("from one vector to another it moves too", came(0), 1);
	same("and does not come at the first", count[SECOND_VECTOR], 1);
	let();
	same("nothing comes twice by that", arrived, 2);
}

TEST(EVENT_BIND, POSITIVE, it_unmasks)
{
	begin();
	pv_event_mask(FIRST);
	pv_event_send(FIRST);
	let();
	same("a masked source waits", came(0), 0);
	bind(FIRST, SOFT_VECTOR);
	let();
	same("it comes when it is bound again", came(0), 1);
}

TEST(EVENT_BIND, POSITIVE, what_is_not_here_is_not_supported)
{
	int64_t result = pv_event_bind(VMI_SOURCE_CONSOLE, CONSOLE_VECTOR);

	same("TIMER is here", pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR), 0);
	expect("CONSOLE can be bound or is NOT_SUPPORTED", !result || result == VMI_NOT_SUPPORTED);
	result = pv_event_bind(VMI_SOURCE_SUSPEND, SECOND_VECTOR);
	expect("SUSPEND can be bound or is NOT_SUPPORTED", !result || result == VMI_NOT_SUPPORTED);
	result = pv_event_bind(VMI_SOURCE_IPI, IPI_VECTOR);
	same("IPI can be bound where there is group smp, and is NOT_SUPPORTED elsewhere", result,
	     vmi_revision(VMI_GROUP_SMP) ? 0 : VMI_NOT_SUPPORTED);
}

TEST(EVENT_BIND, POSITIVE, it_ends_the_handling_of_a_delivery)
{
	static const unsigned vectors[] = { SOFT_VECTOR, SECOND_VECTOR, SOFT_VECTOR };

	begin();
	acknowledges = 0;
	for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		pv_event_send(FIRST);
		let();
		each(arrived == 2 * i + 1, i);
		pv_event_send(FIRST);
		let();
		each(arrived == 2 * i + 1, i | 0x10);
		if (i == 2)
			bind(FIRST, 0);
		bind(FIRST, vectors[i]);
		let();
		each(arrived == 2 * i + 2, i | 0x20);
		bind(FIRST, vectors[i]);
	}
	all("what waited for EventAck comes: at the same vector, at another one, and over none");
	acknowledges = 1;
	pv_irq_enable();
	pv_event_send(FIRST);
	breathe();
	same("with interrupts enabled it goes on as ever", arrived, 7);
}

TEST_FRUGAL(EVENT_BIND, event_bind, FIRST, 0, 0)

TEST(EVENT_BIND, BOUNDARY, an_acknowledgement_that_comes_after_it_is_of_the_next_delivery)
{
	begin();
	acknowledges = 0;
	pv_event_send(FIRST);
	let();
	bind(FIRST, SECOND_VECTOR);
	pv_event_send(FIRST);
	same("with nothing handled it succeeds", pv_event_ack(FIRST), 0);
	let();
	same("and takes nothing of what is pending", count[SECOND_VECTOR], 1);
	pv_event_send(FIRST);
	let();
	same("until the next one nothing comes", count[SECOND_VECTOR], 1);
	pv_event_ack(FIRST);
	let();
	same("then it does", count[SECOND_VECTOR], 2);
}

/* No handler is there: what is on its way must not arrive. */
static const unsigned without_handler[] = { 64, 100, 127, 128, 200, 239, 254, 255 };

TEST(EVENT_BIND, BOUNDARY, what_is_pending_never_comes_at_a_vector_that_its_source_has_left)
{
	begin();
	for (unsigned i = 0; i < sizeof(without_handler) / sizeof(without_handler[0]); i++) {
		unsigned vector = without_handler[i];

		each(!pv_event_bind(FIRST, vector), vector);
		pv_event_send(FIRST);
		bind(FIRST, 0);
		let();
		each(arrived == 2 * i, vector | 0x1000);
		bind(FIRST, SOFT_VECTOR);
		let();
		each(arrived == 2 * i + 1, vector | 0x2000);
		pv_event_bind(FIRST, vector);
		pv_event_send(FIRST);
		bind(FIRST, SECOND_VECTOR);
		let();
		each(count[SECOND_VECTOR] == i + 1, vector | 0x3000);
	}
	all("it waits, or comes where the source is");
}

TEST(EVENT_BIND, BOUNDARY, nor_does_what_is_held_back_there)
{
	begin();
	for (unsigned i = 0; i < sizeof(without_handler) / sizeof(without_handler[0]); i++) {
		unsigned vector = without_handler[i];

		pv_event_bind(FIRST, vector);
		pv_event_send(FIRST);
		pv_event_mask(FIRST);
		let();
		each(arrived == i, vector);
		bind(FIRST, SOFT_VECTOR);
		let();
		each(arrived == i + 1, vector | 0x1000);
	}
	all("masked it waits");
}

static volatile unsigned ticks;

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	pv_event_ack(VMI_SOURCE_TIMER);
	ticks++;
}

TEST(EVENT_BIND, BOUNDARY, nor_does_a_deadline_that_has_passed)
{
	ticks = 0;
	vmi_handle(TIMER_VECTOR, on_tick);
	for (unsigned i = 0; i < sizeof(without_handler) / sizeof(without_handler[0]); i++) {
		unsigned vector = without_handler[i];
		uint64_t until = pv_clock_read() + 50000;

		each(!pv_event_bind(VMI_SOURCE_TIMER, vector), vector);
		pv_timer_set(i % 2 ? until : 0);
		while (pv_clock_read() < until + 50000)
			;
		pv_event_bind(VMI_SOURCE_TIMER, 0);
		let();
		each(ticks == i, vector | 0x1000);
		pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
		pv_irq_enable();
		each(comes(&ticks, i + 1), vector | 0x2000);
		pv_irq_disable();
	}
	all("it waits until TIMER is bound");
	let();
	same("each comes once", ticks, sizeof(without_handler) / sizeof(without_handler[0]));
}

TEST_ENDS(EVENT_BIND, HOSTILE, an_event_at_a_vector_without_handler_ends_the_guest_as_a_crash, ENDS_CRASH, 0)
{
	begin();
	pv_event_bind(FIRST, 200);
	pv_irq_enable();
	pv_event_send(FIRST);
	breathe();
}

TEST(EVENT_BIND, BOUNDARY, what_is_so_already_succeeds)
{
	begin();
	same("its own vector again", bind(FIRST, SOFT_VECTOR), 0);
	pv_event_send(FIRST);
	let();
	same("it comes once", came(0), 1);
	same("nothing", bind(FIRST, 0), 0);
	same("nothing again", bind(FIRST, 0), 0);
}

TEST(EVENT_BIND, BOUNDARY, a_vector_that_was_left_can_be_taken)
{
	begin();
	bind(FIRST, 0);
	same("by another source", bind(FIRST + 1, SOFT_VECTOR), 0);
	pv_event_send(FIRST);
	pv_event_send(FIRST + 1);
	let();
	same("which comes there", came(0), 1);
	same("alone", arrived, 1);
	same("what it left as well", bind(FIRST, SOFT_VECTOR + 1), 0);
	let();
	same("and there comes what had waited", came(1), 1);
}

TEST(EVENT_BIND, BOUNDARY, every_vector_from_32_to_255_can_be_had)
{
	begin();
	for (unsigned i = 0; i < SOURCES; i++)
		bind(FIRST + i, 0);
	for (unsigned vector = 32; vector < VMI_VECTORS; vector++) {
		unsigned source = FIRST + vector % SOURCES;

		each(!bind(source, vector), vector);
		pv_event_send(source);
		let();
		each(count[vector] == 1, vector | 0x1000);
		bind(source, 0);
	}
	all("an event comes at each that libvmi has a handler for");
	for (unsigned vector = VMI_VECTORS; vector < 256; vector++)
		each(!pv_event_bind(FIRST, vector), vector);
	all("each above them can be bound");
}

TEST(EVENT_BIND, BOUNDARY, interrupts_stay_as_they_are)
{
	begin();
	bind(FIRST, SECOND_VECTOR);
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_irq_enable();
	bind(FIRST, SOFT_VECTOR);
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	bind(FIRST, 0);
	pv_event_send(FIRST);
	bind(FIRST, SOFT_VECTOR);
	breathe();
	same("enabled, with an event", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	same("which comes", arrived, 1);
}

TEST(EVENT_BIND, HOSTILE, the_vector_of_another_source_is_busy)
{
	begin();
	same("it is", pv_event_bind(FIRST + 1, SOFT_VECTOR), VMI_BUSY);
	pv_event_send(FIRST + 1);
	let();
	same("the source is where it was", came(1), 1);
	same("not there", came(0), 0);
	pv_event_send(FIRST);
	let();
	same("the other one is where it was", came(0), 1);
	pv_event_mask(FIRST + 1);
	pv_event_send(FIRST + 1);
	same("of a masked source it is too", pv_event_bind(FIRST + 1, SOFT_VECTOR), VMI_BUSY);
	let();
	same("which stays so", came(1), 1);
	pv_event_unmask(FIRST + 1);
	acknowledges = 0;
	let();
	pv_event_send(FIRST + 1);
	same("of one that is being handled it is too", pv_event_bind(FIRST + 1, SOFT_VECTOR), VMI_BUSY);
	let();
	same("which stays so as well", came(1), 2);
}

static int64_t bind_to_vector(uint32_t source)
{
	int64_t result = pv_event_bind(source, HIGH_VECTOR);

	/* One between the sources might exist some day. */
	return result == VMI_NOT_SUPPORTED && source < VMI_SOURCE_SOFT ? VMI_INVALID : result;
}

static int64_t bind_to_nothing(uint32_t source)
{
	int64_t result = pv_event_bind(source, 0);

	return result == VMI_NOT_SUPPORTED && source < VMI_SOURCE_SOFT ? VMI_INVALID : result;
}

TEST(EVENT_BIND, HOSTILE, what_is_no_source_is_invalid)
{
	refuses_no_sources(bind_to_vector);
	refuses_no_sources(bind_to_nothing);
}

TEST(EVENT_BIND, HOSTILE, what_is_no_vector_for_events_is_invalid)
{
	static const uint32_t no_vectors[] = { 1, 2, 14, 31, 256, 257, 288, 0x10020, 0x80000020, UINT32_MAX };

	begin();
	for (unsigned i = 0; i < sizeof(no_vectors) / sizeof(no_vectors[0]); i++)
		each(pv_event_bind(FIRST, no_vectors[i]) == VMI_INVALID, no_vectors[i]);
	all("each of them");
	pv_event_send(FIRST);
	let();
	same("the source is where it was", came(0), 1);
}

TEST(EVENT_BIND, HOSTILE, rubbish_above_its_arguments_is_ignored)
{
	begin();
	bind(FIRST, 0);
	same("it succeeds", raw_result(stack_event_bind, DIRTY(FIRST), DIRTY(SOFT_VECTOR), NOT_CANONICAL), 0);
	pv_event_send(FIRST);
	let();
	same("the source is bound", came(0), 1);
}
