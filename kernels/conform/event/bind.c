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

TEST_FRUGAL(EVENT_BIND, event_bind, FIRST, 0, 0)

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
